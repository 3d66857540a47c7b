"""What AWS would run: the package laid out as Lambda lays it out, on interpreters that see little else."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from deploy.package import Package
from local.aws import ROOT
from local.processes import ProgramFailed

Found = TypeVar("Found")
LAST_WORDS = 1500  # characters of a failure that are worth showing

# What Lambda's runtime brings along; the package does not hold it.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")

# Isolated from the environment and from site packages' startup files; then Lambda's order of folders.
_OPENING = "import sys; sys.path.insert(0, {tree!r}); sys.path.append({runtime!r})\n"


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """`tree` is /var/task; `runtime` is where boto3 is found."""

    tree: Path
    runtime: Path

    def run(self, code: str, *flags: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run `code` in a fresh interpreter with these flags. Raises `CalledProcessError`."""
        opening = _OPENING.format(tree=str(self.tree), runtime=str(self.runtime))
        return subprocess.run(
            [sys.executable, "-I", "-S", *flags, "-c", opening + code],
            env={"PATH": os.defpath, **environment},
            cwd=self.tree,
            text=True,
            check=True,
            capture_output=True,
        )

    def tell(self, module: str, *arguments: str, environment: Mapping[str, str], kind: type[Found]) -> Found:
        """Run a module of the benchmarks' with what is shipped before what lies here, and hear what it tells.

        Raises `ProgramFailed`.
        """
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.tree,  # -m has the current folder first on the path
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
            text=True,
            check=False,
            capture_output=True,
        )
        if done.returncode:
            raise ProgramFailed(f"{module} could not measure:\n{done.stderr[-LAST_WORDS:]}")
        return msgspec.json.decode(done.stdout, type=kind)


def lay_out(package: Package, *, folder: Path) -> Shipped:
    """Unzip the package, whose modules are compiled, and see to it that the runtime's are as well."""
    tree = folder / "task"
    with zipfile.ZipFile(package.archive) as archive:
        archive.extractall(tree)
    runtime = Path(sysconfig.get_path("purelib"))
    found = [str(runtime / name) for name in RUNTIME]
    # Does nothing where bytecode is there and good; it matters where somebody installed without.
    subprocess.run([sys.executable, "-m", "compileall", "-q", *found], check=True, capture_output=True)
    return Shipped(tree=tree, runtime=runtime)
