"""The zip: complete, compiled, small, and nothing in it that does not belong there."""

import importlib.util
import json
import marshal
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from types import CodeType

import pytest

from deploy.package import Package
from tests.package.conftest import Properties

LIMIT = 15_000_000  # bytes

# What Lambda's Python runtime brings along: boto3 and what it needs.
LAMBDAS_OWN = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")

# How a key or token of somebody begins, and enough after it to be one.
SECRETS = {
    "Stripe key": rb"\b[srp]k_(?:live|test)_[A-Za-z0-9]{10,}",
    "webhook secret": rb"\bwhsec_[A-Za-z0-9+/=]{10,}",
    "admin key": rb"\btill_[a-z0-9]{10,}_[a-z0-9]{10,}",
    "AWS key": rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}

# Runs in an interpreter that knows the standard library, the folders it is given, and nothing else.
IMPORT_ALL = """
import importlib, json, pathlib, sys
task, runtime, handlers = sys.argv[1], sys.argv[2], sys.argv[3:]
sys.path[:0] = [task, runtime]
modules = ["app"]
for path in sorted(pathlib.Path(task, "chalicelib").rglob("*.py")):
    modules.append(".".join(path.relative_to(task).with_suffix("").parts).removesuffix(".__init__"))
for module in modules:
    importlib.import_module(module)
for handler in handlers:
    module, _, name = handler.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name)), handler
import stripe
print(json.dumps({
    "apps": [importlib.import_module("app").app.app_name],
    "imported": modules,
    "from the package": [
        name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(task)
    ],
}))
"""


@pytest.fixture(scope="session")
def lambdas_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with only the libraries that Lambda's runtime has."""
    folder = tmp_path_factory.mktemp("runtime")
    site_packages = Path(str(distribution("boto3").locate_file("")))
    for name in LAMBDAS_OWN:
        (folder / name).symlink_to(site_packages / name)
    return folder


@pytest.fixture(scope="session")
def handlers(functions: dict[str, Properties]) -> list[str]:
    return [function["Handler"] for function in functions.values()]


def _import_all(task: Path, runtime: Path, handlers: list[str]) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT_ALL, task, runtime, *handlers],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def _names(package: Package) -> list[str]:
    with zipfile.ZipFile(package.archive) as archive:
        return archive.namelist()


def test_the_archive_is_small(any_package: Package) -> None:
    assert any_package.size <= LIMIT


def test_every_module_imports_where_only_the_package_and_lambdas_runtime_are(
    unpacked: Path, lambdas_own: Path, handlers: list[str]
) -> None:
    found = _import_all(unpacked, lambdas_own, handlers)
    assert found["apps"] == ["tillhook"]
    ours = {name for name in found["imported"] if name.startswith("chalicelib")}
    assert {"chalicelib.wiring", "chalicelib.workers.relay", "chalicelib.adapters.stripe.payments"} <= ours


def test_modules_start_from_bytecode_alone(
    package: Package, lambdas_own: Path, handlers: list[str], tmp_path: Path
) -> None:
    """Sources that can not be compiled harm nobody: no cold start looks at them."""
    with zipfile.ZipFile(package.archive) as archive:
        archive.extractall(tmp_path)
    for source in tmp_path.rglob("*.py"):
        source.write_text("compiled again, which Lambda would pay for at each cold start\n")
    found = _import_all(tmp_path, lambdas_own, handlers)
    assert {"app", "chalice.app", "chalicelib.wiring", "requests", "stripe"} <= set(found["from the package"])


def test_every_module_has_bytecode_that_is_never_checked(any_package: Package) -> None:
    with zipfile.ZipFile(any_package.archive) as archive:
        names = set(archive.namelist())
        sources = {name for name in names if name.endswith(".py")}
        compiled = {importlib.util.cache_from_source(name) for name in sources}
        assert compiled == {name for name in names if name.endswith(".pyc")}
        for name in compiled:
            header = archive.read(name)[:8]
            assert header[:4] == importlib.util.MAGIC_NUMBER, name
            assert int.from_bytes(header[4:], "little") == 0b01, name  # by hash, unchecked (PEP 552)


def test_tracebacks_name_files_where_lambda_has_them(package: Package) -> None:
    with zipfile.ZipFile(package.archive) as archive:
        for source in ("app.py", "chalicelib/wiring.py", "stripe/__init__.py"):
            code = marshal.loads(archive.read(importlib.util.cache_from_source(source))[16:])  # noqa: S302  # bytecode of our own making
            assert isinstance(code, CodeType)
            assert code.co_filename == f"/var/task/{source}"


def test_what_lambda_has_already_is_not_shipped(any_package: Package) -> None:
    shipped = {name.partition("/")[0] for name in _names(any_package)}
    assert not shipped & {"boto3", "botocore", "s3transfer", "dateutil", "jmespath"}


def test_only_the_application_and_its_dependencies_are_shipped(any_package: Package) -> None:
    shipped = {name.partition("/")[0] for name in _names(any_package)}
    packages = {name for name in shipped if not name.endswith(".dist-info")}
    assert packages == {
        "app.py", "chalicelib", "chalice", "__pycache__", "typing_extensions.py",
        "certifi", "charset_normalizer", "idna", "msgspec", "requests", "stripe", "urllib3",
    }  # fmt: skip


def test_the_application_is_whole(package: Package, pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    ours = {path.relative_to(root).as_posix() for path in (root / "chalicelib").rglob("*.py")}
    assert {
        name for name in _names(package) if name.startswith("chalicelib/") and name.endswith(".py")
    } == ours


def test_the_licences_of_dependencies_come_along(any_package: Package) -> None:
    licensed = {
        name.partition("-")[0]
        for name in _names(any_package)
        if re.search(r"\.dist-info/.*(LICEN|COPYING|NOTICE)", name, re.IGNORECASE)
    }
    assert {"certifi", "charset_normalizer", "idna", "msgspec", "requests", "stripe", "urllib3"} <= licensed


def test_compiled_libraries_are_for_the_architecture(any_package: Package) -> None:
    machine = {"x86_64": 0x3E, "arm64": 0xB7}[any_package.architecture]  # ELF's e_machine
    with zipfile.ZipFile(any_package.archive) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
        assert libraries
        for name in libraries:
            header = archive.read(name)[:20]
            assert header[:4] == b"\x7fELF", name
            assert int.from_bytes(header[18:20], "little") == machine, name


def test_everybody_may_read_the_files_and_nobody_learns_their_times(any_package: Package) -> None:
    with zipfile.ZipFile(any_package.archive) as archive:
        entries = archive.infolist()
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(("what", "pattern"), SECRETS.items())
def test_no_secret_is_in_the_package(any_package: Package, what: str, pattern: bytes) -> None:
    assert re.findall(pattern, any_package.template.read_bytes()) == [], what
    with zipfile.ZipFile(any_package.archive) as archive:
        leaks = {name for name in archive.namelist() if re.search(pattern, archive.read(name))}
    assert leaks == set(), what


def test_the_package_names_no_folder_of_the_machine_that_built_it(
    any_package: Package, pytestconfig: pytest.Config
) -> None:
    home = str(pytestconfig.rootpath).encode()
    assert home not in any_package.template.read_bytes()
    with zipfile.ZipFile(any_package.archive) as archive:
        assert {name for name in archive.namelist() if home in archive.read(name)} == set()
