"""The API as its callers see it, and its table as they must not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests
from chalice.test import Client

from chalicelib import wiring
from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import Product
from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.receiver import Receiver, Webhook

Json = dict[str, Any]

ADDRESS = {"line1": "1 Analytical Row", "city": "London", "country": "GB"}
GOOD_CARD, DECLINED_CARD = "4242424242424242", "4000000000000002"
_NEVER_SHOWN = ("Traceback", 'File "', "site-packages", "chalicelib", "botocore", "whsec_of_", "sk_test_")


@dataclass(frozen=True)
class Answer:
    """`headers` by lower-case name."""

    status: int
    headers: dict[str, str]
    content: bytes

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 (whatever was answered)
        return json.loads(self.content)

    def refusal(self, status: int, kind: str) -> Json:
        """The error object, after a look at what every refusal keeps to."""
        assert self.status == status, (self.status, self.content)
        assert self.json.keys() == {"error"}
        error: Json = self.json["error"]
        assert error["type"] == kind, error
        assert error["message"]
        assert self.headers["content-type"] == "application/json"
        assert self.headers["cache-control"] == "no-store"
        shown = self.content.decode()
        assert not [text for text in _NEVER_SHOWN if text in shown], shown
        return error


@dataclass(frozen=True)
class Shop:
    """`admin_key` opens the owner's half."""

    client: Client
    table: str
    dynamodb: Any
    ssm: Any
    admin_key: str

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Exactly these bytes and headers; `_` in a header's name is a dash."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.http.request(method, path, headers=named, body=body)
        found = {name.lower(): _text(value) for name, value in answer.headers.items()}
        return Answer(answer.status_code, found, answer.body)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        if body is None:
            return self.send(method, path, b"", **headers)
        typed = {"content_type": "application/json"} | headers
        return self.send(method, path, json.dumps(body).encode(), **typed)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 (JSON)
        answer = self.call(method, path, body, **headers)
        assert 200 <= answer.status < 300, (method, path, answer.status, answer.content)
        return answer.json if answer.content else None

    def admin_call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        return self.call(method, f"/admin{path}", body, authorization=f"Bearer {self.admin_key}", **headers)

    def admin(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 (JSON)
        return self.ask(method, f"/admin{path}", body, authorization=f"Bearer {self.admin_key}", **headers)

    def sell(self, *products: Product, **stock: int) -> None:
        """Have these in the catalogue, and so many of those that are tracked."""
        wiring.catalog().put_products(products)
        for sku, available in stock.items():
            wiring.stock().set_stock(sku, available)

    def cart(self, **items: int) -> Any:  # noqa: ANN401 (JSON)
        cart = self.ask("POST", "/carts")
        for sku, quantity in items.items():
            cart = self.ask("PUT", f"/carts/{cart['id']}/items/{sku}", {"quantity": quantity})
        return cart

    def keep(self, cart: Cart) -> str:
        """Write a cart that the API would take long to fill, or days to make old; its id."""
        wiring.carts().create_cart(cart)
        return cart.id

    def check_out(self, cart: Json, **changes: object) -> Answer:
        body = {"email": "ada@example.com", "expected_total": cart["amount"], "name": "Ada Lovelace"}
        return self.call("POST", f"/carts/{cart['id']}/checkout", body | changes)

    def ordered(self, cart: Json, **changes: object) -> Any:  # noqa: ANN401 (JSON)
        answer = self.check_out(cart, **changes)
        assert answer.status == 201, answer.content
        return answer.json

    def order(self, checkout: Json) -> Any:  # noqa: ANN401 (JSON)
        return self.ask(
            "GET", f"/orders/{checkout['order_id']}", authorization=f"Bearer {checkout['order_token']}"
        )

    def call_back(self, payload: bytes, signature: str) -> Answer:
        return self.send(
            "POST",
            "/callbacks/stripe",
            payload,
            stripe_signature=signature,
            content_type="application/json; charset=utf-8",
        )

    def dump(self) -> Json:
        """Every row, and the names of all secrets."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        rows = {(row["pk"]["S"], row["sk"]["S"]): row for page in pages for row in page["Items"]}
        parameters = self.ssm.get_paginator("describe_parameters").paginate()
        names = sorted(found["Name"] for page in parameters for found in page["Parameters"])
        return {"rows": rows, "secrets": names}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens inside leaves no trace in the table."""
        before = self.dump()
        yield
        assert self.dump() == before


@dataclass(frozen=True)
class Stripe:
    """The sandbox, and where it sends its webhooks: a test carries them on."""

    running: Running
    receiver: Receiver

    def pay(self, checkout: Json, *, card: str = GOOD_CARD) -> str:
        """Confirm as Stripe.js does; the intent's id."""
        intent: str = checkout["client_secret"].partition("_secret_")[0]
        form = {
            "key": checkout["publishable_key"],
            "client_secret": checkout["client_secret"],
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": card,
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": "2040",
            "payment_method_data[card][cvc]": "123",
        }
        url = f"{self.running.url}/v1/payment_intents/{intent}/confirm"
        requests.post(url, data=form, timeout=10)
        return intent

    def webhook(self, intent: str, kind: str) -> Webhook:
        """The one that the sandbox has signed and sent about this intent."""
        assert self.running.sandbox.webhooks.wait_until_idle(5)
        for webhook in self.receiver.wait_for(self.receiver.received):
            event = json.loads(webhook.payload)
            if event["type"] == kind and event["data"]["object"]["id"] == intent:
                return webhook
        raise AssertionError(f"no {kind} about {intent}")


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
