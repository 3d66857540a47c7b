"""What a webhook takes of the deliver worker: processor time, connections, patience, memory, calls to AWS.

The worker runs in a process of its own, with AWS in memory; whom it delivers to runs in this one, so that
nothing of a receiver is counted.
"""

import ssl
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trustme

from benchmarks.capacity import Written
from benchmarks.in_worker import Cost, Memory
from benchmarks.metering import Call, Step
from benchmarks.prices import QUEUE_REQUESTS_OF_LAMBDA
from benchmarks.receiver import HOST, receiving
from benchmarks.report import Figure, Finding, Goal
from benchmarks.shipped import Shipped
from tests.unit.adapters.http import hostility
from tests.unit.adapters.http.servers import serving

Found = TypeVar("Found")
BATCH = 10
FAST, SLOW, ALONE = 200, 20, 200  # batches
SLOW_SECONDS = 0.2
MOST_MILLISECONDS, MOST_OF_BARE = 2, 2.5
LEAST_A_SECOND, MOST_OF_SLOWEST = 300, 1.3
MOST_MEGABYTES = 128
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "TILLHOOK_SHOP": "bench",
    "TILLHOOK_TABLE": "bench",
    "TILLHOOK_ENDPOINT_POLICY": "loopback",
}
IN_MEMORY = (
    "AWS is in memory (the tests' fakes), so that our code and HTTP are all that counts: botocore's share, "
    "one write for each webhook, is not in it."
)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds of each batch of `size`; and what the receiver has seen, which includes some batches before."""

    took: Sequence[float]
    size: int
    requests: int
    connections: int

    @property
    def per_second(self) -> float:
        return len(self.took) * self.size / sum(self.took)


def measure(shipped: Shipped, *, folder: Path, say: Callable[[str], object]) -> list[Finding]:
    """Raises `ProgramFailed`."""
    say("Processor time beside bare loops")
    with receiving() as receiver:
        plain = _tell(shipped, "cost", receiver.url, kind=Cost)
    with _certified(folder) as (tls, authority), receiving(tls=tls) as receiver:
        encrypted = _tell(shipped, "cost", receiver.url, str(authority), kind=Cost)
    say("Batch after batch")
    fast = _pace(shipped, batches=FAST, size=BATCH)
    slow = _pace(shipped, batches=SLOW, size=BATCH, delay=SLOW_SECONDS)
    alone = _pace(shipped, batches=ALONE, size=1)
    say("Memory under hostile receivers")
    memory = _memory(shipped)
    return [
        judge_processor_time(plain, encrypted),
        judge_pace(fast, slow),
        judge_connections(fast, alone),
        judge_memory(memory, receivers=len(hostility.ALL)),
    ]


def _tell(shipped: Shipped, mode: str, *arguments: object, kind: type[Found]) -> Found:
    texts = map(str, arguments)
    return shipped.tell("benchmarks.in_worker", mode, *texts, environment=ENVIRONMENT, kind=kind)


def _pace(shipped: Shipped, *, batches: int, size: int, delay: float = 0.0) -> Pace:
    with receiving(delay=delay) as receiver:
        took = _tell(shipped, "pace", receiver.url, batches, size, kind=list[float])
    return Pace(took=took, size=size, requests=receiver.requests, connections=receiver.connections)


def _memory(shipped: Shipped) -> Memory:
    with ExitStack() as servers:
        urls = [servers.enter_context(serving(script)).url for script in hostility.ALL]
        return _tell(shipped, "memory", *urls, kind=Memory)


@contextmanager
def _certified(folder: Path) -> Iterator[tuple[ssl.SSLContext, Path]]:
    """A receiver's certificate, and the file of the authority that issued it."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    yield tls, path


def judge_processor_time(plain: Cost, encrypted: Cost) -> Finding:
    worker, bare = statistics.median(plain.worker), statistics.median(plain.urllib3)
    by_tls, bare_by_tls = statistics.median(encrypted.worker), statistics.median(encrypted.urllib3)
    figures = [
        Figure(name="CPU, one webhook", value=worker, unit="ms", goal=Goal(limit=MOST_MILLISECONDS)),
        Figure(
            name="CPU, one webhook, beside a bare loop of urllib3",
            value=worker,
            unit="ms",
            reference=bare,
            goal=Goal(limit=MOST_OF_BARE, of="ratio"),
        ),
        Figure(
            name="CPU, one webhook, beside a bare loop of requests",
            value=worker,
            unit="ms",
            reference=statistics.median(plain.requests),
            goal=Goal(limit=MOST_OF_BARE, of="ratio"),
        ),
        Figure(
            name="CPU, one webhook by TLS, beside a bare loop of urllib3",
            value=by_tls,
            unit="ms",
            reference=bare_by_tls,
            goal=Goal(limit=MOST_OF_BARE, of="ratio"),
        ),
    ]
    told = (
        f"Medians of {len(plain.worker)} rounds, in which worker and bare loops took turns in one process. "
        "The worker gets batches of ten and does them side by side; the loops keep their connection, sign "
        "by the official library, and post one after the other."
    )
    return Finding(title="Processor time of a webhook", figures=figures, notes=[told, IN_MEMORY])


