"""What providers say of a payment, and what that makes of its order.

The payment axis, as data in `TRANSITIONS`::

    pending ──► processing ──► paid ◄──► partially_refunded ◄──► refunded
     │ │  ▲         │  │        ▲
     │ ▼  └─────────▼  │        │         after `paid`, the sum of the refunds decides
     │ failed (still payable) ──┤         (domain/refunds.py)
     ▼  ▼              ▼        │
    canceled ───────────────────┘         money that came all the same: needs review
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from .orders import (
    RESERVED_FOR,
    LedgerEntry,
    Order,
    OrderChange,
    PaymentStatus,
    Refund,
    held_until,
    require_own,
    told,
)
from .refunds import after_refunds
from .reviews import after_payment

FactKind = Literal["processing", "failed", "succeeded", "canceled"]

TRANSITIONS: dict[tuple[PaymentStatus, FactKind], PaymentStatus] = {
    ("pending", "processing"): "processing",
    ("pending", "failed"): "failed",
    ("pending", "succeeded"): "paid",
    ("pending", "canceled"): "canceled",
    ("processing", "failed"): "failed",
    ("processing", "succeeded"): "paid",
    ("processing", "canceled"): "canceled",
    ("failed", "processing"): "processing",
    ("failed", "failed"): "failed",
    ("failed", "succeeded"): "paid",
    ("failed", "canceled"): "canceled",
    ("canceled", "succeeded"): "paid",
}
"""A pair that is missing changes nothing: money that arrived is never un-paid by an older notice.

Nor does a notice of what was before the last one that counted, unless it is final.
"""

FINAL: frozenset[FactKind] = frozenset({"succeeded", "canceled"})
"""What no later notice takes back, so that it counts whenever it comes."""

EVENT_TYPES: dict[PaymentStatus, str] = {
    "processing": "order.payment_processing",
    "failed": "order.payment_failed",
    "paid": "order.paid",
    "canceled": "order.canceled",
}
"""How the reaching of a state is told to the world, unless the order needs review then."""

PROCESSING_CHECK = timedelta(hours=12)
"""How often a payment that its bank takes days for is asked after."""

SECOND_TRY = timedelta(minutes=10)
"""What a shopper has at least, after a payment failed, to try another one."""


class PaymentFact(Struct, frozen=True, kw_only=True, tag_field="fact", tag="payment"):
    """What a provider says of a payment, in our words; amounts are absolute.

    `key` names the notice (Stripe's event id), `object_id` what it is about (a charge or an intent):
    two notices about one object announce one event.
    """

    provider: str
    key: str
    kind: FactKind
    reference: str
    object_id: str
    order_id: str
    shop: str
    amount: int
    currency: str
    livemode: bool
    occurred_at: datetime
    failure: str = ""


def apply(
    order: Order,
    fact: PaymentFact,
    *,
    ledger: Sequence[LedgerEntry],
    refunds: Sequence[Refund] = (),
    now: datetime,
) -> OrderChange | None:
    """What a provider's notice changes; None if that is known already, by this notice or by another.

    Raises PaymentMismatch if the notice is not about this order's payment at all.
    """
    if any(entry.key == ledger_key(fact) for entry in ledger):
        return None
    require_own(order, reference=fact.reference, livemode=fact.livemode)
    status = TRANSITIONS.get((order.payment.status, fact.kind))
    if status is None or _is_stale(order, fact):
        return None
    changed = _after(order, fact, status=status, refunds=refunds, now=now)
    event_type = "order.needs_review" if changed.review else EVENT_TYPES[status]
    event = told(event_type, changed, about=fact.object_id, now=now)
    if any(entry.event_id == event.id for entry in ledger):
        return None
    entry = LedgerEntry(
        key=ledger_key(fact),
        at=now,
        what=f"payment.{fact.kind}",
        by=fact.provider,
        about=fact.object_id,
        event_id=event.id,
        amount=fact.amount,
        currency=fact.currency,
        note=fact.failure,
    )
    freed = order.reserved if status == "canceled" else {}
    return OrderChange(
        order=changed,
        entry=entry,
        event=event,
        stock=dict(freed),
        coupon_uses=-1 if status == "canceled" else 0,
    )


def never_begun(order: Order, *, provider: str) -> PaymentFact:
    """The end of a payment that its provider never took on, or can't be asked about any more."""
    return PaymentFact(
        provider=provider,
        key=f"{order.id}#never_begun",
        kind="canceled",
        reference=order.payment.reference,
        object_id=order.id,
        order_id=order.id,
        shop="",
        amount=order.amount,
        currency=order.currency,
        livemode=order.livemode,
        occurred_at=order.created_at,
    )


def ledger_key(fact: PaymentFact) -> str:
    return f"{fact.provider}#{fact.key}"


def _after(
    order: Order, fact: PaymentFact, *, status: PaymentStatus, refunds: Sequence[Refund], now: datetime
) -> Order:
    payment = replace(
        order.payment,
        status=status,
        provider=fact.provider,
        reference=fact.reference,
        failure=fact.failure,
        as_of=fact.occurred_at,
    )
    changed = replace(order, version=order.version + 1, payment=payment, updated_at=now)
    if status == "paid":
        return after_payment(order, _received(changed, fact, refunds, now=now), now=now)
    if status == "canceled":
        return replace(changed, reserved={}, check_at=None)
    if status == "processing":
        return replace(changed, check_at=max(order.check_at or now, now + PROCESSING_CHECK))
    if order.payment.status == "processing":
        # What time a payment under way was given beyond the usual ends with it.
        return replace(changed, check_at=max(order.created_at + RESERVED_FOR, now + SECOND_TRY))
    return replace(changed, check_at=held_until(order, now + SECOND_TRY))


def _received(order: Order, fact: PaymentFact, refunds: Sequence[Refund], *, now: datetime) -> Order:
    payment = replace(
        order.payment,
        amount_received=fact.amount,
        received_currency="" if fact.currency == order.currency else fact.currency,
        paid_at=now,
    )
    return replace(order, payment=after_refunds(payment, refunds))


def _is_stale(order: Order, fact: PaymentFact) -> bool:
    """A bank's "processing" that comes late, after its "failed", is not news."""
    as_of = order.payment.as_of
    if fact.kind in FINAL or as_of is None:
        return False
    # Stripe tells whole seconds: within one, what was decided comes after what was under way.
    return fact.occurred_at < as_of or (fact.occurred_at == as_of and fact.kind == "processing")
