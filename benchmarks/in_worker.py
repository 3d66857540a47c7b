"""Deliver webhooks with the deliver worker and measure it; what was measured goes to standard output as JSON.

    python -m benchmarks.in_worker cost URL [AUTHORITY]      processor time, beside that of bare loops
    python -m benchmarks.in_worker pace URL BATCHES SIZE     how long each batch takes
    python -m benchmarks.in_worker memory URL…               the most that it takes, a batch for each URL

Started by `benchmarks.webhooks` in the shipped tree. AWS is the tests' own, in memory: what is left is our
code and HTTP. `AUTHORITY` is a file of certificates to trust.
"""

import gc
import logging
import os
import secrets
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from benchmarks.lambda_events import Context, Event, from_queue
from chalicelib import wiring
from chalicelib.adapters.cached_endpoints import CachedEndpoints
from chalicelib.adapters.http.sender import HttpSender
from chalicelib.domain.signing import new_secret
from chalicelib.workers.deliver import BATCH, deliver
from tests.fakes import FakeQueue, FakeSlots, World
from tests.making import a_message, an_endpoint, an_event, signing_secrets

Item = TypeVar("Item")
PAYLOAD = "x" * 1500  # characters, about what an order of two lines is
BODY = msgspec.json.encode({"type": "order.paid", "data": {"note": PAYLOAD}})
WARMING, ROUNDS, BATCHES = 5, 20, 10
HASTE = 1  # seconds that a hostile receiver is given


class Cost(Struct, kw_only=True):
    """Milliseconds of processor time for one webhook, round by round."""

    worker: list[float] = field(default_factory=list)
    urllib3: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)


class Memory(Struct, kw_only=True):
    """MB: with everything loaded, and at the worst moment (0: can't be told here)."""

    loaded: float
    peak: float


class Worker:
    """The deliver function as Lambda has it, with an endpoint at each URL."""

    def __init__(self, urls: Sequence[str], *, authority: str = "", timeout_seconds: int = 15) -> None:
        self._world = World()
        self._numbers = count()
        self._endpoints = [
            replace(an_endpoint(number, url=url), timeout_seconds=timeout_seconds)
            for number, url in enumerate(urls)
        ]
        for endpoint in self._endpoints:
            self._world.create_endpoint(endpoint)
            self._world.put_secrets(endpoint.id, signing_secrets(new_secret(secrets.token_bytes)))
        self._sender = HttpSender(
            wiring.resolver(), wiring.settings().endpoint_policy, certificates=authority
        )

    def at_work(self) -> AbstractContextManager[object]:
        """As it is wired, but for AWS. What is not replaced is the real thing, and loaded."""
        world = self._world
        out = replace(
            wiring.outbound(),
            endpoints=CachedEndpoints(world, monotonic=time.monotonic),
            endpoint_store=world,
            health=world,
            secrets=world,
            events=world,
            deliveries=world,
            jobs=world,
            queue=FakeQueue(),
            slots=FakeSlots(),
            sender=self._sender,
        )
        return patch.object(wiring, "outbound", lambda: out)

    def batch(self, size: int = BATCH, *, endpoint: int = 0) -> Event:
        """New events for one of the endpoints, as its messages come from the queue."""
        messages = [
            a_message(an_event(next(self._numbers), data=PAYLOAD), self._endpoints[endpoint])
            for _ in range(size)
        ]
        return from_queue(
            [
                {
                    "MessageId": message.event_id,
                    "ReceiptHandle": "",
                    "Body": msgspec.json.encode(message).decode(),
                }
                for message in messages
            ]
        )

    def do(self, batch: Event) -> None:
        """One invocation."""
        if deliver(batch, Context())["batchItemFailures"]:
            raise RuntimeError("The worker left messages undone.")

    def require_all_delivered(self) -> None:
        statuses = [delivery.status for delivery in self._world.deliveries.values()]
        if set(statuses) != {"delivered"} or len(statuses) != next(self._numbers):
            raise RuntimeError(f"Not all webhooks were delivered: {set(statuses)}")


