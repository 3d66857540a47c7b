from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import InvalidRequest, KeyReused, RefundRefused
from chalicelib.domain.orders import LineItem, Order, Refund
from chalicelib.domain.refunds import (
    SOON,
    RefundState,
    WantedRefund,
    apply_refund,
    refund_id_for,
    refundable,
    request,
    require_same,
)
from tests.fakes import NOW
from tests.making import a_product, a_refund_fact, an_id, an_order

LATER = NOW + timedelta(minutes=3)


def a_paid_order(quantity: int = 3) -> Order:
    """Of so many mugs, of which stock is kept."""
    order = an_order(a_product(tracked=True), quantity=quantity)
    payment = replace(order.payment, status="paid", amount_received=order.amount, reference=f"pay_{order.id}")
    return replace(order, payment=payment, check_at=None)


def wanted(
    amount: int | None = None, *, lines: dict[str, int] | None = None, restock: bool = False
) -> WantedRefund:
    return WantedRefund(amount=amount, lines=lines or {}, restock=restock)


def asked(order: Order, what: WantedRefund, *before: Refund, key: str = "key") -> Refund:
    refund_id = refund_id_for(order, key)
    return request(order, before, what, refund_id=refund_id, by="owner", now=LATER)[1]


def told(order: Order, *states: RefundState, of: Refund | None = None) -> tuple[Order, list[Refund]]:
    """The order and its refund after these notices of it."""
    refunds = [of] if of else []
    for state in states:
        fact = a_refund_fact(order, state, amount=1200, of=of)
        change = apply_refund(order, fact, ledger=(), refunds=refunds, now=LATER)
        if change is not None:
            assert change.refund is not None
            order, refunds = change.order, [change.refund]
    return order, refunds


def test_what_is_asked_for_is_spoken_for_before_anybody_is_asked() -> None:
    order = a_paid_order()
    change, refund = request(
        order, (), wanted(1000), refund_id=refund_id_for(order, "key"), by="owner", now=LATER
    )
    assert (refund.amount, refund.status, refund.reference) == (1000, "requested", "")
    assert (change.refund, change.event, change.stock) == (refund, None, {})
    assert (change.order.payment, change.order.check_at) == (order.payment, LATER + SOON)
    assert (change.entry.what, change.entry.by, change.entry.amount) == ("refund.requested", "owner", 1000)
    assert refundable(order, [refund]) == 2600


def test_one_key_is_one_refund_of_an_order() -> None:
    order = a_paid_order()
    assert refund_id_for(order, "a") == refund_id_for(replace(order, version=9), "a")
    assert refund_id_for(order, "a") not in {
        refund_id_for(order, "b"),
        refund_id_for(replace(order, id=an_id("ord", 1)), "a"),
    }


@pytest.mark.parametrize("amount", [-1, 0, 3601])
def test_only_what_is_left_can_be_asked_for(amount: int) -> None:
    with pytest.raises(RefundRefused):
        asked(a_paid_order(), wanted(amount))


def test_what_was_not_paid_has_nothing_to_refund() -> None:
    with pytest.raises(RefundRefused, match="Nothing"):
        asked(an_order(), wanted())


def test_what_failed_is_left_again() -> None:
    order = a_paid_order()
    refund = asked(order, wanted())
    assert refundable(order, [refund]) == 0
    assert refundable(order, [replace(refund, status="failed")]) == 3600


def test_more_pieces_than_there_are_left_are_refused() -> None:
    order = a_paid_order()
    before = asked(order, wanted(lines={"mug": 2}))
    assert asked(order, wanted(lines={"mug": 1}), before, key="b").amount == 1200
    for lines in ({"mug": 2}, {"tea": 1}):
        with pytest.raises(RefundRefused):
            asked(order, wanted(lines=lines), before, key="b")


