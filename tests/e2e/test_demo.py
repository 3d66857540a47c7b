"""`make demo` as its user meets it: another process, its output, its exit status, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from local.stack import HOMES
from local.stripe_sandbox.server import serve
from tests.e2e.shop import wait_for

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0  # seconds; packaging may come first


@dataclass
class Demo:
    """A running demo. `offspring` are the processes that it was seen to have started, in any generation."""

    process: subprocess.Popen[bytes]
    log: Path
    offspring: set[int] = field(default_factory=set)

    @property
    def output(self) -> str:
        return self.log.read_text()

    def look_around(self) -> None:
        parents = _parents()
        generation = {self.process.pid}
        while generation := {child for child, parent in parents.items() if parent in generation}:
            self.offspring |= generation

    def wait_for_output(self, pattern: str) -> re.Match[str]:
        def look() -> re.Match[str] | None:
            self.look_around()
            found = re.search(pattern, self.output)
            assert found or self.process.poll() is None, self.output
            return found

        return wait_for(look, what=pattern, patience=PATIENCE)

    def end(self) -> int:
        """The exit status, once it has one."""

        def ended() -> bool:
            self.look_around()
            return self.process.poll() is not None

        wait_for(ended, what="the demo's end", patience=PATIENCE)
        return self.process.wait()

    def survivors(self) -> list[int]:
        parents = _parents()
        return [pid for pid in sorted(self.offspring) if pid in parents]


def _parents() -> dict[int, int]:
    """Each living process's parent; the dead whom nobody has asked for do not live."""
    rows = _rows_of_proc() if Path("/proc").is_dir() else _rows_of_ps()
    return {int(pid): int(parent) for pid, state, parent in rows if not state.startswith("Z")}


def _rows_of_proc() -> Iterator[tuple[str, str, str]]:
    """Linux; a bare one has no `ps`."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            yield folder.name, state, parent


def _rows_of_ps() -> Iterator[tuple[str, str, str]]:
    listed = subprocess.run(["ps", "-axo", "pid=,stat=,ppid="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, state, parent = line.split()
        yield pid, state, parent


@contextmanager
def _demo(folder: Path, *arguments: str, **environment: str) -> Iterator[Demo]:
    log = folder / "demo.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STRIPE_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.demo", *arguments],
            cwd=ROOT,
            env=inherited | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Demo(process=process, log=log)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.wait(60)


def _home(demo: Demo) -> Path:
    return HOMES / f"demo-{demo.process.pid}"


def test_once_it_sells_tells_and_ends(tmp_path: Path) -> None:
    with _demo(tmp_path, "--once") as demo:
        assert demo.end() == 0, demo.output
    order = re.search(r"ok {2}Check out: (ord_\w+)", demo.output)
    assert order
    assert re.search(rf"ok {{2}}Receiver verifies: order.paid for {order[1]}", demo.output)
    assert "to the verified delivery:" in demo.output
    assert "\x1b" not in demo.output
    assert demo.offspring
    assert demo.survivors() == []
    assert not _home(demo).exists()


def test_it_stays_open_and_every_command_that_it_shows_works(tmp_path: Path) -> None:
    assert shutil.which("curl"), "this test needs curl"
    with _demo(tmp_path) as demo:
        demo.wait_for_output("The shop stays open until you press Ctrl-C")
        page = re.search(r"Receiver's page +(\S+)", demo.output)
        assert page
        assert "1 verified" in requests.get(page[1], timeout=10).text
        commands = re.findall(r"^ +(curl .*)$", demo.output, re.MULTILINE)
        assert len(commands) > 4
        for command in commands:
            done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
            assert "error" not in json.loads(done.stdout), (command, done.stdout)
        demo.process.send_signal(signal.SIGINT)
        assert demo.end() == 0, demo.output
    assert demo.survivors() == []
    assert not _home(demo).exists()


def test_a_webhook_that_can_not_be_verified_fails_that_step_and_is_explained(tmp_path: Path) -> None:
    with _demo(tmp_path, "--once", "--sabotage", "receiver") as demo:
        assert demo.end() == 1, demo.output
    assert "Failed at: Receiver verifies" in demo.output
    assert "No matching signature found" in demo.output
    assert re.search(r"function deliver:\n +INFO attempt made .*http_status=400", demo.output)
    assert demo.survivors() == []


def test_a_callback_that_the_shop_refuses_fails_that_step_and_is_explained(tmp_path: Path) -> None:
    with _demo(tmp_path, "--once", "--sabotage", "callback", "--patience", "1") as demo:
        assert demo.end() == 1, demo.output
    assert "Failed at: Stripe calls back" in demo.output
    assert re.search(r"payment_intent.succeeded, attempt \d: 400 .*InvalidSignature", demo.output)


def test_interrupted_half_way_it_leaves_nothing(tmp_path: Path) -> None:
    with _demo(tmp_path, "--once") as demo:
        demo.wait_for_output("Creating stack")
        demo.process.send_signal(signal.SIGTERM)
        assert demo.end() == 128 + signal.SIGTERM
    assert demo.survivors() == []
    assert not _home(demo).exists()


def test_with_test_keys_it_waits_for_stripe_listen_and_pays_at_stripe(tmp_path: Path) -> None:
    """The sandbox is Stripe here, and this test is `stripe listen`."""
    secret = "whsec_of_stripe_listen"
    with (
        serve(secret_key="sk_test_of_the_owner") as stripe,
        _demo(
            tmp_path,
            "--once",
            f"--stripe-api-base={stripe.url}",
            STRIPE_SECRET_KEY="sk_test_of_the_owner",
            STRIPE_WEBHOOK_SECRET=secret,
        ) as demo,
    ):
        hint = demo.wait_for_output(r"stripe listen --forward-to (\S+)")
        listening = {"endpoints": [{"url": hint[1], "secret": secret}]}
        requests.put(
            f"{stripe.url}/_sandbox/webhooks/endpoints", json=listening, timeout=5
        ).raise_for_status()
        assert demo.end() == 0, demo.output
    assert "Stripe sandbox" not in demo.output
    assert "ok  Receiver verifies: order.paid" in demo.output


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
def test_live_keys_are_refused_before_anything_starts(tmp_path: Path, key: str) -> None:
    with _demo(tmp_path, STRIPE_SECRET_KEY=key, STRIPE_WEBHOOK_SECRET="whsec_1") as demo:
        assert demo.end() == 1
    assert "live mode" in demo.output
    assert key not in demo.output
