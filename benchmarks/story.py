"""One sale, told by calling the shipped functions in this process with the events that AWS hands them.

The steps' names are those of the figures. Which folder `app` and `chalicelib` come from is the caller's
choice: whatever is first on the path.
"""

import itertools
import json
import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from botocore.client import BaseClient

from app import app
from benchmarks.lambda_events import Context, Event, Request, from_gateway, from_queue, from_stream
from chalicelib import wiring
from chalicelib.adapters.dynamodb.events import event_row
from chalicelib.domain.events import Event as Announced
from chalicelib.workers.deliver import deliver
from chalicelib.workers.relay import relay
from local.demo.stripe import Sandbox
from local.demo.web import Api

Json = dict[str, Any]
Around = Callable[[str], AbstractContextManager[None]]
"""Given a step's name, the context that measures it."""

WEBHOOK_WITHIN = 10  # seconds
COUNTRY = {"line1": "1 Analytical Row", "city": "London", "postal_code": "EC1A 1BB", "country": "GB"}


class Unexpected(Exception):
    """A function answered otherwise than a good sale needs, so what was measured means nothing."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A webhook of Stripe's as it came."""

    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Queues:
    """What the workers are fed from, by name; `sqs` is a client that nobody measures."""

    sqs: BaseClient
    urls: Mapping[str, str]

    def take(self, number: int) -> Event:
        """So many messages, as their queue hands them to the worker."""
        for name, url in self.urls.items():
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if len(messages) == number:
                return from_queue(messages, queue=name)
            if messages:
                raise Unexpected(f"The relay should have sent {number} messages, not {len(messages)}.")
        raise Unexpected("The relay has sent no message.")


@dataclass(frozen=True, kw_only=True)
class World:
    """Everybody whom the functions deal with. `aws` makes clients that nobody measures."""

    aws: Callable[[str], BaseClient]
    table: str
    queues: Queues
    sandbox: Sandbox
    notices: "queue.Queue[Notice]"
    receiver: Api
    skus: tuple[str, ...]
    """At least five, all of them tracked."""