@pytest.mark.parametrize("more", [{"lines": {"mug": 1}}, {"restock": True}])
def test_an_amount_is_of_no_line(more: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        asked(a_paid_order(), wanted(100, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reserved", "lines", "restock"),
    [
        ({"mug": 3}, {"mug": 2}, {"mug": 2}),
        ({"mug": 1}, {"mug": 2}, {"mug": 1}),
        ({"mug#1": 1, "mug#2": 2}, {"mug": 2}, {"mug#1": 1, "mug#2": 1}),
        ({}, {"mug": 2}, {}),
        ({"mug": 3}, {}, {"mug": 3}),
    ],
)
def test_what_goes_back_to_the_stock_is_at_most_what_the_order_holds(
    reserved: dict[str, int], lines: dict[str, int], restock: dict[str, int]
) -> None:
    order = replace(a_paid_order(), reserved=reserved)
    assert asked(order, wanted(lines=lines, restock=True)).restock == restock
    assert asked(order, wanted(lines=lines)).restock == {}


def test_a_key_is_one_wish() -> None:
    refund = asked(a_paid_order(), wanted(lines={"mug": 1}))
    assert require_same(refund, wanted(lines={"mug": 1})) == refund
    for other in (wanted(lines={"mug": 2}), wanted(1200), wanted()):
        with pytest.raises(KeyReused):
            require_same(refund, other)


@pytest.mark.parametrize("states", list(permutations(["pending", "succeeded", "failed"])))
def test_in_whatever_order_the_notices_come_the_last_state_stands(states: tuple[RefundState, ...]) -> None:
    order, (refund,) = told(a_paid_order(), *states)
    assert (refund.status, order.payment.amount_refunded, order.status) == ("failed", 0, "paid")
    assert refund.failure == "expired_or_canceled_card"


@pytest.mark.parametrize("states", [("pending", "succeeded"), ("succeeded", "pending")])
def test_a_refund_that_arrived_is_under_way_no_more(states: tuple[RefundState, ...]) -> None:
    order, (refund,) = told(a_paid_order(), *states)
    assert (refund.status, order.payment.amount_refunded) == ("succeeded", 1200)
    assert order.status == "partially_refunded"


def test_pieces_go_back_once_when_the_provider_took_the_refund() -> None:
    order = a_paid_order()
    refund = asked(order, wanted(lines={"mug": 1}, restock=True))
    for states in [("pending", "succeeded"), ("succeeded", "failed")]:
        after, _ = told(order, *states, of=refund)  # type: ignore[arg-type]
        assert after.reserved == {"mug": 2}
    refused, _ = told(order, "failed", of=refund)
    assert refused.reserved == {"mug": 3}


@pytest.mark.parametrize(
    ("state", "event_type"),
    [("pending", None), ("succeeded", "order.refunded"), ("failed", "order.refund_failed")],
)
def test_what_became_of_a_refund_is_told(state: RefundState, event_type: str | None) -> None:
    fact = a_refund_fact(a_paid_order(), state, amount=1200)
    change = apply_refund(a_paid_order(), fact, ledger=(), refunds=(), now=LATER)
    assert change is not None
    assert (change.event.type if change.event else None) == event_type
    assert (change.entry.what, change.entry.about) == (f"refund.{state}", "re_1")
    assert apply_refund(change.order, fact, ledger=[change.entry], refunds=(), now=LATER) is None


def test_all_pieces_of_a_line_together_are_the_whole_line() -> None:
    order = with_line_of(a_paid_order(), 100)
    refunds: list[Refund] = []
    for key in "abc":
        refunds.append(asked(order, wanted(lines={"mug": 1}), *refunds, key=key))
    assert [refund.amount for refund in refunds] == [33, 33, 34]


def with_line_of(order: Order, amount: int) -> Order:
    """The order, if its one line cost this, which its pieces can't share evenly."""
    line = LineItem(
        sku="mug", name="A mug", quantity=3, unit_amount=0, amount=amount, discount=0, tax=0, total=amount
    )
    payment = replace(order.payment, amount_received=amount)
    return replace(order, lines=[line], amount=amount, payment=payment)


def test_all_pieces_of_a_line_are_the_whole_line_though_one_refund_failed() -> None:
    order = with_line_of(a_paid_order(), 100)
    refunds: list[Refund] = []
    for key in "abc":
        refunds.append(asked(order, wanted(lines={"mug": 1}), *refunds, key=key))
    failed, *others = refunds
    again = asked(order, wanted(lines={"mug": 1}), replace(failed, status="failed"), *others, key="d")
    assert sum(refund.amount for refund in (again, *others)) == 100