def judge_pace(fast: Pace, slow: Pace) -> Finding:
    milliseconds = [seconds * 1000 for seconds in slow.took]
    batch = f"a batch of {slow.size} to receivers that take {SLOW_SECONDS * 1000:g} ms"
    within = Goal(limit=MOST_OF_SLOWEST, of="ratio")
    figures = [
        Figure(
            name="webhooks, by one process",
            value=fast.per_second,
            unit="a second",
            goal=Goal(limit=LEAST_A_SECOND, relation="≥"),
        ),
        Figure(
            name=f"{batch}, median",
            value=statistics.median(milliseconds),
            unit="ms",
            reference=SLOW_SECONDS * 1000,
            goal=within,
        ),
        Figure(
            name=f"{batch}, worst of {len(milliseconds)}",
            value=max(milliseconds),
            unit="ms",
            reference=SLOW_SECONDS * 1000,
            goal=within,
        ),
    ]
    told = f"{len(fast.took)} invocations with a batch of {fast.size} each, one after the other."
    return Finding(title="Pace of the deliver worker", figures=figures, notes=[told, IN_MEMORY])


def judge_connections(fast: Pace, alone: Pace) -> Finding:
    figures = [
        Figure(
            name=f"connections to an endpoint for {fast.requests} webhooks, {fast.size} at a time",
            value=fast.connections,
            unit="in all",
            goal=Goal(limit=fast.size),
        ),
        Figure(
            name=f"connections to an endpoint for {alone.requests} webhooks, one at a time",
            value=alone.connections,
            unit="in all",
            goal=Goal(limit=1, relation="="),
        ),
    ]
    told = (
        "Counted by the receiver, over all invocations. A kept connection goes to the address that was "
        "checked when it was dialled (tests/unit/adapters/http/test_dialing.py)."
    )
    return Finding(title="Connections of the deliver worker", figures=figures, notes=[told])


def judge_memory(memory: Memory, *, receivers: int) -> Finding:
    figures = [
        Figure(name="memory, loaded", value=memory.loaded, unit="MB"),
        Figure(
            name="peak memory, hostile receivers",
            value=memory.peak,
            unit="MB",
            goal=Goal(limit=MOST_MEGABYTES),
        ),
    ]
    told = (
        f"{receivers} receivers that drip, flood, lie and break off (tests/unit/adapters/http/hostility.py),"
        " and a batch of ten to each. All is loaded that is loaded in AWS, clients included; the fakes "
        "come on top. Zero: this machine can't tell."
    )
    return Finding(title="Memory of the deliver worker", figures=figures, notes=[told])


def judge_calls(steps: Sequence[Step], *, webhooks: int) -> Finding:
    """`steps` are the relay's and the worker's, for one event that goes to so many endpoints."""
    relay, deliver = steps
    requests = len(relay.of("sqs")) + len(deliver.of("sqs")) + QUEUE_REQUESTS_OF_LAMBDA
    figures = [
        Figure(
            name="rows written, one webhook",
            value=len(_written(deliver)) / webhooks,
            unit="rows",
            goal=Goal(limit=1),
        ),
        Figure(
            name="write units besides, one event", value=relay.write_units, unit="units", goal=Goal(limit=1)
        ),
        Figure(
            name="reads and other calls, one webhook",
            value=(len(_reads(deliver)) / webhooks),
            unit="calls",
            goal=Goal(limit=0, relation="="),
        ),
        Figure(
            name="SQS requests, one webhook", value=requests / webhooks, unit="calls", goal=Goal(limit=0.3)
        ),
    ]
    told = (
        f"One event to {webhooks} endpoints that have heard of another one before, in one batch. "
        f"{QUEUE_REQUESTS_OF_LAMBDA} of the queue's requests are Lambda's own, to take the batch and to "
        "delete it. Not counted: the relay's reading of all endpoints, once for each batch of the table's "
        f"stream ({len(_reads(relay))} here)."
    )
    return Finding(title="Calls to AWS for a webhook", figures=figures, notes=[told])


def _written(step: Step) -> list[Written]:
    return [row for call in step.of("dynamodb") for row in call.rows]


def _reads(step: Step) -> list[Call]:
    """Whatever is asked of AWS beside rows written and messages sent."""
    return [call for call in step.calls if not call.rows and call.service != "sqs"]
