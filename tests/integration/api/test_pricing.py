"""Coupons, shipping and tax through the API: the owner's documents, the shopper's cart, the order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from chalicelib import wiring
from local.stripe_sandbox.faults import Fault
from tests.integration.api.callers import ADDRESS, Json, Shop, Stripe
from tests.making import a_product

TENTH: Json = {"basis_points": 1000, "max_uses": 3}
RATE: Json = {
    "name": "Parcel",
    "currency": "eur",
    "countries": ["GB"],
    "by": "weight",
    "bands": [{"up_to": 1000, "amount": 490}, {"amount": 990}],
}
TAXES: Json = {
    "prices": "exclusive",
    "home": "GB",
    "regions": [{"country": "GB", "default": 200_000, "by_code": {"food": 0}}],
}


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    shop.sell(a_product("mug", weight_grams=400), a_product("tea", amount=700, tax_code="food"))
    shop.admin("PUT", "/coupons/WELCOME", TENTH)
    shop.admin("PUT", "/shipping", {"rates": [RATE]})
    shop.admin("PUT", "/taxes", TAXES)
    return shop


def cart_to(shop: Shop, country: str = "GB", **items: int) -> Json:
    cart = shop.cart(**items)
    shop.ask("PUT", f"/carts/{cart['id']}/coupon", {"code": "welcome"})
    found: Json = shop.ask("PUT", f"/carts/{cart['id']}/destination", {"country": country})
    return found


# The owner


def test_a_coupon_is_put_read_listed_changed_and_deleted(shop: Shop) -> None:
    made = shop.admin("PUT", "/coupons/welcome", TENTH)
    assert (made["code"], made["version"], made["times_used"], made["discount_given"]) == (
        "WELCOME",
        1,
        0,
        {},
    )
    assert made["terms"] == TENTH | {
        "amount_off": None,
        "currency": None,
        "skus": [],
        "minimum_spend": 0,
        "max_discount": None,
        "starts_at": None,
        "ends_at": None,
    }
    assert shop.admin("GET", "/coupons/WELCOME") == made
    assert shop.admin("GET", "/coupons") == {"items": [made], "cursor": None}
    changed = shop.admin("PUT", "/coupons/Welcome", {"amount_off": 500, "currency": "eur"})
    assert (changed["version"], changed["terms"]["amount_off"]) == (2, 500)
    assert shop.admin_call("DELETE", "/coupons/WELCOME").status == 204
    shop.admin_call("GET", "/coupons/WELCOME").refusal(404, "CouponNotFound")
    shop.admin_call("DELETE", "/coupons/WELCOME").refusal(404, "CouponNotFound")


WRONG_TERMS: list[Json] = [
    {}, {"basis_points": 0}, {"basis_points": 10_001}, {"basis_points": 12.5}, {"basis_points": "10"},
    {"basis_points": 5, "amount_off": 5, "currency": "eur"}, {"amount_off": 5}, {"percent": 5},
    {"basis_points": 5, "currency": "EUR"}, {"basis_points": 5, "max_uses": 0},
    {"basis_points": 5, "skus": ["-"]},
    {"basis_points": 5, "starts_at": "2026-01-01T00:00:00"}, {"basis_points": 5, "ends_at": "soon"},
    {"basis_points": 5, "max_discount": 5}, {"amount_off": 5, "currency": "eur", "minimum_spend": -1},
]  # fmt: skip


@pytest.mark.parametrize("terms", WRONG_TERMS, ids=str)
def test_terms_of_the_wrong_form_are_refused(shop: Shop, terms: Json) -> None:
    with shop.unchanged():
        shop.admin_call("PUT", "/coupons/WELCOME", terms).refusal(400, "InvalidRequest")


@pytest.mark.parametrize("code", ["-", "a b", "x" * 41, "%00", "a%2Fb", "ü"])
def test_what_can_be_no_code_is_refused(shop: Shop, code: str) -> None:
    with shop.unchanged():
        shop.admin_call("PUT", f"/coupons/{code}", TENTH).refusal(400, "InvalidRequest")
        shop.admin_call("GET", f"/coupons/{code}").refusal(400, "InvalidRequest")


def test_without_documents_there_are_none(shop: Shop) -> None:
    assert shop.admin("GET", "/shipping") == {"rates": []}
    untaxed: Json = {"mode": "table", "prices": "inclusive", "home": None, "regions": []}
    assert shop.admin("GET", "/taxes") == untaxed


def test_the_documents_are_read_as_they_were_put(open_shop: Shop) -> None:
    assert open_shop.admin("GET", "/shipping") == {
        "rates": [RATE | {"bands": [{"up_to": 1000, "amount": 490}, {"up_to": None, "amount": 990}]}]
    }
    region = TAXES["regions"][0] | {"state": ""}
    assert open_shop.admin("GET", "/taxes") == TAXES | {"mode": "table", "regions": [region]}
    open_shop.admin("PUT", "/taxes", {"mode": "stripe"})
    assert open_shop.admin("GET", "/taxes")["mode"] == "stripe"


@pytest.mark.parametrize(
    "rate",
    [
        {"x": 1}, {"bands": []}, {"bands": [{"amount": 1, "x": 1}]}, {"bands": [{"amount": 1.5}]},
        {"countries": ["gb"]}, {"by": "size"}, {"currency": "xyz"}, {"name": ""},
        {"bands": [{"amount": 1}, {"amount": 2}]},
    ],
    ids=str,
)  # fmt: skip
def test_shipping_of_the_wrong_form_is_refused(open_shop: Shop, rate: Json) -> None:
    with open_shop.unchanged():
        answer = open_shop.admin_call("PUT", "/shipping", {"rates": [RATE | rate]})
        answer.refusal(400, "InvalidRequest")
        open_shop.admin_call("PUT", "/shipping", {"rates": [RATE, RATE]}).refusal(400, "InvalidRequest")


@pytest.mark.parametrize(
    "taxes",
    [
        {"x": 1}, {"mode": "magic"}, {"prices": "some"}, {"home": None}, {"home": "Germany"},
        {"regions": [{"country": "GB", "default": 0.2}]},
        {"regions": [{"country": "GB", "default": 1_000_001}]},
        {"regions": [{"country": "GB", "default": 1, "x": 1}]}, {"mode": "stripe"},
        {"regions": [{"country": "GB", "default": 1, "by_code": {"a b": 1}}]},
    ],
    ids=str,
)  # fmt: skip
def test_taxes_of_the_wrong_form_are_refused(open_shop: Shop, taxes: Json) -> None:
    with open_shop.unchanged():
        open_shop.admin_call("PUT", "/taxes", TAXES | taxes).refusal(400, "InvalidRequest")


# The shopper


def test_a_cart_shows_what_checkout_charges_and_the_order_keeps_it(open_shop: Shop) -> None:
    cart = cart_to(open_shop, mug=2, tea=1)
    line = {"discount": 240, "tax": 432, "total": 2592, "amount": 2400}
    assert line.items() <= cart["lines"][0].items()
    shown = {
        "subtotal": 3100, "discount": 310, "shipping": 490, "tax": 530, "shipping_tax": 98,
        "tax_inclusive": False, "rounding": 0, "amount": 3810, "shipping_rate": "Parcel",
        "coupon": {"code": "WELCOME", "amount": 310},
    }  # fmt: skip
    assert shown.items() <= cart.items()
    assert (cart["coupon_problem"], cart["destination_problem"]) == (None, None)
    assert cart["destination"] == cart["computed_for"] == {"country": "GB"}
    checkout = open_shop.ordered(cart, shipping_address=ADDRESS)
    assert checkout["amount"] == 3810
    order = open_shop.order(checkout)
    assert shown.items() <= order.items()
    assert line.items() <= order["lines"][0].items()
    story = open_shop.admin("GET", f"/orders/{checkout['order_id']}")
    assert shown.items() <= story.items()
    assert story["computed_for"] == {"country": "GB"}
    used = open_shop.admin("GET", "/coupons/WELCOME")
    assert (used["times_used"], used["discount_given"]) == (1, {"eur": 310})


def test_receivers_are_told_the_whole_breakdown(open_shop: Shop, stripe: Stripe) -> None:
    checkout = open_shop.ordered(cart_to(open_shop, mug=1), shipping_address=ADDRESS)
    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    assert open_shop.call_back(webhook.payload, webhook.signature).status == 200
    order = open_shop.order(checkout)
    event = wiring.events().get_event(
        open_shop.admin("GET", f"/orders/{checkout['order_id']}")["ledger"][1]["event_id"]
    )
    assert event is not None
    for name in ("subtotal", "discount", "shipping", "tax", "amount", "coupon", "lines"):
        assert f'"{name}":' in event.payload
    assert f'"amount":{order["amount"]}' in event.payload


def test_a_code_is_taken_out_again(open_shop: Shop) -> None:
    cart = cart_to(open_shop, mug=1)
    without = open_shop.ask("DELETE", f"/carts/{cart['id']}/coupon")
    assert (without["coupon_code"], without["discount"]) == ("", 0)


def test_a_code_that_nobody_made_is_not_found(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=1)
    with open_shop.unchanged():
        answer = open_shop.call("PUT", f"/carts/{cart['id']}/coupon", {"code": "none"})
        assert answer.refusal(404, "CouponNotFound")["code"] == "NONE"


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("coupon", {}), ("coupon", {"code": ""}), ("coupon", {"code": 5}), ("coupon", {"code": "x", "y": 1}),
        ("destination", {}), ("destination", {"country": "gb"}), ("destination", {"country": "GB", "x": 1}),
        ("destination", {"country": "GB", "postal_code": "1" * 21}), ("destination", {"country": None}),
    ],
)  # fmt: skip
def test_what_has_the_wrong_form_changes_no_cart(open_shop: Shop, part: str, body: Json) -> None:
    cart = open_shop.cart(mug=1)
    with open_shop.unchanged():
        open_shop.call("PUT", f"/carts/{cart['id']}/{part}", body).refusal(400, "InvalidRequest")


def test_a_code_that_ran_out_is_told_kindly(open_shop: Shop) -> None:
    open_shop.admin("PUT", "/coupons/WELCOME", TENTH | {"ends_at": "2020-01-01T00:00:00Z"})
    cart = cart_to(open_shop, mug=1)
    assert cart["coupon_problem"] == {"type": "CouponExpired", "message": "WELCOME has expired."}
    assert (cart["discount"], cart["coupon"]) == (0, None)


def test_where_it_goes_must_be_known_and_served(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=1)
    assert cart["destination_problem"]["type"] == "DestinationNeeded"
    open_shop.check_out(cart).refusal(409, "DestinationNeeded")
    abroad = cart_to(open_shop, "JP", mug=1)
    assert abroad["destination_problem"]["type"] == "DestinationNotServed"
    assert (
        open_shop.check_out(abroad).refusal(409, "DestinationNotServed")["message"]
        == (abroad["destination_problem"]["message"])
    )


def test_an_order_of_which_the_country_changes_is_refused(open_shop: Shop) -> None:
    cart = cart_to(open_shop, mug=1)
    open_shop.ordered(cart)
    abroad = open_shop.check_out(cart, shipping_address=ADDRESS | {"country": "JP"})
    abroad.refusal(409, "DestinationChanged")


# Stripe Tax


@pytest.fixture
def taxed_by_stripe(open_shop: Shop, stripe: Stripe) -> Iterator[Shop]:
    open_shop.admin("PUT", "/taxes", {"mode": "stripe", "prices": "exclusive"})
    url = f"{stripe.running.url}/_sandbox/tax_rates"
    rates = {"GB": {"default": 200_000, "food": 0, "shipping": 50_000}}
    requests.put(url, json={"rates": rates}, timeout=5)
    yield open_shop
    requests.put(url, json={"rates": {}}, timeout=5)
    stripe.running.sandbox.faults.clear()


def test_stripe_works_tax_out_if_the_owner_says_so(taxed_by_stripe: Shop) -> None:
    cart = cart_to(taxed_by_stripe, mug=1, tea=1)
    assert [line["tax"] for line in cart["lines"]] == [216, 0]
    assert (cart["shipping_tax"], cart["tax"], cart["amount"]) == (25, 241, 1710 + 490 + 241)
    assert taxed_by_stripe.ordered(cart, shipping_address=ADDRESS)["amount"] == cart["amount"]


def test_a_stripe_tax_that_is_down_orders_nothing(taxed_by_stripe: Shop, stripe: Stripe) -> None:
    cart = cart_to(taxed_by_stripe, mug=1)
    taxed_by_stripe.sell(a_product("mug", amount=1300))  # what is asked is new
    fault = Fault(outcome="status", status=400, times=9, path="/v1/tax/calculations")
    stripe.running.sandbox.faults.add(fault)
    with taxed_by_stripe.unchanged():
        taxed_by_stripe.check_out(cart).refusal(503, "ProviderUnavailable")


def test_where_stripe_must_know_more_the_cart_says_so(taxed_by_stripe: Shop) -> None:
    taxed_by_stripe.admin("PUT", "/shipping", {"rates": []})
    cart = cart_to(taxed_by_stripe, "US", mug=1)
    assert cart["destination_problem"]["type"] == "DestinationNeeded"
    taxed_by_stripe.check_out(cart).refusal(409, "DestinationNeeded")
    place = {"country": "US", "state": "NY", "postal_code": "10001"}
    known = taxed_by_stripe.ask("PUT", f"/carts/{cart['id']}/destination", place)
    assert (known["destination_problem"], known["tax"]) == (None, 0)


# Round trips


@contextmanager
def counted() -> Iterator[list[str]]:
    """The DynamoDB operations asked for meanwhile."""
    asked: list[str] = []
    events = wiring.table()._client.meta.events  # noqa: SLF001 (what is counted is what leaves the client)

    def note(model: object, **_: object) -> None:
        asked.append(model.name)  # type: ignore[attr-defined]

    events.register("before-call.dynamodb", note)
    try:
        yield asked
    finally:
        events.unregister("before-call.dynamodb", note)


def test_reading_a_cart_takes_two_requests(open_shop: Shop) -> None:
    cart = cart_to(open_shop, mug=1, tea=1)
    with counted() as asked:
        open_shop.ask("GET", f"/carts/{cart['id']}")
    assert asked == ["GetItem", "BatchGetItem"]


def test_a_checkout_takes_four_requests(open_shop: Shop) -> None:
    cart = cart_to(open_shop, mug=1, tea=1)
    with counted() as asked:
        open_shop.ordered(cart, shipping_address=ADDRESS)
    assert asked == ["GetItem", "BatchGetItem", "TransactWriteItems", "BatchWriteItem"]


def test_filling_an_empty_cart_takes_two_requests(open_shop: Shop) -> None:
    cart = open_shop.cart()
    with counted() as asked:
        open_shop.ask("PUT", f"/carts/{cart['id']}/items/mug", {"quantity": 1})
    assert asked == ["BatchGetItem", "PutItem"]
