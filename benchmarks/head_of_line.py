"""Whether an endpoint in trouble makes others wait: the same events with and without it, on the local stack.

Eight healthy endpoints, then the same beside one that never answers and one that takes five seconds. What
is compared is how long after its writing an event reaches the healthy ones.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.report import Figure, Finding, Goal
from chalicelib.adapters.dynamodb.events import event_row
from chalicelib.domain.events import announce
from local.demo import owner
from local.demo.stripe import SANDBOX_KEYS
from local.demo.web import Api, wait_for
from local.stack import LocalStack, local_stack

HEALTHY, EVENTS = 8, 400
PER_SECOND = 10
"""Fewer than the embedded AWS can do on two cores: else its own queue would be measured."""
SLOW, NEVER = 5.0, 3600.0
WARMING = 5
PATIENCE = 120.0
MOST = 1.2


@dataclass
class Heard:
    """When each event reached each endpoint, by path; seconds of the machine's clock."""

    at: dict[tuple[str, str], float] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def of(self, path: str) -> int:
        return sum(1 for heard, _ in list(self.at) if heard == path)


@contextmanager
def _receiving(heard: Heard) -> Iterator[str]:
    """Endpoints by path: /slow and /never do as they are called, all others answer at once."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            now = time.time()
            self.rfile.read(int(self.headers["content-length"]))
            heard.at.setdefault((self.path, self.headers["webhook-id"]), now)
            heard.over.wait({"/slow": SLOW, "/never": NEVER}.get(self.path, 0))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 100
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        heard.over.set()
        server.shutdown()
        server.server_close()


def measure(*, folder: Path, say: Callable[[str], object]) -> Finding:
    """Run the packaged shop and let things happen in it. Raises what starting it raises, and `NotSeen`."""
    folder.mkdir(parents=True, exist_ok=True)
    with local_stack(
        stripe_api_base="http://127.0.0.1:9", stripe_keys=SANDBOX_KEYS, name="head", say=say
    ) as stack:
        admin = owner.open_admin_api(stack)
        paths = [f"/{number}" for number in range(HEALTHY)]
        say("Eight healthy endpoints")
        alone = _run(stack, admin, paths=paths, say=say)
        say("The same beside one that never answers and one that takes five seconds")
        in_trouble = _run(stack, admin, paths=paths, others=["/never", "/slow"], say=say)
        say("The same beside two more healthy ones")
        in_company = _run(stack, admin, paths=paths, others=["/nine", "/ten"], say=say)
    return judge(alone, in_trouble, in_company)


def _run(
    stack: LocalStack,
    admin: Api,
    *,
    paths: Sequence[str],
    others: Sequence[str] = (),
    say: Callable[[str], object],
) -> list[float]:
    """How long each event took to each healthy endpoint, in seconds."""
    heard = Heard()
    with _receiving(heard) as url:
        made = [admin.ask("POST", "/admin/endpoints", {"url": url + path}) for path in [*paths, *others]]
        _await(heard, paths, _happen(stack, 1))
        _await_trust(stack, len(paths))
        for _ in range(WARMING):  # the express queue's workers, each of which starts once
            _await(heard, paths, _happen(stack, 1))
        written = _happen(stack, EVENTS, pace=1 / PER_SECOND)
        _await(heard, paths, written)
        troubled = "".join(f", {heard.of(path)} of them to {path}" for path in others)
        say(f" {len(heard.at)} requests{troubled}")
        for endpoint in made:
            admin.ask("DELETE", f"/admin/endpoints/{endpoint['endpoint']['id']}")
    return [heard.at[path, event_id] - at for event_id, at in written.items() for path in paths]


def _happen(stack: LocalStack, count: int, *, pace: float = 0.0) -> dict[str, float]:
    """So many events, as the table learns of them, `pace` seconds apart; when each was written."""
    table = stack.client("dynamodb")
    written = {}
    begun = time.monotonic()
    for number in range(count):
        now = datetime.now(UTC)
        event = announce(
            "order.paid", order_id="", about=str(uuid.uuid4()), data={"note": "x" * 800}, now=now
        )
        written[event.id] = time.time()
        table.put_item(TableName=stack.outputs["TableName"], Item=event_row(event))
        time.sleep(max(begun + (number + 1) * pace - time.monotonic(), 0))
    return written


def _await(heard: Heard, paths: Sequence[str], written: dict[str, float]) -> None:
    wanted = {(path, event_id) for path in paths for event_id in written}
    wait_for(
        lambda: True if wanted <= heard.at.keys() else None,
        what=f"{len(wanted)} webhooks did not all arrive",
        patience=PATIENCE,
    )


def _await_trust(stack: LocalStack, count: int) -> None:
    """Until so many endpoints are known to be prompt: it is what their first answer tells the workers."""
    known = {
        "TableName": stack.outputs["TableName"],
        "KeyConditionExpression": "pk = :endpoints",
        "FilterExpression": "prompt = :yes",
        "ExpressionAttributeValues": {":endpoints": {"S": "ENDPOINTS"}, ":yes": {"BOOL": True}},
    }
    wait_for(
        lambda: stack.client("dynamodb").query(**known)["Count"] >= count or None,
        what=f"{count} endpoints were not found prompt",
        patience=PATIENCE,
    )


def judge(alone: Sequence[float], in_trouble: Sequence[float], in_company: Sequence[float]) -> Finding:
    """The third run tells what is the two's trouble, and what is merely more work for one machine."""
    note = (
        f"{EVENTS} events, {PER_SECOND} a second, to each of {HEALTHY} healthy endpoints: the time from an "
        "event's row to its arrival. The reference is the same eight alone, in the same run. Workers are "
        "warm: the first event beside an endpoint in trouble may wait for one to start."
    )
    reference = _percentile(alone, 0.99)
    return Finding(
        title="Beside an endpoint that never answers and one that takes 5 s",
        figures=[
            Figure(
                name="99th percentile at the healthy ones",
                value=_percentile(in_trouble, 0.99),
                unit="s",
                reference=reference,
                goal=Goal(limit=MOST, of="ratio"),
            ),
            Figure(
                name="the same beside two healthy ones instead",
                value=_percentile(in_company, 0.99),
                unit="s",
                reference=reference,
            ),
            Figure(
                name="median at the healthy ones",
                value=_percentile(in_trouble, 0.5),
                unit="s",
                reference=_percentile(alone, 0.5),
            ),
        ],
        notes=[note],
    )


def _percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