def cost(url: str, authority: str = "") -> Cost:
    """The worker and the bare loops take turns, so that a busy machine slows all of them alike."""
    worker = Worker([url], authority=authority)
    by_urllib3, by_requests = _by_urllib3(url, authority), _by_requests(url, authority)
    bodies = [BODY] * BATCHES * BATCH
    found = Cost()
    with worker.at_work():
        for turn in range(WARMING + ROUNDS):
            batches = [worker.batch() for _ in range(BATCHES)]
            ours = _processor_time(worker.do, batches)
            bare, convenient = _processor_time(by_urllib3, bodies), _processor_time(by_requests, bodies)
            if turn >= WARMING:
                found.worker.append(ours / BATCH)
                found.urllib3.append(bare)
                found.requests.append(convenient)
    worker.require_all_delivered()
    return found


def _processor_time(work: Callable[[Item], None], items: Sequence[Item]) -> float:
    """Milliseconds of this process for each of the items."""
    began = time.process_time()
    for item in items:
        work(item)
    return (time.process_time() - began) * 1000 / len(items)


def _by_urllib3(url: str, authority: str) -> Callable[[bytes], None]:
    """What anybody would write: keep the connection, sign by the official library, post."""
    from urllib3 import PoolManager  # noqa: PLC0415 (the worker has its own way to it)

    pools = (
        PoolManager(ssl_context=ssl.create_default_context(cafile=authority)) if authority else PoolManager()
    )
    headers = _signed()

    def post(body: bytes) -> None:
        answer = pools.request("POST", url, body=body, headers=headers(body), timeout=15, retries=False)
        if answer.status != 200:  # noqa: PLR2004 (HTTP's OK)
            raise RuntimeError("The receiver does not answer.")

    return post


def _by_requests(url: str, authority: str) -> Callable[[bytes], None]:
    from requests import Session  # noqa: PLC0415 (as above)

    session = Session()
    session.verify = authority or True
    headers = _signed()

    def post(body: bytes) -> None:
        session.post(url, data=body, headers=headers(body), timeout=15).raise_for_status()

    return post


def _signed() -> Callable[[bytes], dict[str, str]]:
    from standardwebhooks import Webhook  # noqa: PLC0415 (as above)

    webhook = Webhook(new_secret(secrets.token_bytes))

    def headers(body: bytes) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "content-type": "application/json",
            "webhook-id": "evt_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign("evt_1", now, body.decode()),
        }

    return headers


def pace(url: str, batches: str, size: str) -> list[float]:
    """Seconds of each batch, after some that are not told."""
    worker = Worker([url])
    took = []
    with worker.at_work():
        for _ in range(WARMING + int(batches)):
            batch = worker.batch(int(size))
            began = time.perf_counter()
            worker.do(batch)
            took.append(time.perf_counter() - began)
    worker.require_all_delivered()
    return took[WARMING:]


def memory(*urls: str) -> Memory:
    worker = Worker(urls, timeout_seconds=HASTE)
    with worker.at_work():
        wiring._client("scheduler")  # noqa: SLF001 (made when first needed: by what fails again and again)
        gc.collect()
        loaded = _peak()
        for index in range(len(urls)):
            worker.do(worker.batch(endpoint=index))
    return Memory(loaded=loaded, peak=_peak())


def _peak() -> float:
    """Not asked of getrusage: a process begins with the peak of the one that started it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(mode: str, *arguments: str) -> int:
    modes: dict[str, Callable[..., object]] = {"cost": cost, "pace": pace, "memory": memory}
    with Path(os.devnull).open("w") as nowhere:
        logging.getLogger().addHandler(logging.StreamHandler(nowhere))  # as Lambda has one in place
        found = modes[mode](*arguments)
    sys.stdout.write(msgspec.json.encode(found).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
