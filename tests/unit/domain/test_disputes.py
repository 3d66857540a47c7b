from __future__ import annotations

from datetime import timedelta
from itertools import permutations, product

import pytest

from chalicelib.domain.disputes import apply_dispute
from chalicelib.domain.orders import DisputeStatus, LedgerEntry, Order
from tests.fakes import NOW
from tests.making import a_dispute_fact, an_order

LATER = NOW + timedelta(minutes=3)


def told(*notices: tuple[DisputeStatus, str]) -> tuple[Order, list[LedgerEntry]]:
    """The order after these notices, each of a status and a dispute."""
    order, ledger = an_order(), list[LedgerEntry]()
    for status, about in notices:
        change = apply_dispute(order, a_dispute_fact(order, status, about=about), ledger=ledger, now=LATER)
        if change is not None:
            order, ledger = change.order, [*ledger, change.entry]
    return order, ledger


@pytest.mark.parametrize(
    ("status", "event_type"),
    [
        ("opened", "order.dispute_opened"),
        ("won", "order.dispute_closed"),
        ("lost", "order.dispute_closed"),
    ],
)
def test_a_dispute_is_noted_and_told(status: DisputeStatus, event_type: str) -> None:
    order = an_order()
    change = apply_dispute(order, a_dispute_fact(order, status), ledger=(), now=LATER)
    assert change is not None
    (dispute,) = change.order.disputes
    assert (dispute.id, dispute.status, dispute.amount, dispute.reason) == (
        "du_1",
        status,
        1200,
        "fraudulent",
    )
    assert change.event is not None
    assert (change.event.type, change.entry.event_id) == (event_type, change.event.id)
    assert (change.entry.what, change.entry.about) == (f"dispute.{status}", "du_1")
    assert (change.order.version, change.order.updated_at, change.stock) == (2, LATER, {})
    assert change.order.payment == order.payment


@pytest.mark.parametrize("verdict", ["won", "lost"])
def test_the_verdict_stands_even_if_it_comes_before_the_news(verdict: DisputeStatus) -> None:
    for notices in permutations([("opened", "du_1"), (verdict, "du_1")]):
        order, _ = told(*notices)
        assert [dispute.status for dispute in order.disputes] == [verdict]


def test_a_notice_told_again_changes_nothing() -> None:
    once, twice = told(("opened", "du_1")), told(("opened", "du_1"), ("opened", "du_1"))
    assert once == twice


@pytest.mark.parametrize(("one", "other"), list(product(["opened", "won", "lost"], repeat=2)))
def test_disputes_stand_beside_each_other_and_the_worst_is_shown(
    one: DisputeStatus, other: DisputeStatus
) -> None:
    order, ledger = told((one, "du_1"), (other, "du_2"))
    assert (len(order.disputes), len({entry.event_id for entry in ledger})) == (2, 2)
    worst = next(status for status in ("opened", "lost", "won") if status in {one, other})
    assert order.dispute == worst


def test_an_order_without_disputes_has_none() -> None:
    assert an_order().dispute == "none"


@pytest.mark.xfail(strict=True, reason="a verdict is taken for the last word, but banks hear appeals")
def test_a_dispute_that_was_lost_can_be_won_on_appeal() -> None:
    order, ledger = told(("opened", "du_1"), ("lost", "du_1"), ("won", "du_1"))
    assert (order.dispute, len({entry.event_id for entry in ledger})) == ("won", 3)
