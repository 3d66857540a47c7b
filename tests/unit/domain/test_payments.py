from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import PaymentMismatch
from chalicelib.domain.orders import (
    LedgerEntry,
    Order,
    PaymentStatus,
)
from chalicelib.domain.payments import (
    EVENT_TYPES,
    PROCESSING_CHECK,
    TRANSITIONS,
    FactKind,
    apply,
    ledger_key,
    never_begun,
)
from chalicelib.domain.refunds import apply_refund
from tests.fakes import NOW
from tests.making import a_fact, a_product, a_refund_fact, an_order

LATER = NOW + timedelta(minutes=3)


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
    assert change.order.payment.status == target
    assert (change.order.version, change.order.updated_at) == (order.version + 1, LATER)
    late = status == "canceled"
    assert change.event is not None
    assert change.event.type == ("order.needs_review" if late else EVENT_TYPES[change.order.payment.status])
    assert change.entry.event_id == change.event.id
    assert (change.order.review is not None) == late
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


def step(order: Order, kind: FactKind, *, minutes: int) -> Order:
    """The order after a notice that came so many minutes after it was placed."""
    at = NOW + timedelta(minutes=minutes)
    change = apply(order, a_fact(order, kind, key=f"{kind}{minutes}", occurred_at=at), ledger=(), now=at)
    assert change is not None
    return change.order


def test_a_payment_under_way_has_the_time_it_takes() -> None:
    order = step(an_order(), "processing", minutes=3)
    assert order.check_at == NOW + timedelta(minutes=3) + PROCESSING_CHECK


@pytest.mark.parametrize(("minutes", "until"), [(3, 30), (29, 39), (600, 610)])
@pytest.mark.parametrize("was_under_way", [True, False])
def test_after_a_failure_there_is_time_for_a_second_try_and_no_more(
    minutes: int,
    until: int,
    was_under_way: bool,  # noqa: FBT001 (a case)
) -> None:
    order = step(an_order(), "processing", minutes=1) if was_under_way else an_order()
    assert step(order, "failed", minutes=minutes).check_at == NOW + timedelta(minutes=until)


@pytest.mark.parametrize("kind", ["succeeded", "canceled"])
def test_what_has_settled_is_looked_at_no_more(kind: FactKind) -> None:
    assert step(an_order(), kind, minutes=3).check_at is None


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_what_can_never_be_paid_gives_back_what_it_held(status: PaymentStatus) -> None:
    order = an_order(a_product(tracked=True), quantity=2)
    order = replace(order, payment=replace(order.payment, status=status))
    change = apply(order, a_fact(order, "canceled"), ledger=(), now=LATER)
    assert change is not None
    assert (change.stock, change.order.reserved, change.order.takes) == ({"mug": 2}, {}, {"mug": 2})


@pytest.mark.parametrize("kind", ["processing", "failed", "succeeded"])
def test_nothing_else_moves_the_stock(kind: FactKind) -> None:
    order = an_order(a_product(tracked=True))
    change = apply(order, a_fact(order, kind), ledger=(), now=LATER)
    assert change is not None
    assert (change.stock, change.order.reserved) == ({}, {"mug": 1})


def test_what_never_began_is_canceled() -> None:
    order = an_order()
    change = apply(order, never_begun(order, provider="fake"), ledger=(), now=LATER)
    assert change is not None
    assert (change.order.status, change.order.payment.provider) == ("canceled", "fake")
    begun = replace(order, payment=replace(order.payment, reference="pay_1"))
    with pytest.raises(PaymentMismatch):
        apply(begun, never_begun(order, provider="fake"), ledger=(), now=LATER)


def test_what_was_refunded_before_its_payment_was_told_counts_from_then_on() -> None:
    order = an_order()
    for amount, status in [(0, "paid"), (200, "partially_refunded"), (1200, "refunded")]:
        early = apply_refund(order, a_refund_fact(order, amount=amount), ledger=(), refunds=(), now=NOW)
        assert early is not None
        assert early.refund is not None
        change = apply(early.order, a_fact(order), ledger=(), refunds=[early.refund], now=LATER)
        assert change is not None
        assert (change.order.status, change.order.payment.amount_refunded) == (status, amount)


@pytest.mark.parametrize("wrong", [{"livemode": True}, {"reference": "x"}], ids=str)
def test_a_fact_that_is_not_about_the_orders_payment_is_refused(wrong: dict[str, object]) -> None:
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
