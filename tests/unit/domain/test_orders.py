from __future__ import annotations

from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain.carts import with_coupon
from chalicelib.domain.coupons import CouponTerms
from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import (
    CartEmpty,
    DestinationChanged,
    DestinationNeeded,
    DestinationNotServed,
    ProductUnavailable,
)
from chalicelib.domain.orders import (
    Address,
    Contact,
    Dispute,
    DisputeStatus,
    Order,
    PaymentStatus,
    Review,
    free,
    order_id_for,
    order_token,
    place,
    postponed,
    token_opens,
    with_contact,
)
from chalicelib.domain.payments import apply
from chalicelib.domain.shipping import Band, Shipping, ShippingRate
from chalicelib.domain.totals import PriceList
from tests.fakes import NOW
from tests.making import ADA, a_cart, a_coupon, a_fact, a_product, an_order, priced_by

LATER = NOW + timedelta(minutes=3)
MUG = a_product("mug")


def test_a_placed_order_freezes_what_was_bought() -> None:
    order = an_order(MUG, a_product("tea", amount=700), quantity=2)
    assert [(line.sku, line.quantity, line.unit_amount, line.amount) for line in order.lines] == [
        ("mug", 2, 1200, 2400),
        ("tea", 2, 700, 1400),
    ]
    assert (order.amount, order.currency, order.version, order.status) == (3800, "eur", 1, "pending")
    assert (order.created_at, order.updated_at, order.is_payable) == (NOW, NOW, True)


def test_nothing_is_ordered_that_cannot_be_bought() -> None:
    cart = a_cart(MUG)
    with pytest.raises(ProductUnavailable):
        place(cart, priced_by(cart, PriceList()), ADA, takes={}, livemode=False, now=NOW)
    with pytest.raises(CartEmpty):
        place(a_cart(), priced_by(a_cart(), PriceList()), ADA, takes={}, livemode=False, now=NOW)


def test_an_order_may_come_to_nothing() -> None:
    cart = with_coupon(a_cart(MUG), "CODE", now=NOW)
    prices = PriceList(products={"mug": MUG}, coupon=a_coupon(CouponTerms(basis_points=10_000)))
    order = place(cart, priced_by(cart, prices), ADA, takes={}, livemode=False, now=NOW)
    assert (order.subtotal, order.discount, order.amount) == (1200, 1200, 0)
    assert [line.total for line in order.lines] == [0]


def test_what_can_not_be_sent_is_not_ordered() -> None:
    rate = ShippingRate(name="Post", currency="eur", countries=["DE"], by="total", bands=[Band(amount=1)])
    prices = PriceList(products={"mug": MUG}, shipping=Shipping(rates=[rate]))
    cart = a_cart(MUG)
    with pytest.raises(DestinationNeeded):
        place(cart, priced_by(cart, prices), ADA, takes={}, livemode=False, now=NOW)
    abroad = priced_by(cart, prices, destination=Destination(country="FR"))
    with pytest.raises(DestinationNotServed):
        place(cart, abroad, ADA, takes={}, livemode=False, now=NOW)


def test_a_contact_may_move_within_what_the_total_was_computed_for() -> None:
    order = replace(an_order(MUG), computed_for=Destination(country="US", state="NY"))

    def at(country: str, state: str) -> Contact:
        address = Address(line1="1 Way", city="Town", country=country, state=state, postal_code="10001")
        return replace(ADA, shipping_address=address)

    for contact in (ADA, at("US", " ny")):
        assert with_contact(order, contact, now=LATER).order.contact == contact
    for contact in (at("US", "CA"), at("GB", "NY")):
        with pytest.raises(DestinationChanged):
            with_contact(order, contact, now=LATER)
    exact = replace(order, computed_for=Destination(country="US", state="NY", postal_code="94110"))
    with pytest.raises(DestinationChanged):
        with_contact(exact, at("US", "NY"), now=LATER)


def test_one_version_of_a_cart_is_one_order() -> None:
    cart = a_cart(MUG)
    assert order_id_for(cart) == order_id_for(replace(cart, lines=()))
    others = {order_id_for(replace(cart, version=9)), order_id_for(a_cart(MUG, seed=1))}
    assert order_id_for(cart) not in others


