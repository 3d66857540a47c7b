"""A shopper's browser, an owner's tools and a receiver, as end-to-end tests use them."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import requests
from standardwebhooks.webhooks import Webhook

Found = TypeVar("Found")
Json = dict[str, Any]

GOOD_CARD, DECLINED_CARD = "4242424242424242", "4000000000000002"


def wait_for(look: Callable[[], Found | None], *, what: str, patience: float = 30.0) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"{what} did not come within {patience:g} s")


@dataclass(frozen=True)
class Received:
    """A webhook that the official library verified."""

    id: str
    payload: Json


@dataclass
class Receiver:
    """An owner's system. `answers` are the statuses of the next answers; 200 when they are used up.

    It answers nobody before `answers_when` is set, if there is one. `asked` counts the requests.
    """

    url: str = ""
    secret: str = ""
    answers: list[int] = field(default_factory=list)
    answers_when: threading.Event | None = None
    retry_after: str = ""
    received: list[Received] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    asked: int = 0

    def of_order(self, order_id: str, event_type: str = "order.paid") -> list[Received]:
        return [
            received
            for received in self.received
            if received.payload["type"] == event_type and received.payload["data"]["order"]["id"] == order_id
        ]


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.asked += 1
            if receiver.answers_when is not None:
                receiver.answers_when.wait(60)
            try:
                payload = Webhook(receiver.secret).verify(body, dict(self.headers.items()))
                receiver.received.append(Received(id=self.headers["webhook-id"], payload=payload))
            except Exception as problem:  # noqa: BLE001 (whatever it is, the test wants to see it)
                receiver.problems.append(repr(problem))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.send_header("content-length", "2")
            if receiver.retry_after:
                self.send_header("retry-after", receiver.retry_after)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_CREDENTIAL = re.compile(r"\b(?:(?:cart|tok)_[a-z2-7]{26}|pi_\w+_secret_\w+|whsec_[A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class Shop:
    """The deployed API as its two audiences call it. `credentials` collects all that it ever answered."""

    api_url: str
    stripe_url: str
    publishable_key: str
    admin_key: str
    credentials: set[str] = field(default_factory=set)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        answer = requests.request(method, self.api_url + path, json=body, headers=headers, timeout=30)
        self.credentials.update(_CREDENTIAL.findall(answer.text))
        return answer

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Json:
        answer = self.call(method, path, body, **headers)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        found: Json = answer.json() if answer.content else {}
        return found

    def admin(self, method: str, path: str, body: object = None, **headers: str) -> Json:
        return self.ask(method, f"/admin{path}", body, authorization=f"Bearer {self.admin_key}", **headers)

    def product(self, *, amount: int = 1200, stock: int | None = None, shards: int = 1) -> str:
        """A new product's SKU; `stock` None: unlimited."""
        sku = f"sku-{uuid.uuid4().hex[:12]}"
        tracked = "unlimited" if stock is None else "tracked"
        said = {"name": sku, "amount": amount, "currency": "eur", "stock": tracked, "stock_shards": shards}
        self.admin("PUT", f"/products/{sku}", said)
        if stock is not None:
            self.admin("PUT", f"/stock/{sku}", {"available": stock})
        return sku

    def stock(self, sku: str) -> int:
        left: int = self.admin("GET", f"/stock/{sku}")["available"]
        return left

    def cart(self, **items: int) -> Json:
        cart = self.ask("POST", "/carts")
        for sku, quantity in items.items():
            cart = self.put(cart["id"], sku, quantity)
        return cart

    def put(self, cart_id: str, sku: str, quantity: int) -> Json:
        return self.ask("PUT", f"/carts/{cart_id}/items/{sku}", {"quantity": quantity})

    def check_out(self, cart: Json, **changes: object) -> requests.Response:
        body = {
            "email": "ada@shopper.example",
            "name": "Ada Lovelace",
            "shipping_address": {"line1": "1 Analytical Row", "city": "London", "country": "GB"},
            "expected_total": cart["amount"],
        } | changes
        return self.call("POST", f"/carts/{cart['id']}/checkout", body)

    def pay(self, checkout: Json, *, card: str = GOOD_CARD) -> requests.Response:
        """Confirm at Stripe as Stripe.js does: publishable key, client secret, card."""
        intent = checkout["client_secret"].partition("_secret_")[0]
        return requests.post(
            f"{self.stripe_url}/v1/payment_intents/{intent}/confirm",
            data={
                "key": self.publishable_key,
                "client_secret": checkout["client_secret"],
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2040",
                "payment_method_data[card][cvc]": "123",
            },
            timeout=30,
        )

    def order(self, checkout: Json) -> Json:
        return self.ask(
            "GET", f"/orders/{checkout['order_id']}", authorization=f"Bearer {checkout['order_token']}"
        )

    def wait_for_status(self, checkout: Json, status: str) -> Json:
        def look() -> Json | None:
            order = self.order(checkout)
            return order if order["status"] == status else None

        return wait_for(look, what=f"the order's status {status!r}")

    def endpoint(self, receiver: Receiver, *events: str) -> str:
        """Register the receiver for `events` (order.paid unless given); the endpoint's id."""
        made = self.admin("POST", "/endpoints", {"url": receiver.url, "events": events or ["order.paid"]})
        receiver.secret = made["secret"]
        endpoint_id: str = made["endpoint"]["id"]
        return endpoint_id
