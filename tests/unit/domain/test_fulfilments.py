from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import KeyReused, NotFulfillable
from chalicelib.domain.fulfilments import fulfil, fulfilment_id_for, require_same, unfulfilled
from chalicelib.domain.orders import Fulfilment, Order, PaymentStatus, Review
from tests.fakes import NOW
from tests.making import a_product, an_id, an_order

LATER = NOW + timedelta(minutes=3)


def an_order_that_is(status: PaymentStatus) -> Order:
    """Of two mugs and two teas."""
    order = an_order(a_product(), a_product("tea"), quantity=2)
    return replace(order, payment=replace(order.payment, status=status))


def parcel(seed: object = 0, **lines: int) -> Fulfilment:
    return Fulfilment(id=an_id("ful", seed), lines=lines, created_at=LATER, by="owner", tracking_number="T1")


def test_what_is_sent_is_noted_by_line_and_told() -> None:
    order = an_order_that_is("paid")
    change = fulfil(order, parcel(mug=2, tea=1), now=LATER)
    assert (change.order.fulfilled, change.order.fulfilment) == ({"mug": 2, "tea": 1}, "partially_fulfilled")
    assert unfulfilled(change.order) == {"tea": 1}
    assert change.event is not None
    assert (change.event.type, change.entry.event_id) == ("order.fulfilled", change.event.id)
    assert (change.entry.what, change.entry.by, change.entry.note) == ("fulfilment.sent", "owner", "T1")
    assert (change.fulfilment, change.stock) == (parcel(mug=2, tea=1), {})
    assert (change.order.version, change.order.updated_at) == (order.version + 1, LATER)
    rest = fulfil(change.order, parcel(1), now=LATER)
    assert (rest.order.fulfilment, rest.fulfilment) == ("fulfilled", parcel(1, tea=1))


@pytest.mark.parametrize("lines", [{"mug": 3}, {"pot": 1}, {"mug": 1, "tea": 3}])
def test_what_is_not_there_cannot_be_sent(lines: dict[str, int]) -> None:
    with pytest.raises(NotFulfillable):
        fulfil(an_order_that_is("paid"), parcel(**lines), now=LATER)


def test_what_is_sent_cannot_be_sent_again() -> None:
    order = fulfil(an_order_that_is("paid"), parcel(), now=LATER).order
    for lines in ({}, {"mug": 1}):
        with pytest.raises(NotFulfillable):
            fulfil(order, parcel(1, **lines), now=LATER)


@pytest.mark.parametrize("status", ["pending", "processing", "failed", "refunded", "canceled"])
def test_what_is_not_paid_is_not_sent(status: PaymentStatus) -> None:
    with pytest.raises(NotFulfillable):
        fulfil(an_order_that_is(status), parcel(), now=LATER)


def test_what_needs_review_is_not_sent() -> None:
    order = replace(an_order_that_is("paid"), review=Review(reason="out_of_stock", since=NOW))
    with pytest.raises(NotFulfillable):
        fulfil(order, parcel(), now=LATER)


def test_one_key_is_one_parcel_of_an_order() -> None:
    order = an_order_that_is("paid")
    assert fulfilment_id_for(order, "a") == fulfilment_id_for(replace(order, version=9), "a")
    assert fulfilment_id_for(order, "a") != fulfilment_id_for(order, "b")


def test_a_key_is_one_wish_whoever_has_it_and_whenever() -> None:
    there = parcel(mug=1)
    for same in (parcel(mug=1), parcel(), replace(parcel(mug=1), by="another", created_at=NOW)):
        assert require_same(there, same) == there
    for other in (parcel(mug=2), replace(parcel(mug=1), tracking_number="T2")):
        with pytest.raises(KeyReused):
            require_same(there, other)
