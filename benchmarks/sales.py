"""Sales in a process of their own: what they ask of AWS, and what they take of the processor."""

import os
import subprocess
import sys
from typing import TypeVar

import msgspec

from benchmarks.metering import Step, Timing
from benchmarks.setting import Database, Setting
from benchmarks.shipped import Shipped
from local.aws import ROOT
from local.processes import ProgramFailed

Found = TypeVar("Found")
LAST_WORDS = 1500  # characters of a failure that are worth showing


def meter(shipped: Shipped, setting: Setting, database: Database) -> list[Step]:
    """The steps of one sale, the first that fresh functions make."""
    return _tell("meter", shipped, setting, database, kind=list[Step])


def time(shipped: Shipped, setting: Setting, database: Database) -> dict[str, Timing]:
    """The steps of many sales, by name."""
    return {timing.name: timing for timing in _tell("time", shipped, setting, database, kind=list[Timing])}


def _tell(mode: str, shipped: Shipped, setting: Setting, database: Database, *, kind: type[Found]) -> Found:
    """Run `benchmarks.in_process` with the shipped tree before ours, on a table of its own."""
    table = f"bench-{mode}"
    setting.create_table(database, name=table)
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        **setting.environment(database, table=table),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.in_process", mode],
        cwd=shipped.tree,  # -m has the current folder first on the path
        env=environment,
        text=True,
        check=False,
        capture_output=True,
    )
    if done.returncode:
        raise ProgramFailed(f"a sale could not be measured:\n{done.stderr[-LAST_WORDS:]}")
    return msgspec.json.decode(done.stdout, type=kind)
