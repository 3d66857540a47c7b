"""Importing has no effects, whichever module comes first. What each function imports is tested beside it."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import chalicelib

ROOT = Path(__file__).parents[2]
MODULES = ["app", *(module.name for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."))]
SDK_ADAPTERS = (
    "chalicelib.adapters.dynamodb",  # botocore's exceptions
    "chalicelib.adapters.http",  # requests
)

# Every way out is shut, and each read of the environment is put down to the file that asked for it.
WATCH = """
import collections.abc, json, os, sys
root, module = sys.argv[1:]
sys.path.insert(0, root)
readers, sockets = [], []

class Watched(type(os.environ)):
    def __getitem__(self, name):
        frame = sys._getframe(1)
        while frame.f_code.co_filename in (os.__file__, collections.abc.__file__) or "frozen" in (
            frame.f_code.co_filename
        ):
            frame = frame.f_back
        readers.append(frame.f_code.co_filename)
        return super().__getitem__(name)

watched = Watched.__new__(Watched)
watched.__dict__.update(os.environ.__dict__)
os.environ = watched

def shut(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        sockets.append(event)
        raise OSError("there is no network here")

sys.addaudithook(shut)
"""
TELL = """
ours = [name for name in readers if name.startswith((root + "/chalicelib/", root + "/app.py"))]
print(json.dumps({"readers": ours, "sockets": sockets, "modules": sorted(sys.modules)}))
"""


def imported(module: str, *, then: str = "") -> dict[str, list[str]]:
    """What importing the module leaves behind in a process of its own with an empty environment."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH + f"__import__(module)\n{then}\n" + TELL, str(ROOT), module],
        env={},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    traces: dict[str, list[str]] = json.loads(done.stdout)
    return traces


@pytest.mark.parametrize("module", MODULES)
def test_any_module_can_be_imported_first_without_environment_or_network(module: str) -> None:
    traces = imported(module)
    assert traces["readers"] == []
    assert traces["sockets"] == []


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(SDK_ADAPTERS)])
def test_importing_anything_but_an_adapter_that_needs_it_imports_no_sdk(module: str) -> None:
    packages = {name.partition(".")[0] for name in imported(module)["modules"]}
    assert packages.isdisjoint({"boto3", "botocore", "requests", "urllib3", "stripe"})


@pytest.mark.parametrize(
    "read", ["os.environ['TILLHOOK_SHOP']", "os.environ.get('TILLHOOK_SHOP')", "os.getenv('X')"]
)
def test_a_read_by_one_of_our_files_would_be_seen(read: str) -> None:
    """So that the tests above would notice: the code is run under the name of one of our files."""
    code = f"try: exec(compile({read!r}, root + '/chalicelib/x.py', 'exec'))\nexcept KeyError: pass"
    assert imported("chalicelib", then=code)["readers"] == [f"{ROOT}/chalicelib/x.py"]


def test_dialling_would_be_seen() -> None:
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), timeout=1)\nexcept OSError: pass\n"
    assert imported("chalicelib", then=code)["sockets"] == ["socket.getaddrinfo"]
