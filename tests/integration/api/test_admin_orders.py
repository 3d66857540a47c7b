from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain.carts import new_cart
from tests.fakes import NOW
from tests.integration.api.callers import Json, Shop, Stripe
from tests.making import a_cart, a_product, an_id, an_order

MUG = a_product("mug")


@pytest.fixture
def checkout(shop: Shop) -> Json:
    shop.sell(MUG, mug=5)
    checkout: Json = shop.ordered(shop.cart(mug=2))
    return checkout


def test_an_order_tells_its_owner_everything_that_happened(
    shop: Shop, stripe: Stripe, checkout: Json
) -> None:
    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    shop.call_back(webhook.payload, webhook.signature)
    story = shop.admin("GET", f"/orders/{checkout['order_id']}")
    assert (story["status"], story["amount"], story["livemode"]) == ("paid", 2400, False)
    assert story["contact"] == {"email": "ada@example.com", "name": "Ada Lovelace"}
    assert [(entry["what"], entry["amount"], entry["by"]) for entry in story["ledger"]] == [
        ("order.placed", 2400, "shopper"),
        ("payment.succeeded", 2400, "stripe"),
    ]
    assert checkout["order_token"] not in repr(story)


def test_an_order_is_found_by_its_payment_even_before_it_is_paid(shop: Shop, checkout: Json) -> None:
    intent = checkout["client_secret"].partition("_secret_")[0]
    story = shop.admin("GET", f"/payments/stripe/{intent}")
    assert story == shop.admin("GET", f"/orders/{checkout['order_id']}")
    shop.admin_call("GET", "/payments/stripe/pi_nothing").refusal(404, "OrderNotFound")
    shop.admin_call("GET", f"/payments/other/{intent}").refusal(404, "OrderNotFound")


@pytest.mark.parametrize("order_id", [an_id("ord"), "nothing", an_id("cart")])
def test_an_unknown_order_is_not_found(shop: Shop, order_id: str) -> None:
    shop.admin_call("GET", f"/orders/{order_id}").refusal(404, "OrderNotFound")


def test_the_orders_of_a_month_come_newest_first_in_pages(shop: Shop) -> None:
    placed = []
    for number in range(5):
        now = NOW - timedelta(hours=number)
        cart = a_cart(MUG, seed=number, now=now)
        wiring.carts().create_cart(cart)
        order = an_order(MUG, seed=number, now=now)
        wiring.orders().place_order(order, cart=cart)
        placed.append(order.id)
    pages, path = [], f"/orders?month={NOW:%Y-%m}&limit=2"
    cursor: str | None = ""
    while cursor is not None:
        page = shop.admin("GET", path + (f"&cursor={cursor}" if cursor else ""))
        pages.append([item["id"] for item in page["items"]])
        cursor = page["cursor"]
    assert pages == [placed[:2], placed[2:4], placed[4:]]
    assert shop.admin("GET", "/orders?month=2025-01") == {"items": [], "cursor": None}


def test_without_a_month_the_current_one_is_listed(shop: Shop, checkout: Json) -> None:
    (item,) = shop.admin("GET", "/orders")["items"]
    assert (item["id"], item["status"], item["amount"]) == (checkout["order_id"], "pending", 2400)


def test_a_cart_that_was_never_checked_out_is_no_order(shop: Shop) -> None:
    shop.keep(new_cart(an_id("cart"), now=wiring.now()))
    assert shop.admin("GET", "/orders")["items"] == []
