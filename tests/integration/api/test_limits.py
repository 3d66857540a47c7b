"""Card testers are told 429, with the time to wait; everybody else notices nothing."""

from __future__ import annotations

import pytest

from chalicelib import wiring
from tests.integration.api.callers import Answer, Shop
from tests.making import a_product

CORS = {"access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After,X-Request-Id"}


@pytest.fixture
def limited(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three carts and two orders an hour from one address, and two orders from one cart."""
    for name, most in {"CARTS_PER_ADDRESS": 3, "ORDERS_PER_ADDRESS": 2, "ORDERS_PER_CART": 2}.items():
        monkeypatch.setenv(f"TILLHOOK_{name}", str(most))
    wiring.settings.cache_clear()
    shop.sell(a_product("mug", tracked=True), mug=9)
    return shop


def refused(answer: Answer) -> None:
    error = answer.refusal(429, "TooManyRequests")
    assert error["retry_after_seconds"] > 0
    assert answer.headers["retry-after"] == str(error["retry_after_seconds"])
    assert answer.headers.items() >= CORS.items()


def test_too_many_carts_are_refused_whatever_the_caller_says_of_her_address(limited: Shop) -> None:
    for _ in range(3):
        limited.ask("POST", "/carts")
    with limited.unchanged():
        refused(limited.call("POST", "/carts"))
        refused(limited.call("POST", "/carts", x_forwarded_for="198.51.100.4", x_real_ip="198.51.100.4"))


def test_too_many_orders_are_refused_and_a_repeated_checkout_is_not(limited: Shop) -> None:
    carts = [limited.cart(mug=1) for _ in range(3)]
    checkouts = [limited.ordered(cart) for cart in carts[:2]]
    with limited.unchanged():
        refused(limited.check_out(carts[2]))
        assert [limited.ordered(cart) for cart in carts[:2]] == checkouts


def test_a_checkout_that_is_counted_asks_the_table_no_more_often(limited: Shop) -> None:
    """Cart, products, the transaction, and the payment's reference."""
    cart = limited.cart(mug=1)
    asked: list[str] = []
    events = vars(wiring)["_client"]("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="count")
    limited.ordered(cart)
    events.unregister("before-call.dynamodb", unique_id="count")
    assert asked == ["GetItem", "BatchGetItem", "TransactWriteItems", "BatchWriteItem"]


def test_no_address_is_in_the_table(limited: Shop) -> None:
    limited.ordered(limited.cart(mug=1))
    rows = limited.dump()["rows"]
    assert len([pk for pk, _ in rows if pk.startswith("LIMIT#")]) == 2
    assert "127.0.0.1" not in str(rows)
