import ast
import importlib.util
import runpy
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from local import aws

PREFLIGHT = Path(aws.__file__).with_name("preflight.py")


def _refusal() -> str:
    with pytest.raises(SystemExit) as refused:
        runpy.run_path(str(PREFLIGHT))
    return str(refused.value)


def test_a_machine_that_has_everything_is_told_nothing() -> None:
    done = subprocess.run([sys.executable, PREFLIGHT], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_old_python_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    refusal = _refusal()
    assert "needs Python 3.11 or newer; this is 3.9." in refusal
    assert "make PYTHON=python3.12 demo" in refusal


def test_an_old_python_can_read_the_refusal() -> None:
    ast.parse(PREFLIGHT.read_text(), feature_version=(3, 5))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_which_package_has_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name == module else ModuleSpec(name, None)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    assert "sudo apt-get install python3-venv" in _refusal()
