from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from msgspec.structs import replace
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib import wiring
from tests.integration.api.callers import ADDRESS, Answer, Json, Shop, Stripe
from tests.making import a_delivery, a_product, an_event

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(shop: Shop) -> Json:
    document: Json = shop.ask("GET", "/openapi.json")
    return document


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in item.keys() & METHODS:
            yield method, path, item[method]


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def test_the_document_is_valid_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_schema_is_valid_json_schema(document: Json) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: Json) -> None:
    schemas = document["components"]["schemas"]
    known = {f"#/components/schemas/{name}" for name in schemas}
    assert set(_references(document)) <= known


def test_the_document_has_every_route_and_no_other(document: Json) -> None:
    documented = {(method.upper(), path) for method, path, _ in _operations(document)}
    assert documented == {(method, path) for path, methods in app.routes.items() for method in methods}


def test_every_operation_says_what_it_does_and_what_it_may_answer(document: Json) -> None:
    for method, path, operation in _operations(document):
        assert operation["summary"], (method, path)
        assert {"500", "503"} < operation["responses"].keys(), (method, path)
        named = {part["name"] for part in operation.get("parameters", []) if part["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), (method, path)


def test_every_operation_of_the_owners_needs_an_admin_key(document: Json) -> None:
    for _, path, operation in _operations(document):
        assert (operation.get("security") == [{"admin_key": []}]) == path.startswith("/admin/"), path


def test_every_operation_has_a_name_of_its_own(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert sorted(names) == sorted(set(names))


class Reader:
    """Holds each answer to what the document says of it."""

    def __init__(self, shop: Shop, document: Json) -> None:
        self._shop = shop
        self._document = document
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 (JSON)
        named = {"authorization": f"Bearer {self._shop.admin_key}"} | headers
        return self.check(method, path, self._shop.call(method, path, body, **named))

    def check(self, method: str, path: str, answer: Answer) -> Any:  # noqa: ANN401 (JSON)
        template = self._template(path.partition("?")[0])
        responses = self._document["paths"][template][method.lower()]["responses"]
        assert str(answer.status) in responses, (method, path, answer.status, answer.content)
        self.seen.add((method, template))
        content = responses[str(answer.status)].get("content")
        if content is None:
            assert answer.content == b""
            return None
        if "application/json" not in content:
            assert answer.headers["content-type"].partition(";")[0] in content
            return answer.content.decode()
        schema = content["application/json"]["schema"] | {"components": self._document["components"]}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json)
        return answer.json

    def _template(self, path: str) -> str:
        fits = [
            known for known in self._document["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path)
        ]
        best: str = min(fits, key=lambda known: known.count("{"))
        return best


@pytest.fixture
def read(shop: Shop, document: Json) -> Reader:
    return Reader(shop, document)


def test_every_answer_of_a_shops_day_is_as_documented(
    read: Reader, shop: Shop, stripe: Stripe, document: Json
) -> None:
    endpoint = _set_up(read)
    checkout = _sell(read, shop, stripe)
    _look(read, shop, checkout, endpoint)
    _tidy(read, endpoint)
    read("GET", "/events/types")
    read("GET", "/openapi.json")
    documented = {(method.upper(), path) for method, path, _ in _operations(document)}
    assert documented - read.seen == set()


def _set_up(read: Reader) -> str:
    product = {"name": "A mug", "amount": 1200, "currency": "eur", "stock": "tracked"}
    read("PUT", "/admin/catalog", {"products": [product | {"sku": "mug"}]})
    read("PUT", "/admin/products/cup", product)
    read("PUT", "/admin/stock/mug", {"available": 5})
    read("POST", "/admin/stock/mug/adjustments", {"by": 1}, idempotency_key="one")
    made = read("POST", "/admin/endpoints", {"url": "https://hooks.example.com/"})
    endpoint: str = made["endpoint"]["id"]
    read("POST", f"/admin/endpoints/{endpoint}/secret", {})
    read("PATCH", f"/admin/endpoints/{endpoint}", {"description": "mine"})
    read("POST", "/admin/endpoints/preview", {"endpoint_id": endpoint, "event_type": "order.paid"})
    return endpoint


def _sell(read: Reader, shop: Shop, stripe: Stripe) -> Any:  # noqa: ANN401 (JSON)
    read("GET", "/products")
    read("GET", "/products/mug")
    cart = read("POST", "/carts")
    path = f"/carts/{cart['id']}"
    read("GET", path)
    read("PUT", f"{path}/items/mug", {"quantity": 2})
    read("DELETE", f"{path}/items/cup")
    body = {"email": "ada@example.com", "expected_total": 2400, "shipping_address": ADDRESS}
    checkout = read("POST", f"{path}/checkout", body)
    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    read.check("POST", "/callbacks/stripe", shop.call_back(webhook.payload, webhook.signature))
    read("GET", f"/orders/{checkout['order_id']}", authorization=f"Bearer {checkout['order_token']}")
    return checkout


def _look(read: Reader, shop: Shop, checkout: Json, endpoint_id: str) -> None:
    story = read("GET", f"/admin/orders/{checkout['order_id']}")
    event_id = story["ledger"][1]["event_id"]
    event = wiring.events().get_event(event_id)
    endpoint = wiring.endpoints().get_endpoint(endpoint_id)
    assert event is not None
    assert endpoint is not None
    delivery = a_delivery(event, endpoint, None, 500, 200)
    wiring.deliveries().save_delivery(replace(delivery, version=1))
    wiring.deliveries().save_delivery(a_delivery(an_event(), endpoint, 500))
    read("GET", "/admin/orders")
    read("GET", "/admin/orders?email=ada%40example.com")
    assert read("POST", "/admin/persons/export", {"email": "ada@example.com"})["items"][0]["events"]
    read("POST", "/admin/persons/erase", {"email": "ada@example.com"}, idempotency_key="e")
    for subject in ("products", "stock", "orders"):
        page = read("GET", f"/admin/export/{subject}?format=csv")
        headers = {"authorization": f"Bearer {shop.admin_key}", "content_type": "text/csv"}
        imported = shop.send("POST", f"/admin/import/{subject}", page.encode(), **headers)
        assert read.check("POST", f"/admin/import/{subject}", imported)["written"] == 0
    order = f"/admin/orders/{checkout['order_id']}"
    read("POST", f"{order}/fulfilments", {"lines": [{"sku": "mug", "quantity": 1}]}, idempotency_key="f")
    read("POST", f"{order}/refunds", {"amount": 1}, idempotency_key="m")
    read("POST", f"{order}/accept")
    read("GET", "/admin/health")
    read("GET", f"/admin/payments/stripe/{story['payment']['reference']}")
    read("GET", "/admin/endpoints")
    read("GET", f"/admin/endpoints/{endpoint_id}")
    read("GET", f"/admin/endpoints/{endpoint_id}/deliveries")
    read("GET", f"/admin/endpoints/{endpoint_id}/deliveries?status=failing")
    read("GET", f"/admin/endpoints/{endpoint_id}/pending")
    read("GET", f"/admin/orders/{checkout['order_id']}/deliveries")
    read("GET", f"/admin/events/{event_id}/deliveries")
    read("GET", f"/admin/deliveries/{delivery.id}")
    read("POST", f"/admin/deliveries/{delivery.id}/resend", idempotency_key="r")
    _steer(read, endpoint_id)


def _steer(read: Reader, endpoint_id: str) -> None:
    path = f"/admin/endpoints/{endpoint_id}"
    read("POST", f"{path}/test", {}, idempotency_key="t")
    job = read("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"}, idempotency_key="p")
    read("GET", f"/admin/jobs/{job['id']}")
    read("POST", f"{path}/pause")
    read("POST", f"{path}/resume")


def _tidy(read: Reader, endpoint: str) -> None:
    read("GET", "/admin/products")
    read("GET", "/admin/products/mug")
    read("GET", "/admin/stock/mug")
    read("DELETE", "/admin/products/cup")
    read("DELETE", f"/admin/endpoints/{endpoint}")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/products?limit=0", None), ("GET", "/products/nothing", None),
        ("GET", "/carts/nothing", None),
        ("PUT", "/carts/nothing/items/mug", {"quantity": 1}), ("PUT", "/carts/nothing/items/mug", {}),
        ("DELETE", "/carts/nothing/items/mug", None), ("POST", "/carts/nothing/checkout", {}),
        ("GET", "/orders/nothing", None), ("POST", "/callbacks/stripe", {}), ("PUT", "/admin/products/-", {}),
        ("PUT", "/admin/products/-", {"name": "x", "amount": 1, "currency": "eur"}),
        ("POST", "/admin/endpoints", {"url": "http://127.0.0.1"}), ("GET", "/admin/orders?month=x", None),
        ("GET", "/admin/deliveries/x", None), ("GET", "/admin/export/orders", None),
        ("GET", "/admin/export/carts?format=csv", None), ("POST", "/admin/import/carts", {}),
        ("GET", "/admin/export/orders?format=csv&cursor=x", None), ("POST", "/admin/import/orders", {}),
        ("POST", "/admin/stock/mug/adjustments", {"by": 1}),
    ],
)  # fmt: skip
def test_every_refusal_is_as_documented(read: Reader, method: str, path: str, body: object) -> None:
    assert "error" in read(method, path, body)


def test_more_that_some_refusals_say_is_allowed_by_the_document(read: Reader, shop: Shop) -> None:
    shop.sell(a_product("mug", tracked=True))
    cart = shop.cart(mug=1)
    body = {"email": "ada@example.com", "expected_total": 1200}
    assert read("POST", f"/carts/{cart['id']}/checkout", body)["error"]["items"]
