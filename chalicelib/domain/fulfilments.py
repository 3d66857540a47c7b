"""Fulfilment: what has left for the shopper, line by line, as the owner marks it."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from . import errors
from .identifiers import derived_id
from .orders import Fulfilment, LedgerEntry, Order, OrderChange, told


def fulfilment_id_for(order: Order, key: str) -> str:
    """One Idempotency-Key is one fulfilment of the order."""
    return derived_id("ful", order.id, key)


def unfulfilled(order: Order) -> dict[str, int]:
    """The pieces, by SKU, that have not left yet."""
    left = {line.sku: line.quantity - order.fulfilled.get(line.sku, 0) for line in order.lines}
    return {sku: pieces for sku, pieces in left.items() if pieces > 0}


def fulfil(order: Order, fulfilment: Fulfilment, *, now: datetime) -> OrderChange:
    """The order with these pieces gone; all that is left of it, if the fulfilment names none.

    Raises NotFulfillable for an order that is not to be sent, or pieces that it does not have.
    """
    if order.payment.status not in {"paid", "partially_refunded"} or order.review is not None:
        raise errors.NotFulfillable(
            f"The order is {order.status}: only what is paid and needs no review is sent.",
            status=order.status,
        )
    left = unfulfilled(order)
    sent = replace(fulfilment, lines=fulfilment.lines or left)
    missing = sorted(sku for sku, pieces in sent.lines.items() if pieces > left.get(sku, 0))
    if missing or not sent.lines:
        raise errors.NotFulfillable(
            f"More than is left to send: {', '.join(missing)}." if missing else "All of it has been sent.",
            left=left,
        )
    changed = replace(
        order,
        version=order.version + 1,
        fulfilled={
            line.sku: pieces
            for line in order.lines
            if (pieces := order.fulfilled.get(line.sku, 0) + sent.lines.get(line.sku, 0))
        },
        updated_at=now,
    )
    event = told("order.fulfilled", changed, about=sent.id, now=now, fulfilment=sent)
    entry = LedgerEntry(
        key=sent.id,
        at=now,
        what="fulfilment.sent",
        by=sent.by,
        about=sent.id,
        event_id=event.id,
        note=sent.tracking_number,
    )
    return OrderChange(order=changed, entry=entry, event=event, fulfilment=sent)


def require_same(there: Fulfilment, wanted: Fulfilment) -> Fulfilment:
    """The fulfilment that is there under a key, if it is what is asked for; else KeyReused."""
    lines = wanted.lines or there.lines
    asked = replace(wanted, lines=lines, created_at=there.created_at, by=there.by)
    if asked != there:
        raise errors.KeyReused("The Idempotency-Key has been used for another fulfilment. Use a new one.")
    return there
