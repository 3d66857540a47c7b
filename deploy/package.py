"""Build what is deployed: one zip for all functions and one template, under build/{architecture}/.

Chalice does the packaging; this adds what it leaves out. A missing wheel or a placeholder that survived
the merge fails the build, modules are compiled ahead (Lambda's code folder is read-only, so each cold
start would compile them again), and the same sources always make the same bytes.

    python -m deploy.package --architecture arm64
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with Chalice; its types would be one more package

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = ("arm64", "x86_64")

# Chalice copies all of chalicelib, so the source tree it sees holds only what belongs into the zip.
SOURCES = ("app.py", "chalicelib", "infra/resources.yaml", "requirements.txt", ".chalice/config.json")
# Console scripts, type stubs and installers' notes: nothing that an import reads. Licences stay.
DEAD_WEIGHT = re.compile(
    r"^bin/|\.pyi$|/py\.typed$|\.dist-info/(RECORD|WHEEL|INSTALLER|REQUESTED|top_level\.txt)$"
)
# What Chalice prints, exiting 0, when a dependency has no wheel for Lambda.
MISSING_WHEEL = re.compile(
    r"Could not install dependencies:\n(?P<names>.*?)\nYou will have to build", re.DOTALL
)
PLACEHOLDER = "placeholder"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell


class PackagingFailed(Exception):
    """The package could not be built; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """What `build` made. The template's `CodeUri` is `./deployment.zip`, the archive beside it."""

    template: Path
    archive: Path
    architecture: str

    @property
    def size(self) -> int:
        """Bytes of the zip."""
        return self.archive.stat().st_size


def machine_architecture() -> str:
    """This machine's own architecture, by Lambda's name for it."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def build(*, architecture: str, root: Path = ROOT, say: Callable[[str], object] = print) -> Package:
    """Package the application for `architecture`; at once if nothing changed since the last time.

    `say` is told each step. Raises `PackagingFailed`.
    """
    home = root / "build" / architecture
    package = Package(
        template=home / "template.json", archive=home / "deployment.zip", architecture=architecture
    )
    home.mkdir(parents=True, exist_ok=True)
    fingerprint = _fingerprint(root)
    stamp = home / "fingerprint"
    with _alone(home / "lock"):
        if stamp.exists() and stamp.read_text() == fingerprint:
            say(f"Package is up to date ({_megabytes(package.size)})")
            return package
        stamp.unlink(missing_ok=True)
        say(f"Packaging for Lambda ({_runtime()}, {architecture}): fetching wheels")
        made = _run_chalice(root=root, home=home, architecture=architecture)
        template = yaml.safe_load((made / "sam.yaml").read_text())
        check_template(template)
        say("Compiling modules ahead of cold starts")
        tree = _unpack(made / "deployment.zip", into=home / "tree")
        _compile(tree)
        _pack(tree, package.archive)
        _write(json.dumps(template, indent=2, sort_keys=True) + "\n", package.template)
        for scaffolding in ("source", "chalice", "tree"):
            shutil.rmtree(home / scaffolding)
        stamp.write_text(fingerprint)
    say(f"Package is ready ({_megabytes(package.size)})")
    return package


def _run_chalice(*, root: Path, home: Path, architecture: str) -> Path:
    """Run `chalice package` on a clean copy of the sources; return the directory with its output."""
    source, out = home / "source", home / "chalice"
    for stale in (source, out):
        shutil.rmtree(stale, ignore_errors=True)
    for path in _source_files(root):
        target = source / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    command = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
    command += ["--project-dir", str(source), "package", "--stage", architecture]
    command += [
        "--template-format",
        "yaml",
        "--merge-template",
        str(source / "infra/resources.yaml"),
        str(out),
    ]
    # The region is not part of the result, but Chalice wants one. Without bytecode, importing the
    # sources leaves nothing beside them that would end up in the zip.
    environment = os.environ | {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603  # our own arguments only
        command,
        cwd=source,
        env=environment,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise PackagingFailed(f"chalice package failed:\n{done.stdout.strip()}")
    check_wheels(done.stdout, architecture=architecture)
    return out


def check_wheels(output: str, *, architecture: str) -> None:
    """Raise `PackagingFailed` if Chalice's output says that a dependency is missing from the zip."""
    if missing := MISSING_WHEEL.search(output):
        names = ", ".join(missing["names"].split())
        raise PackagingFailed(
            f"no wheel for {_runtime()} on {architecture}: {names}. "
            "Pin a version that has one in requirements.txt, or vendor a wheel built for Lambda."
        )


def check_template(template: dict[str, Any]) -> None:
    """Raise `PackagingFailed` unless the merge replaced all that Chalice had to leave open."""
    if left := sorted(_placeholders(template)):
        raise PackagingFailed(f"infra/resources.yaml leaves placeholders unreplaced: {', '.join(left)}")
    runtimes = {
        resource["Properties"]["Runtime"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    if runtimes != {_runtime()}:
        raise PackagingFailed(
            f"modules are compiled by {_runtime()}, but functions run on {sorted(runtimes)}"
        )


def _placeholders(node: object, path: str = "") -> Iterator[str]:
    """Where the word stands that app.py and .chalice/config.json use for what the merge fills in."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _placeholders(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _placeholders(value, f"{path}/{index}")
    elif node == PLACEHOLDER:
        yield path


def _unpack(archive: Path, *, into: Path) -> Path:
    shutil.rmtree(into, ignore_errors=True)
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            if not DEAD_WEIGHT.search(name) and "__pycache__" not in name:
                zipped.extract(name, into)
    return into


def _compile(tree: Path) -> None:
    """Write `__pycache__` beside every module, valid whatever the file times, as of /var/task."""
    command = [sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(tree), "-p", "/var/task", str(tree)]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPYCACHEPREFIX", None)
    done = subprocess.run(  # noqa: S603  # our own arguments only
        command, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise PackagingFailed(f"a module does not compile:\n{done.stdout.strip()}")


def _pack(tree: Path, archive: Path) -> None:
    """Zip `tree` so that equal content gives equal bytes; the old archive stays until this one is whole."""
    unfinished = archive.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, path.read_bytes())
    unfinished.replace(archive)


def _write(text: str, path: Path) -> None:
    """Whoever reads the old file meanwhile reads it whole."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.replace(path)


def _source_files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        source = root / name
        if not source.is_dir():
            yield source
            continue
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _fingerprint(root: Path) -> str:
    """Everything that the result depends on, in one hash."""
    digest = hashlib.sha256(f"{sys.version} chalice {version('chalice')}".encode())
    for path in [*_source_files(root), Path(__file__)]:
        content = path.read_bytes()
        digest.update(f"\n{os.path.relpath(path, root)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep a second build (a test run beside a demo) out until this one is done."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _runtime() -> str:
    """Lambda's name for the interpreter that packages, which is the one that will run the functions."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.package", description="Build the deployable package."
    )
    parser.add_argument(
        "--architecture",
        choices=ARCHITECTURES,
        default="arm64",
        help="what it will run on (default: arm64, cheaper in AWS; the local stack builds its machine's own)",
    )
    chosen = parser.parse_args()
    try:
        package = build(architecture=chosen.architecture)
    except PackagingFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{package.archive.relative_to(ROOT)}\n{package.template.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
