"""Review: money that came in an odd way, or for what is gone, is a state of its order and not an accident.

domain/payments.py asks `after_payment` of each payment. An order that was paid after it was canceled has
given its stock back; then there is enough again, or the products' own policies say what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from . import errors
from .catalog import UnavailablePolicy
from .orders import LedgerEntry, Order, OrderChange, Review, ReviewReason, told

HOUSEKEEPING = "housekeeping"
"""Who it was, in the ledger, when the shop's own rules decided."""


def after_payment(before: Order, order: Order, *, now: datetime) -> Order:
    """The order that was just paid, with what there is to review of it."""
    reason = _oddity(before, order)
    # Money that is all gone leaves nothing to decide.
    if reason is None or order.payment.status == "refunded":
        return replace(order, check_at=None)
    # What the policies decide is decided at once, or by whoever looks next.
    check_at = now if reason == "paid_after_cancellation" else None
    return replace(order, review=Review(reason=reason, since=now), check_at=check_at)


def _oddity(before: Order, order: Order) -> ReviewReason | None:
    if order.payment.received_currency:
        return "currency_mismatch"
    if order.payment.amount_received != order.amount:
        return "amount_mismatch"
    return "paid_after_cancellation" if before.payment.status == "canceled" else None


def is_for_policy(order: Order) -> bool:
    """Whether the shop's rules have yet to say what becomes of it."""
    return order.review is not None and order.review.reason == "paid_after_cancellation"


def strictest(policies: Iterable[UnavailablePolicy]) -> UnavailablePolicy:
    """What happens to an order of whose lines several are short."""
    found = set(policies)
    order: tuple[UnavailablePolicy, ...] = ("ask", "refund", "backorder")
    return next(policy for policy in order if policy in found)


def accept(
    order: Order, *, takes: Mapping[str, int], backordered: Mapping[str, int], by: str, now: datetime
) -> OrderChange:
    """The order is good: it takes this from the stock, and the world hears that it is paid."""
    require_review(order)
    held = {name: order.reserved.get(name, 0) + takes.get(name, 0) for name in {*order.reserved, *takes}}
    changed = replace(
        order,
        version=order.version + 1,
        reserved=held,
        backordered=dict(backordered),
        review=None,
        check_at=None,
        updated_at=now,
    )
    event = told("order.paid", changed, about=order.payment.reference, now=now)
    entry = _entry(order, "accepted", by=by, now=now, event_id=event.id)
    return OrderChange(
        order=changed, entry=entry, event=event, stock={name: -pieces for name, pieces in takes.items()}
    )


def leave_to_owner(order: Order, *, now: datetime) -> OrderChange:
    """What is wanted is gone, and a person has to say what is to be done."""
    require_review(order)
    review = Review(reason="out_of_stock", since=now)
    changed = replace(order, version=order.version + 1, review=review, check_at=None, updated_at=now)
    event = told("order.needs_review", changed, about=f"{order.payment.reference}#stock", now=now)
    entry = _entry(order, "out_of_stock", by=HOUSEKEEPING, now=now, event_id=event.id)
    return OrderChange(order=changed, entry=entry, event=event)


def require_review(order: Order) -> None:
    if order.review is None:
        raise errors.NothingToReview(f"The order is {order.status}: nothing of it waits for a decision.")


def _entry(order: Order, what: str, *, by: str, now: datetime, event_id: str) -> LedgerEntry:
    return LedgerEntry(key=f"review#{order.version}", at=now, what=f"review.{what}", by=by, event_id=event_id)
