"""The programs that the demo starts beside the embedded AWS, each a process of its own."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws import ROOT
from local.processes import await_ready, running
from local.stack import HOMES
from local.timeline import StepFailed

NAME = "demo"
_LISTENING = re.compile(r"listening on (http://\S+)")


@contextmanager
def logs_folder() -> Iterator[Path]:
    """The folder that `local_stack` of this name uses too. It goes at the end, unless a step failed."""
    folder = HOMES / f"{NAME}-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except StepFailed:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def listening(module: str, *, log: Path, what: str) -> Iterator[str]:
    """Run a module that takes a free port and says where it listens; yield that address."""
    with running(module, "--port", "0", log=log, folder=ROOT) as process:
        await_ready(process, lambda: _address(log) is not None, log=log, what=what)
        yield _address(log) or ""


def _address(log: Path) -> str | None:
    found = _LISTENING.search(log.read_text(errors="replace"))
    return found[1] if found else None
