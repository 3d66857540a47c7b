"""Run a module as a program that never outlives whoever started it, nor does anything that it starts.

    python local/lifeline.py MODULE [ARGUMENT…]

Standard input is a pipe whose other end the starter holds. When it closes, because the starter ended it or
was itself killed, the program's whole process group is told to terminate, and killed if it doesn't. Standard
library only: it runs in any environment.
"""

import os
import runpy
import signal
import sys
import time

GRACE = 5.0  # seconds to end by itself after being asked


def _end_with_starter(program: int) -> None:
    """A process of its own, so that it can still end what the program leaves behind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.read(sys.stdin.fileno(), 1)  # nobody writes: this returns when the pipe closes
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while os.getppid() == program and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        os.setpgrp()  # started by hand: what is killed must be ours alone
    own = os.getpid()
    if os.fork() == 0:
        _end_with_starter(own)
    sys.argv = sys.argv[1:]
    sys.path[0] = os.getcwd()  # noqa: PTH109  # as `python -m` has it
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
