"""What a piece of Python imports, reads and dials, in a process of its own with an empty environment."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[3]

_WATCH = """
import json, os, socket, sys
read, dialled = [], []

class Watched(dict):
    def __getitem__(self, name): read.append(name); return super().__getitem__(name)
    def get(self, name, default=None): read.append(name); return super().get(name, default)
    def __contains__(self, name): read.append(name); return super().__contains__(name)

os.environ = Watched(os.environ)
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        dialled.append(event)
        raise OSError("nothing may be dialled here")
sys.addaudithook(refuse)
"""
_TELL = """
print(json.dumps({"modules": sorted(sys.modules), "read": read, "dialled": dialled}))
"""


@dataclass(frozen=True)
class Traces:
    """`modules` by full name, `read` the environment's variables, `dialled` attempts to reach anybody."""

    modules: frozenset[str]
    read: frozenset[str]
    dialled: list[str]

    def has(self, package: str) -> bool:
        return any(module == package or module.startswith(f"{package}.") for module in self.modules)


def traces_of(code: str) -> Traces:
    done = subprocess.run(
        [sys.executable, "-c", _WATCH + code + _TELL],
        cwd=_ROOT,
        env={},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return Traces(frozenset(told["modules"]), frozenset(told["read"]), told["dialled"])
