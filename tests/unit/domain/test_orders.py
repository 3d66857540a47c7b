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
    PaymentMismatch,
    ProductUnavailable,
)
from chalicelib.domain.orders import (
    EVENT_TYPES,
    TRANSITIONS,
    Address,
    Contact,
    FactKind,
    LedgerEntry,
    PaymentStatus,
    apply,
    ledger_key,
    order_id_for,
    order_token,
    place,
    token_opens,
    with_contact,
)
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
        place(cart, priced_by(cart, PriceList()), ADA, livemode=False, now=NOW)
    with pytest.raises(CartEmpty):
        place(a_cart(), priced_by(a_cart(), PriceList()), ADA, livemode=False, now=NOW)


def test_an_order_may_come_to_nothing() -> None:
    cart = with_coupon(a_cart(MUG), "CODE", now=NOW)
    prices = PriceList(products={"mug": MUG}, coupon=a_coupon(CouponTerms(basis_points=10_000)))
    order = place(cart, priced_by(cart, prices), ADA, livemode=False, now=NOW)
    assert (order.subtotal, order.discount, order.amount) == (1200, 1200, 0)
    assert [line.total for line in order.lines] == [0]


def test_what_can_not_be_sent_is_not_ordered() -> None:
    rate = ShippingRate(name="Post", currency="eur", countries=["DE"], by="total", bands=[Band(amount=1)])
    prices = PriceList(products={"mug": MUG}, shipping=Shipping(rates=[rate]))
    cart = a_cart(MUG)
    with pytest.raises(DestinationNeeded):
        place(cart, priced_by(cart, prices), ADA, livemode=False, now=NOW)
    abroad = priced_by(cart, prices, destination=Destination(country="FR"))
    with pytest.raises(DestinationNotServed):
        place(cart, abroad, ADA, livemode=False, now=NOW)


def test_a_contact_may_move_within_what_the_total_was_computed_for() -> None:
    order = replace(an_order(MUG), computed_for=Destination(country="US", state="NY"))

    def at(country: str, state: str) -> Contact:
        address = Address(line1="1 Way", city="Town", country=country, state=state, postal_code="10001")
        return replace(ADA, shipping_address=address)

    for contact in (ADA, at("US", " ny")):
        assert with_contact(order, contact, now=LATER).contact == contact
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


@pytest.mark.parametrize("status", get_args(PaymentStatus))
@pytest.mark.parametrize("kind", get_args(FactKind))
def test_a_fact_moves_the_payment_as_the_table_says_and_not_otherwise(
    status: PaymentStatus, kind: FactKind
) -> None:
    order = an_order()
    order = replace(order, payment=replace(order.payment, status=status))
    change = apply(order, a_fact(order, kind), ledger=(), now=LATER)
    target = TRANSITIONS.get((status, kind))
    if change is None:
        assert target is None
        return
    assert change.order.status == target
    assert (change.order.version, change.order.updated_at) == (order.version + 1, LATER)
    assert (change.event.type if change.event else None) == EVENT_TYPES.get(change.order.payment.status)
    assert change.entry.event_id == (change.event.id if change.event else "")
    assert change.entry.what == f"payment.{kind}"


def test_nothing_leads_away_from_paid() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] == "paid"]


def test_a_notice_in_the_ledger_changes_nothing_even_if_it_would_not_fit() -> None:
    order = an_order()
    ledger = [LedgerEntry(key=ledger_key(a_fact(order)), at=NOW, what="payment.succeeded")]
    assert apply(order, a_fact(order), ledger=ledger, now=LATER) is None
    assert apply(order, replace(a_fact(order), amount=1), ledger=ledger, now=LATER) is None
    assert apply(order, a_fact(order, key="another"), ledger=ledger, now=LATER) is not None


def test_a_failure_that_the_world_was_told_of_changes_nothing_under_another_key() -> None:
    order = an_order()
    first = apply(order, a_fact(order, "failed", key="callback", about="charge_1"), ledger=(), now=LATER)
    assert first is not None
    same, next_one = (
        apply(first.order, a_fact(order, "failed", key=about, about=about), ledger=[first.entry], now=LATER)
        for about in ("charge_1", "charge_2")
    )
    assert same is None
    assert next_one is not None


@pytest.mark.parametrize(
    "wrong", [{"amount": 1199}, {"currency": "usd"}, {"livemode": True}, {"reference": "x"}], ids=str
)
def test_a_fact_that_is_not_about_what_was_ordered_is_refused(wrong: dict[str, object]) -> None:
    order = an_order()
    order = replace(order, payment=replace(order.payment, reference=f"pay_{order.id}"))
    with pytest.raises(PaymentMismatch):
        apply(order, replace(a_fact(order), **wrong), ledger=(), now=LATER)


def test_money_is_noted_when_it_arrives_and_not_before() -> None:
    order = an_order()
    failed = apply(order, a_fact(order, "failed"), ledger=(), now=LATER)
    assert failed is not None
    assert (failed.order.payment.amount_received, failed.order.payment.paid_at) == (0, None)
    paid = apply(failed.order, a_fact(order), ledger=(), now=LATER)
    assert paid is not None
    assert (paid.order.payment.amount_received, paid.order.payment.paid_at) == (order.amount, LATER)
    assert paid.order.payment.failure == ""


@pytest.mark.parametrize("kind", ["failed", "processing"])
def test_a_notice_of_what_was_before_the_last_one_is_no_news(kind: FactKind) -> None:
    """A bank's "processing" that our failure made Stripe send again, after its "failed" has come."""
    order = an_order()
    first = apply(order, a_fact(order, "failed", key="a", occurred_at=LATER), ledger=(), now=LATER)
    assert first is not None
    earlier = a_fact(order, kind, key="b", occurred_at=NOW)
    assert apply(first.order, earlier, ledger=[first.entry], now=LATER) is None
    later = a_fact(order, kind, key="c", occurred_at=LATER + timedelta(seconds=1))
    assert apply(first.order, later, ledger=[first.entry], now=LATER) is not None


def test_within_one_second_what_was_decided_stands_against_what_was_under_way() -> None:
    """Stripe tells whole seconds, so it can't say which of the two came first."""
    order = an_order()
    failed = apply(order, a_fact(order, "failed", key="a", occurred_at=LATER), ledger=(), now=LATER)
    assert failed is not None
    processing = a_fact(order, "processing", key="b", occurred_at=LATER)
    assert apply(failed.order, processing, ledger=[failed.entry], now=LATER) is None
    waiting = apply(order, processing, ledger=(), now=LATER)
    assert waiting is not None
    decline = a_fact(order, "failed", key="c", occurred_at=LATER)
    assert apply(waiting.order, decline, ledger=[waiting.entry], now=LATER) is not None


def test_money_counts_however_late_its_notice_comes() -> None:
    order = an_order()
    failed = apply(order, a_fact(order, "failed", occurred_at=LATER), ledger=(), now=LATER)
    assert failed is not None
    paid = apply(failed.order, a_fact(order, key="b", occurred_at=NOW), ledger=[failed.entry], now=LATER)
    assert paid is not None
    assert paid.order.status == "paid"


def test_the_snapshot_never_changes() -> None:
    order = an_order()
    change = apply(order, a_fact(order), ledger=(), now=LATER)
    assert change is not None
    changed = with_contact(change.order, replace(ADA, name="Ada King"), now=LATER)
    frozen = ("id", "cart_id", "cart_version", "lines", "amount", "currency", "livemode", "created_at")
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
