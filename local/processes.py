"""Start the programs that the local stack is made of, and leave none behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from local import lifeline

LIFELINE = Path(lifeline.__file__)


class ProgramFailed(Exception):
    """A program of the local stack didn't start or ended too early; the text shows its last words."""


@contextmanager
def running(
    *arguments: str,
    log: Path,
    python: Path = Path(sys.executable),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module (name, then its arguments) while the context lasts; its output goes to `log`.

    It ends with the context, with whatever it started itself, and also if this process is killed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [python, LIFELINE, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C on the terminal is ours to handle, in our order
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started; ask first."""
    if process.stdin:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(lifeline.GRACE)
    with suppress(ProcessLookupError, PermissionError):  # nobody left in the group (macOS: only zombies)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def await_ready(
    process: subprocess.Popen[bytes],
    ready: Callable[[], bool],
    *,
    log: Path,
    what: str,
    patience: float = 30.0,
) -> None:
    """Return once `ready()` holds; raise `ProgramFailed` if it ends before, or after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not ready():
        if process.poll() is not None:
            raise ProgramFailed(f"{what} ended with status {process.returncode}:\n{last_words(log)}")
        if time.monotonic() > deadline:
            raise ProgramFailed(f"{what} is not ready after {patience:.0f} s:\n{last_words(log)}")
        time.sleep(0.02)


def last_words(log: Path, *, lines: int = 20) -> str:
    """The end of a program's output, indented."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (it said nothing)"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