def test_a_token_opens_its_own_order_alone() -> None:
    order = an_order()
    token = order_token(order)
    assert token_opens(order, token)
    assert order.id.partition("_")[2] not in token
    for wrong in ("", "tök", token[:-1], token.upper(), order_token(replace(order, cart_version=9))):
        assert not token_opens(order, wrong)


def an_order_that_is(
    status: PaymentStatus,
    *,
    fulfilled: dict[str, int] | None = None,
    disputes: tuple[DisputeStatus, ...] = (),
    in_review: bool = False,
) -> Order:
    order = an_order(MUG, quantity=2)
    return replace(
        order,
        payment=replace(order.payment, status=status),
        fulfilled=fulfilled or {},
        disputes=[
            Dispute(id=f"du_{number}", status=found, amount=1, reason="fraudulent")
            for number, found in enumerate(disputes)
        ],
        review=Review(reason="out_of_stock", since=NOW) if in_review else None,
    )


@pytest.mark.parametrize(
    ("order", "status"),
    [
        *((an_order_that_is(status), status) for status in get_args(PaymentStatus)),
        (an_order_that_is("paid", fulfilled={"mug": 1}), "partially_fulfilled"),
        (an_order_that_is("paid", fulfilled={"mug": 2}), "fulfilled"),
        (an_order_that_is("partially_refunded", fulfilled={"mug": 2}), "partially_refunded"),
        (an_order_that_is("paid", disputes=("won", "opened", "lost")), "disputed"),
        (an_order_that_is("refunded", disputes=("won", "lost")), "charged_back"),
        (an_order_that_is("paid", fulfilled={"mug": 2}, disputes=("won",)), "fulfilled"),
        (an_order_that_is("paid", disputes=("opened",), in_review=True), "needs_review"),
        (an_order_that_is("partially_refunded", in_review=True), "needs_review"),
        (an_order_that_is("refunded", in_review=True), "refunded"),
    ],
)
def test_of_all_that_an_order_is_the_one_word_says_what_matters_most(order: Order, status: str) -> None:
    assert order.status == status


def test_what_costs_nothing_is_paid_by_nobody_and_told_once() -> None:
    change = free(an_order(a_product(amount=0, tracked=True)), now=NOW)
    assert (change.order.status, change.order.check_at, change.order.reserved) == ("paid", None, {"mug": 1})
    assert change.event is not None
    assert (change.event.type, change.entry.event_id) == ("order.paid", change.event.id)
    assert (change.stock, change.order.version) == ({}, 1)


def test_postponing_is_nothing_that_happened() -> None:
    order = an_order()
    later = postponed(order, until=LATER)
    assert later == replace(order, version=2, check_at=LATER)


def test_the_snapshot_never_changes() -> None:
    order = an_order()
    change = apply(order, a_fact(order), ledger=(), now=LATER)
    assert change is not None
    changed = with_contact(change.order, replace(ADA, name="Ada King"), now=LATER).order
    frozen = (
        "id",
        "cart_id",
        "cart_version",
        "lines",
        "takes",
        "amount",
        "currency",
        "livemode",
        "created_at",
    )
    assert [getattr(changed, name) for name in frozen] == [getattr(order, name) for name in frozen]


def test_an_event_of_the_same_thing_has_the_same_id_and_of_another_another() -> None:
    order = an_order()
    ids = [
        change.event.id
        for key, about in [("a", "charge_1"), ("b", "charge_1"), ("c", "charge_2")]
        if (change := apply(order, a_fact(order, "failed", key=key, about=about), ledger=(), now=LATER))
        and change.event
    ]
    assert ids[0] == ids[1] != ids[2]


def test_an_event_follows_standard_webhooks() -> None:
    order = an_order()
    change = apply(order, a_fact(order), ledger=(), now=LATER)
    assert change is not None
    assert change.event is not None
    payload = msgspec.json.decode(change.event.payload)
    assert list(payload) == ["id", "type", "timestamp", "data"]
    assert payload["timestamp"] == "2026-11-24T12:03:00Z"
    assert list(payload["data"]) == ["order"]
    assert not {"cart_id", "cart_version"} & payload["data"]["order"].keys()
