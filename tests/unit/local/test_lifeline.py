"""Programs that end with whoever started them, whatever happens to either."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

# Both hold a lock while they live: a process that has ended but was never waited for holds none.
HOLD = "import fcntl, signal, sys, time; held = open({name!r}, 'w'); fcntl.flock(held, fcntl.LOCK_EX)\n"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
STAY = "print(flush=True); time.sleep(60)\n"

# A program with a child of its own, as the embedded AWS has its functions. It says their process ids.
PROGRAM = """
import os, subprocess
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(os.getpid(), child.pid, flush=True)
"""

# Whoever starts it: another process, so that it can be killed.
STARTER = """
import time
from pathlib import Path
from local.processes import running
with running("program", log=Path("log"), folder=Path.cwd()):
    time.sleep(60)
"""

Start = Callable[..., subprocess.Popen[bytes]]


def _wait_until(holds: Callable[[], object], *, what: str, patience: float = 15.0) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def _lives(name: str, folder: Path) -> bool:
    with (folder / name).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait_until_both_ended(folder: Path) -> None:
    _wait_until(lambda: not _lives("program.lock", folder), what="the program has ended")
    _wait_until(lambda: not _lives("child.lock", folder), what="its child has ended")


@pytest.fixture
def start(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Start]:
    """Start somebody who starts a program that starts a child; what they do besides can be said."""
    starters: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "log"

    def begin(*, program: str = "", child: str = "") -> subprocess.Popen[bytes]:
        of_child = HOLD.format(name="child.lock") + child + STAY
        text = (
            HOLD.format(name="program.lock") + program + PROGRAM.format(child=of_child) + "time.sleep(60)\n"
        )
        (tmp_path / "program.py").write_text(text)
        environment = os.environ | {"PYTHONPATH": str(pytestconfig.rootpath)}
        starter = subprocess.Popen([sys.executable, "-c", STARTER], cwd=tmp_path, env=environment)
        starters.append(starter)
        _wait_until(lambda: log.exists() and log.read_text().endswith("\n"), what="the program has started")
        assert _lives("program.lock", tmp_path)
        assert _lives("child.lock", tmp_path)
        return starter

    yield begin
    for starter in starters:
        starter.kill()
        starter.wait()
    for name, pid in zip(("program.lock", "child.lock"), log.read_text().split(), strict=True):
        if _lives(name, tmp_path):
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_program_and_its_child_end_when_their_starter_is_ended(
    start: Start, tmp_path: Path, how: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    start().send_signal(how)
    _wait_until_both_ended(tmp_path)


def test_a_child_that_does_not_want_to_end_is_ended(start: Start, tmp_path: Path) -> None:
    start(child=DEAF).kill()
    _wait_until_both_ended(tmp_path)


def test_a_program_that_does_not_want_to_end_is_ended_after_a_grace(start: Start, tmp_path: Path) -> None:
    start(program=DEAF).kill()
    _wait_until_both_ended(tmp_path)


def test_a_program_may_end_in_its_own_order(start: Start, tmp_path: Path) -> None:
    tidy = "def tidy(*_):\n    open('tidied', 'w').close()\n    sys.exit()\n"
    start(program=f"{tidy}signal.signal(signal.SIGTERM, tidy)\n").kill()
    _wait_until_both_ended(tmp_path)
    assert (tmp_path / "tidied").exists()
