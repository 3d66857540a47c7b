"""Tell the story of a sale and measure it; what was measured goes to standard output, as JSON.

    python -m benchmarks.in_process meter     one sale: its calls to AWS and what they bill
    python -m benchmarks.in_process time      many sales: processor time, ours and the database's
    python -m benchmarks.in_process webhooks  one event for ten endpoints: its calls to AWS
    python -m benchmarks.in_process notices   a thousand callbacks: what they come to
    python -m benchmarks.in_process growth    sales in a small and a large table: how long they take

Started by `benchmarks.sales` in the shipped tree, with the environment of a function.
"""

import logging
import os
import queue
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Semaphore
from typing import Any, TypeVar
from unittest.mock import patch

import boto3
import msgspec
from botocore.client import BaseClient

from benchmarks.capacity import Index, Key, Row, key_of
from benchmarks.growth import Growth
from benchmarks.metering import Call, Meter, Step, Timing
from benchmarks.notices import tell_all
from benchmarks.receiver import receiving
from benchmarks.story import Notice, Queues, Story, Unexpected, World, fan_out, mailbox
from chalicelib import wiring
from chalicelib.domain.catalog import Product
from chalicelib.domain.signing import new_secret
from chalicelib.logs import JsonFormatter
from chalicelib.services.endpoints import create_endpoint
from chalicelib.workers.deliver import BATCH
from local.aws import ROOT
from local.demo.owner import PAID, read_catalog
from local.demo.stripe import SANDBOX_KEYS, Sandbox
from local.demo.web import Api
from tests.making import an_endpoint, an_event, signing_secrets

Measured = TypeVar("Measured", Step, Timing)
CATALOG = ROOT / "local/catalog.json"
PLENTY = 1_000_000
WARMING = 5
ROUNDS = 40
GROWTH_ROUNDS = 150


class Stopwatch:
    def __init__(self, database: int | None) -> None:
        self.timings: dict[str, Timing] = {}
        # Linux's clock of another process's processor time (clock_getcpuclockid).
        self._clock = None if database is None or sys.platform != "linux" else ~database << 3 | 2

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        timing = self.timings.setdefault(name, Timing(name=name))
        theirs, ours = self._database(), time.process_time()
        yield
        timing.ours.append((time.process_time() - ours) * 1000)
        if self._clock is not None:
            timing.database.append((self._database() - theirs) * 1000)

    def _database(self) -> float:
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)


class _Table:
    """The table as somebody sees it whom nobody meters."""

    def __init__(self, client: BaseClient, name: str) -> None:
        self._client = client
        self._name = name

    def indexes(self) -> list[Index]:
        described = self._client.describe_table(TableName=self._name)["Table"]
        return [Index.of(index) for index in described["GlobalSecondaryIndexes"]]

    def images(self, keys: Sequence[Key]) -> dict[Key, Row]:
        if not keys:
            return {}
        wanted = {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys], "ConsistentRead": True}
        found = self._client.batch_get_item(RequestItems={self._name: wanted})["Responses"]
        return {key_of(row): row for row in found[self._name]}


class _Counted(logging.Handler):
    """Keeps no line, and tells the meter how long each was."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def emit(self, record: logging.LogRecord) -> None:
        self._meter.logged(len(self.format(record).encode()) + 1)


def main(mode: str) -> int:
    modes: dict[str, Callable[[], object]] = {
        "meter": lambda: _sale(_metered),
        "time": lambda: _sale(_timed),
        "webhooks": _webhooks,
        "notices": tell_all,
        "growth": _growth,
    }
    found = modes[mode]()
    sys.stdout.write(msgspec.json.encode(found).decode())
    return 0


def _sale(measure: Callable[[Callable[[], Story]], list[Measured]]) -> list[Measured]:
    with mailbox() as (address, notices):
        sandbox = Sandbox(api_base=os.environ["TILLHOOK_STRIPE_API_BASE"])
        sandbox.call_back(address, secret=SANDBOX_KEYS.webhook_secrets)
        return measure(lambda: Story(_world(sandbox, notices)))


def _metered(open_shop: Callable[[], Story]) -> list[Step]:
    """The first sale of fresh functions: all that they keep for later is read in it."""
    meter = _meter()
    with _noting_stripe(meter):
        story = open_shop()
        story.tell(meter.step)
        story.buy_five(meter.step)
    return meter.steps


@contextmanager
def _noting_stripe(meter: Meter) -> Iterator[None]:
    """Every request to Stripe, retries included, is a call of the step's."""
    import stripe  # noqa: PLC0415 (a timed sale loads it as it is shipped)

    send = stripe.RequestsClient.request

    def noting(client: stripe.RequestsClient, method: str, url: str, *more: Any) -> Any:  # noqa: ANN401 (passed on)
        began = time.perf_counter()
        answer = send(client, method, url, *more)
        meter.note(Call(service="stripe", operation=method, began=began, ended=time.perf_counter()))
        return answer

    with patch.object(stripe.RequestsClient, "request", noting):
        yield


