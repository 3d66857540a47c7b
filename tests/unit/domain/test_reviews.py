from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from chalicelib.domain.catalog import UnavailablePolicy
from chalicelib.domain.errors import NothingToReview
from chalicelib.domain.orders import Order, Payment, PaymentStatus, ReviewReason
from chalicelib.domain.reviews import accept, after_payment, is_for_policy, leave_to_owner, strictest
from tests.fakes import NOW
from tests.making import an_order

LATER = NOW + timedelta(minutes=3)


def paid(
    before: PaymentStatus = "pending", *, amount: int = 1200, currency: str = "", reserved: int = 0
) -> Order:
    """The order as a payment left it; it held so many mugs."""
    order = replace(an_order(), reserved={"mug": reserved} if reserved else {})
    payment = Payment(
        status="paid", amount_received=amount, received_currency=currency, reference="pay_1", paid_at=LATER
    )
    return after_payment(
        replace(order, payment=replace(payment, status=before)), replace(order, payment=payment), now=LATER
    )


@pytest.mark.parametrize("before", ["pending", "processing", "failed"])
def test_money_that_came_in_time_and_in_full_needs_no_review(before: PaymentStatus) -> None:
    order = paid(before)
    assert (order.status, order.review, order.check_at) == ("paid", None, None)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (paid("canceled"), "paid_after_cancellation"),
        (paid(amount=1), "amount_mismatch"),
        (paid(amount=1201), "amount_mismatch"),
        (paid(currency="usd"), "currency_mismatch"),
        (paid("canceled", amount=1), "amount_mismatch"),
        (paid("canceled", currency="usd", amount=1), "currency_mismatch"),
    ],
)
def test_money_that_came_in_an_odd_way_needs_review(order: Order, reason: ReviewReason) -> None:
    assert order.review is not None
    assert (order.review.reason, order.review.since, order.status) == (reason, LATER, "needs_review")
    assert is_for_policy(order) == (reason == "paid_after_cancellation")
    assert (order.check_at == LATER) == is_for_policy(order)


def test_money_that_has_gone_back_leaves_nothing_to_decide_till_it_returns() -> None:
    order = paid("canceled")
    gone = replace(order, payment=replace(order.payment, status="refunded"))
    assert (gone.open_review, is_for_policy(gone)) == (None, False)
    with pytest.raises(NothingToReview):
        leave_to_owner(gone, now=LATER)
    assert order.open_review == order.review


def test_the_most_careful_policy_counts() -> None:
    ranked: tuple[UnavailablePolicy, ...] = ("ask", "refund", "backorder")
    for policies in permutations(ranked):
        assert strictest(policies) == "ask"
    assert strictest(["backorder", "refund"]) == "refund"
    assert strictest(["backorder"]) == "backorder"


def test_an_accepted_order_takes_its_stock_and_is_told_as_paid() -> None:
    order = paid(amount=1, reserved=1)
    change = accept(order, takes={"mug": 2}, backordered={"tea": 1}, by="owner", check_at=None, now=LATER)
    assert (change.stock, change.order.reserved) == ({"mug": -2}, {"mug": 3})
    assert (change.order.backordered, change.order.review) == ({"tea": 1}, None)
    assert change.event is not None
    assert (change.event.type, change.entry.event_id) == ("order.paid", change.event.id)
    assert (change.entry.what, change.entry.by) == ("review.accepted", "owner")


def test_what_is_gone_is_left_to_the_owner() -> None:
    change = leave_to_owner(paid("canceled"), now=LATER)
    assert change.order.review is not None
    assert (change.order.review.reason, change.order.check_at) == ("out_of_stock", None)
    assert change.event is not None
    assert change.event.type == "order.needs_review"
    assert change.entry.by == "housekeeping"


def test_what_waits_for_nothing_is_neither_accepted_nor_left() -> None:
    order = paid()
    with pytest.raises(NothingToReview):
        accept(order, takes={}, backordered={}, by="owner", check_at=None, now=LATER)
    with pytest.raises(NothingToReview):
        leave_to_owner(order, now=LATER)
