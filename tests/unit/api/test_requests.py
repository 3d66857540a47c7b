"""What a request may say, before anybody looks anything up."""

from __future__ import annotations

import msgspec
import pytest
from chalice.app import Request

from chalicelib.api.admin.endpoints import NewEndpoint
from chalicelib.api.admin.products import CatalogPush, ProductBody
from chalicelib.api.routing import PAGE_LIMIT, Call
from chalicelib.api.storefront import CheckoutRequest
from chalicelib.domain.errors import InvalidRequest

ADDRESS = {"line1": "1 Analytical Row", "city": "London", "country": "GB"}
ORDER = {"email": "ada@shopper.example", "expected_total": 1200, "shipping_address": ADDRESS}
PRODUCT = {"name": "A mug", "amount": 1200, "currency": "eur"}


def call_with(**query: str) -> Call:
    event = {
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "headers": {},
        "pathParameters": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": "/", "requestId": "1"},
        "body": None,
        "stageVariables": None,
        "isBase64Encoded": False,
    }
    return Call(Request(event))


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("20", 20), ("100", PAGE_LIMIT)])
def test_a_limit_is_a_whole_number_up_to_a_page(text: str, limit: int) -> None:
    assert call_with(limit=text).limit() == limit


def test_a_page_has_twenty_unless_said() -> None:
    assert call_with().limit() == 20


@pytest.mark.parametrize(
    "text", ["0", "-1", "101", "1.5", "x", "+5", "1_0", "0000019999", "9" * 5000, "000001" + "9" * 5000, "½"]
)
def test_any_other_limit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        call_with(limit=text).limit()


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (CheckoutRequest, ORDER, {"email": "ada@shopper.example\n"}),
        (CheckoutRequest, ORDER, {"shipping_address": ADDRESS | {"country": "GB\n"}}),
        (NewEndpoint, {"url": "https://hook.example/"}, {"events": ["order.paid\n"]}),
        (ProductBody, PRODUCT, {"currency": "eur\n"}),
        (CatalogPush, {"products": [PRODUCT | {"sku": "mug"}]}, {"products": [PRODUCT | {"sku": "mug\n"}]}),
    ],
)
def test_a_newline_at_the_end_does_not_slip_through_a_pattern(
    kind: type[msgspec.Struct], good: dict[str, object], bad: dict[str, object]
) -> None:
    """Python's `$` stands before a last newline too."""
    msgspec.json.decode(msgspec.json.encode(good), type=kind)
    with pytest.raises(msgspec.ValidationError, match="regex"):
        msgspec.json.decode(msgspec.json.encode(good | bad), type=kind)


@pytest.mark.parametrize("local", ["a", "ada.lovelace+till", "o'brien", "ä"])
def test_addresses_that_people_have_are_taken(local: str) -> None:
    body = msgspec.json.encode(ORDER | {"email": f"{local}@shopper.example"})
    assert msgspec.json.decode(body, type=CheckoutRequest).email.startswith(local)


@pytest.mark.parametrize(
    "email",
    [
        "", "ada", "ada@", "@shop.example", "ada@shop", "a b@shop.example", "ada@shop..example",
        "a@b.c,d@e.f", "<ada@shop.example>", "ada@shop.example\r\nBcc: x@y.z", "a" * 65 + "@shop.example",
        "ada@shop_.example",
    ],
)  # fmt: skip
def test_nonsense_is_no_address(email: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(ORDER | {"email": email}), type=CheckoutRequest)