class Story:
    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)

    def tell(self, around: Around) -> None:
        """From the first look at the catalogue to the delivered webhook. Raises `Unexpected`."""
        placed = self.buy(around)
        self._relay_and_deliver(around, placed["order_id"])
        self._require_paid(around, placed)

    def buy(self, around: Around) -> Json:
        """From the first look at the catalogue to Stripe's callback; what checkout answered."""
        first, second, third = self._world.skus[:3]
        self._call(around, "list products", Request(method="GET", resource="/products"))
        cart = self._call(around, "create cart", Request(method="POST", resource="/carts"))
        self._put(around, "add first item", cart, first)
        shown = self._put(around, "add second item", cart, second)
        self._read_cart(around, "read cart of two", cart)
        self._put(around, "add third item", cart, third)
        self._read_cart(around, "read cart of three", cart)
        shown = self._put(around, "remove third item", cart, third, quantity=0)
        placed = self._check_out(around, "check out", shown)
        self._pay(around, "callback", placed)
        return placed

    def buy_five(self, around: Around) -> None:
        """A cart of five lines, of which only what is done with it is of interest."""
        cart = self._call(_unseen, "create cart", Request(method="POST", resource="/carts"))
        for sku in self._world.skus[:5]:
            cart = self._put(_unseen, "add item", cart, sku)
        placed = self._check_out(around, "check out five lines", cart)
        self._pay(around, "callback of five lines", placed)
        self._require_paid(_unseen, placed)

    def _put(self, around: Around, step: str, cart: Json, sku: str, quantity: int = 1) -> Json:
        request = Request(
            method="PUT",
            resource="/carts/{cart_id}/items/{sku}",
            parts={"cart_id": cart["id"], "sku": sku},
            body=json.dumps({"quantity": quantity}),
        )
        return self._call(around, step, request)

    def _read_cart(self, around: Around, step: str, cart: Json) -> None:
        request = Request(method="GET", resource="/carts/{cart_id}", parts={"cart_id": cart["id"]})
        self._call(around, step, request)

    def _check_out(self, around: Around, step: str, cart: Json) -> Json:
        body = {
            "email": "ada@shopper.example",
            "name": "Ada Lovelace",
            "shipping_address": COUNTRY,
            "expected_total": cart["amount"],
        }
        request = Request(
            method="POST",
            resource="/carts/{cart_id}/checkout",
            parts={"cart_id": cart["id"]},
            body=json.dumps(body),
        )
        return self._call(around, step, request)

    def _pay(self, around: Around, step: str, placed: Json) -> None:
        self._world.sandbox.pay(placed["client_secret"])
        notice = self._world.notices.get(timeout=WEBHOOK_WITHIN)
        request = Request(
            method="POST", resource="/callbacks/stripe", headers=notice.headers, body=notice.body
        )
        answer = self._call(around, step, request)
        if answer["ignored"]:
            raise Unexpected("The callback was ignored.")

    def _require_paid(self, around: Around, placed: Json) -> None:
        request = Request(
            method="GET",
            resource="/orders/{order_id}",
            parts={"order_id": placed["order_id"]},
            headers={"Authorization": f"Bearer {placed['order_token']}"},
        )
        order = self._call(around, "read order", request)
        if order["status"] != "paid":
            raise Unexpected(f"The order is {order['status']}, not paid.")

    def _relay_and_deliver(self, around: Around, order_id: str) -> None:
        event = from_stream(self._event_row(order_id))
        with around("relay"):
            answer = relay(event, Context())
        _require_clean(answer)
        event = self._world.queues.take(1)
        with around("deliver"):
            answer = deliver(event, Context())
        _require_clean(answer)
        newest = self._world.receiver.ask("GET", "/received.json")["received"][0]
        if not newest["verified"] or newest["payload"]["data"]["order"]["id"] != order_id:
            raise Unexpected(f"The receiver has not verified the webhook of {order_id}.")

    def _event_row(self, order_id: str) -> Json:
        """As the table's stream would show it: the order's ledger names the event."""
        table = self._world.aws("dynamodb")
        key = {":pk": {"S": f"ORDER#{order_id}"}, ":sk": {"S": "LEDGER#"}}
        (entry,) = table.query(
            TableName=self._world.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues=key,
        )["Items"]
        event = {"pk": {"S": f"EVENT#{entry['event_id']['S']}"}, "sk": {"S": "EVENT"}}
        row: Json = table.get_item(TableName=self._world.table, Key=event)["Item"]
        return row

    def _call(self, around: Around, step: str, request: Request) -> Json:
        event = from_gateway(request, request_id=f"00000000-0000-4000-8000-{next(self._numbers):012}")
        with around(step):
            answer = app(event, Context())
        if not 200 <= answer["statusCode"] < 300:  # noqa: PLR2004 (HTTP's success)
            raise Unexpected(f"{step} was answered with {answer['statusCode']}: {answer['body']}")
        found: Json = json.loads(answer["body"])
        return found


def fan_out(event: Announced, *, queues: Queues, number: int, around: Around) -> None:
    """Tell of an event that goes to so many endpoints, by both workers. Raises `Unexpected`."""
    wiring.events().put_event(event)
    from_table = from_stream(event_row(event))
    with around("relay"):
        answer = relay(from_table, Context())
    _require_clean(answer)
    batch = queues.take(number)
    with around("deliver"):
        answer = deliver(batch, Context())
    _require_clean(answer)


def _unseen(_: str) -> AbstractContextManager[None]:
    return nullcontext()


def _require_clean(answer: Json) -> None:
    if answer["batchItemFailures"]:
        raise Unexpected(f"A worker left messages undone: {answer}")


@contextmanager
def mailbox() -> "Iterator[tuple[str, queue.Queue[Notice]]]":
    """Where Stripe's webhooks are kept until the story needs them: an address, and what came in there."""
    notices: queue.Queue[Notice] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            if json.loads(body)["type"] == "payment_intent.succeeded":
                notices.put(Notice(headers=dict(self.headers.items()), body=body))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", notices
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
