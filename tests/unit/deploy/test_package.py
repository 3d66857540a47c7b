import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # as in deploy/package.py
from chalice.constants import MISSING_DEPENDENCIES_TEMPLATE

from deploy import package as packaging
from deploy.package import Package, PackagingFailed, build, check_template, check_wheels

RUNTIME = packaging._runtime()  # noqa: SLF001  # whichever interpreter runs the tests


def _template(*, runtime: str = RUNTIME, **more: object) -> dict[str, Any]:
    function = {"Type": "AWS::Serverless::Function", "Properties": {"Runtime": runtime, **more}}
    return {"Resources": {"Api": function, "Queue": {"Type": "AWS::SQS::Queue"}}}


class FakeChalice:
    """Stands for `chalice package`: counts how often it runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.template = _template()

    def __call__(self, *, root: Path, home: Path, architecture: str) -> Path:
        self.runs += 1
        (home / "source").mkdir(exist_ok=True)
        made = home / "chalice"
        made.mkdir(exist_ok=True)
        (made / "sam.yaml").write_text(yaml.safe_dump(self.template))
        with zipfile.ZipFile(made / "deployment.zip", "w") as archive:
            archive.writestr("app.py", (root / "app.py").read_text())
            archive.writestr("__pycache__/app.cpython-311.pyc", b"of another interpreter")
            archive.writestr("lib/types.pyi", "")
            archive.writestr("lib-1.0.dist-info/RECORD", "")
            archive.writestr("lib-1.0.dist-info/licenses/LICENSE", "do as you like")
            archive.writestr("bin/lib", "#!/somebody/elses/python")
        return made


@pytest.fixture
def chalice(monkeypatch: pytest.MonkeyPatch) -> FakeChalice:
    fake = FakeChalice()
    monkeypatch.setattr(packaging, "_run_chalice", fake)
    return fake


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in packaging.SOURCES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "chalicelib":
            path.mkdir()
            (path / "wiring.py").write_text("ONE = 1\n")
        else:
            path.write_text("TWO = 2\n")
    return tmp_path


@pytest.fixture
def building(checkout: Path, chalice: FakeChalice) -> Callable[[], Package]:
    return lambda: build(architecture="arm64", root=checkout, say=lambda _: None)


def test_what_chalice_prints_about_missing_wheels_fails_the_build() -> None:
    printed = "Creating deployment package.\n" + MISSING_DEPENDENCIES_TEMPLATE % "msgspec==0.22.0\nfoo==1.0"
    with pytest.raises(PackagingFailed) as failed:
        check_wheels(printed, architecture="arm64")
    assert str(failed.value) == (
        f"no wheel for {RUNTIME} on arm64: msgspec==0.22.0, foo==1.0. "
        "Pin a version that has one in requirements.txt, or vendor a wheel built for Lambda."
    )


def test_what_chalice_prints_when_all_is_well_passes() -> None:
    check_wheels("Creating deployment package.\n", architecture="arm64")


def test_a_placeholder_that_the_merge_left_is_named_by_its_path() -> None:
    with pytest.raises(
        PackagingFailed, match=r"unreplaced: /Resources/Api/Properties/Role, .*/Properties/Tags/1$"
    ):
        check_template(_template(Role="placeholder", Tags=["", "placeholder"]))


def test_functions_must_run_on_the_interpreter_that_compiled_them() -> None:
    with pytest.raises(PackagingFailed, match=rf"compiled by {RUNTIME}, but .*python3\.2"):
        check_template(_template(runtime="python3.2"))


def test_only_what_an_import_reads_is_packed(building: Callable[[], Package]) -> None:
    with zipfile.ZipFile(building().archive) as archive:
        names = [name for name in archive.namelist() if not name.endswith(".pyc")]
        bytecode = [archive.read(name) for name in archive.namelist() if name.endswith(".pyc")]
    assert names == ["app.py", "lib-1.0.dist-info/licenses/LICENSE"]
    assert len(bytecode) == 1
    assert b"of another interpreter" not in bytecode[0]


def test_the_template_is_json_that_says_what_chalice_said(
    building: Callable[[], Package], chalice: FakeChalice
) -> None:
    assert json.loads(building().template.read_text()) == chalice.template


def test_unchanged_sources_are_packaged_once(building: Callable[[], Package], chalice: FakeChalice) -> None:
    assert building() == building()
    assert chalice.runs == 1


@pytest.mark.parametrize("name", ["app.py", "chalicelib/new.py", "infra/resources.yaml", "requirements.txt"])
def test_any_change_of_a_source_is_packaged(
    building: Callable[[], Package], chalice: FakeChalice, checkout: Path, name: str
) -> None:
    building()
    (checkout / name).write_text("THREE = 3\n")
    building()
    assert chalice.runs == 2


def test_what_importing_leaves_beside_the_sources_is_no_change(
    building: Callable[[], Package], chalice: FakeChalice, checkout: Path
) -> None:
    building()
    (checkout / "chalicelib/__pycache__").mkdir()
    (checkout / "chalicelib/__pycache__/wiring.cpython-311.pyc").write_bytes(b"compiled")
    building()
    assert chalice.runs == 1


def test_a_build_that_failed_is_not_taken_for_done(
    building: Callable[[], Package], chalice: FakeChalice
) -> None:
    chalice.template = _template(Role="placeholder")
    for _ in range(2):
        with pytest.raises(PackagingFailed):
            building()
    chalice.template = _template()
    assert building().size > 0
    assert chalice.runs == 3


def test_a_module_that_does_not_compile_fails_the_build(
    building: Callable[[], Package], checkout: Path
) -> None:
    (checkout / "app.py").write_text("def :\n")
    with pytest.raises(PackagingFailed, match=r"does not compile:(?s:.)*/var/task/app\.py"):
        building()


def test_builds_at_the_same_time_share_one(building: Callable[[], Package], chalice: FakeChalice) -> None:
    with ThreadPoolExecutor(4) as pool:
        packages = [done.result() for done in [pool.submit(building) for _ in range(4)]]
    assert packages == packages[:1] * 4
    assert chalice.runs == 1


def test_the_command_says_why_it_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*, architecture: str) -> Package:
        raise PackagingFailed(f"no wheels for {architecture}")

    monkeypatch.setattr(packaging, "build", fails)
    monkeypatch.setattr("sys.argv", ["package", "--architecture", "x86_64"])
    assert packaging.main() == 1
    assert capsys.readouterr().err == "no wheels for x86_64\n"