def _webhooks() -> list[Step]:
    """An event for a whole batch of endpoints, when another one has gone to them before."""
    meter = _meter()
    with receiving() as receiver:
        endpoints = [an_endpoint(number, url=receiver.url) for number in range(BATCH)]
        for endpoint in endpoints:
            wiring.endpoints().create_endpoint(endpoint)
            wiring.endpoint_secrets().put_secrets(endpoint.id, signing_secrets(new_secret(wiring.entropy)))
        fan_out(an_event("before"), queues=_queues(), number=BATCH, around=lambda _: nullcontext())
        fan_out(an_event("metered"), queues=_queues(), number=BATCH, around=meter.step)
        if receiver.requests != 2 * BATCH:
            raise Unexpected(f"{receiver.requests} webhooks arrived.")
    return meter.steps


def _meter() -> Meter:
    table = _Table(boto3.Session().client("dynamodb"), wiring.settings().table)
    session = wiring._session()  # noqa: SLF001 (the one place that all clients come from)
    meter = Meter(session, images=table.images, indexes=table.indexes())
    _log_to(_Counted(meter))
    return meter


def _timed(open_shop: Callable[[], Story]) -> list[Timing]:
    process_id = os.environ.get("BENCH_DATABASE_PROCESS")
    with Path(os.devnull).open("w") as nowhere:
        _log_to(logging.StreamHandler(nowhere))
        story = open_shop()
        for _ in range(WARMING):
            story.tell(Stopwatch(None).step)
        stopwatch = Stopwatch(int(process_id) if process_id else None)
        for _ in range(ROUNDS):
            story.tell(stopwatch.step)
            story.buy_five(stopwatch.step)
    return list(stopwatch.timings.values())


def _growth() -> Growth:
    """Sales in two tables at once, step by step in turn."""
    with mailbox() as (address, notices), Path(os.devnull).open("w") as nowhere:
        _log_to(logging.StreamHandler(nowhere))
        sandbox = Sandbox(api_base=os.environ["TILLHOOK_STRIPE_API_BASE"])
        sandbox.call_back(address, secret=SANDBOX_KEYS.webhook_secrets)
        few, many = wiring.settings().table, os.environ["BENCH_LARGE_TABLE"]
        stories = {}
        for name in (few, many):
            wiring.table().name = name
            stories[name] = Story(_world(sandbox, notices))
        clocks: dict[str, dict[str, list[float]]] = {}
        for number in range(WARMING + GROWTH_ROUNDS):
            if number == WARMING:
                clocks = {few: {}, many: {}}
            first, second = (few, many) if number % 2 else (many, few)
            _in_turn({first: stories[first], second: stories[second]}, clocks)
    return Growth(few=clocks[few], many=clocks[many])


def _in_turn(stories: Mapping[str, Story], clocks: Mapping[str, dict[str, list[float]]]) -> None:
    """Tell each story in its table; only one goes on at a time, and each step is followed by the other's."""
    batons = {name: Semaphore(0) for name in stories}

    def tell(name: str, other: str) -> None:
        @contextmanager
        def around(step: str) -> Iterator[None]:
            batons[other].release()
            batons[name].acquire()
            wiring.table().name = name
            began = time.perf_counter()
            yield
            clocks.get(name, {}).setdefault(step, []).append((time.perf_counter() - began) * 1000)

        batons[name].acquire()
        try:
            stories[name].buy(around)
        finally:
            batons[other].release()

    first, second = stories
    with ThreadPoolExecutor(len(stories)) as tellers:
        told = [tellers.submit(tell, first, second), tellers.submit(tell, second, first)]
        batons[first].release()
        for each in told:
            each.result()


def _log_to(handler: logging.Handler) -> None:
    """As Lambda does: a handler is there before our code runs."""
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)


def _world(sandbox: Sandbox, notices: "queue.Queue[Notice]") -> World:
    """Fill the shop with the demo's products and register the receiver."""
    found = read_catalog(CATALOG)
    products = msgspec.convert(found["products"], list[Product])
    wiring.catalog().put_products(products)  # beside what is there: a push would make it the whole catalogue
    tracked = [product.sku for product in products if product.is_tracked]
    for sku in tracked:
        wiring.stock().set_stock(sku, PLENTY)
    receiver = Api(url=os.environ["BENCH_RECEIVER_URL"])
    _, secret = create_endpoint(
        f"{receiver.url}/hook",
        [PAID],
        "The benchmark's receiver",
        endpoints=wiring.endpoints(),
        secrets=wiring.endpoint_secrets(),
        expressions=wiring.expressions(),
        resolver=wiring.resolver(),
        policy=wiring.settings().endpoint_policy,
        entropy=secrets.token_bytes,
        now=wiring.now(),
    )
    receiver.ask("PUT", "/secret", {"secret": secret})
    return World(
        aws=cache(boto3.Session().client),
        table=wiring.settings().table,
        queues=_queues(),
        sandbox=sandbox,
        notices=notices,
        receiver=receiver,
        skus=tuple(tracked),
    )


def _queues() -> Queues:
    settings = wiring.settings()
    urls = {"express": settings.express_queue_url, "deliveries": settings.deliveries_queue_url}
    return Queues(sqs=boto3.Session().client("sqs"), urls=urls)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
