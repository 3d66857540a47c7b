"""Disputes: a card holder asks her bank for the money back, and the bank decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from .orders import Dispute, DisputeStatus, LedgerEntry, Order, OrderChange, require_own, told

TRANSITIONS: frozenset[tuple[DisputeStatus, DisputeStatus]] = frozenset(
    {("none", "opened"), ("none", "won"), ("none", "lost"), ("opened", "won"), ("opened", "lost")}
)
"""What may follow on what; a pair that is missing changes nothing. The verdict may come before the news."""

EVENT_TYPES: dict[DisputeStatus, str] = {
    "opened": "order.dispute_opened",
    "won": "order.dispute_closed",
    "lost": "order.dispute_closed",
}


class DisputeFact(Struct, frozen=True, kw_only=True, tag_field="fact", tag="dispute"):
    """What a provider says of a dispute; `object_id` is the dispute's own, `reference` its payment's."""

    provider: str
    key: str
    status: DisputeStatus
    reference: str
    object_id: str
    amount: int
    currency: str
    reason: str
    livemode: bool
    occurred_at: datetime
    order_id: str = ""
    shop: str = ""


def apply_dispute(
    order: Order, fact: DisputeFact, *, ledger: Sequence[LedgerEntry], now: datetime
) -> OrderChange | None:
    """What a provider's word about a dispute changes; None if that is known already.

    Raises PaymentMismatch if it is not about this order's payment at all.
    """
    require_own(order, reference=fact.reference, livemode=fact.livemode)
    key = f"{fact.provider}#{fact.key}"
    before = next((known.status for known in order.disputes if known.id == fact.object_id), "none")
    if (before, fact.status) not in TRANSITIONS or any(entry.key == key for entry in ledger):
        return None
    dispute = Dispute(id=fact.object_id, status=fact.status, amount=fact.amount, reason=fact.reason)
    others = [known for known in order.disputes if known.id != dispute.id]
    changed = replace(order, version=order.version + 1, disputes=[*others, dispute], updated_at=now)
    event = told(EVENT_TYPES[fact.status], changed, about=dispute.id, now=now, dispute=dispute)
    entry = LedgerEntry(
        key=key,
        at=now,
        what=f"dispute.{fact.status}",
        by=fact.provider,
        about=fact.object_id,
        event_id=event.id,
        amount=fact.amount,
        currency=fact.currency,
        note=fact.reason,
    )
    return OrderChange(order=changed, entry=entry, event=event)
