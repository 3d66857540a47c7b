"""Refunds: asked for here or made at the provider's, each told by its own absolute amount and state.

A refund only ever moves on::

    requested ──► pending ──► succeeded ──► failed        money can come back even then
        └────────────┴────────────┴───────────┘           any later state at once
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from . import errors
from .identifiers import derived_id
from .money import display
from .orders import LedgerEntry, LineItem, Order, OrderChange, Payment, Refund, require_own, told
from .reviews import HOUSEKEEPING, is_for_policy
from .stock import sku_of

RefundState = Literal["pending", "succeeded", "failed"]

_RANKS = {"requested": 0, "pending": 1, "succeeded": 2, "failed": 3}

EVENT_TYPES = {"succeeded": "order.refunded", "failed": "order.refund_failed"}
"""The states whose reaching is told to the world."""

SOON = timedelta(minutes=5)
"""When housekeeping looks after what was asked of the provider and not answered."""


class RefundFact(Struct, frozen=True, kw_only=True, tag_field="fact", tag="refund"):
    """What a provider says of a refund. `refund_id` is our own name of it, empty if it was not made here.

    `reference` is the payment's, `object_id` the refund's own; `order_id` is empty where the provider
    does not say it.
    """

    provider: str
    key: str
    state: RefundState
    reference: str
    object_id: str
    amount: int
    currency: str
    livemode: bool
    occurred_at: datetime
    refund_id: str = ""
    order_id: str = ""
    shop: str = ""
    failure: str = ""


class WantedRefund(Struct, frozen=True, kw_only=True):
    """What an owner asks for: an amount, or pieces by SKU, or (with neither) all that is left."""

    amount: int | None = None
    lines: dict[str, int]
    restock: bool = False
    reason: str = ""

    @property
    def is_whole(self) -> bool:
        return self.amount is None and not self.lines


def refund_id_for(order: Order, key: str) -> str:
    """One Idempotency-Key is one refund of the order."""
    return derived_id("rf", order.id, key)


def refunded_total(refunds: Iterable[Refund]) -> int:
    """What has left, or is on its way."""
    return sum(refund.amount for refund in refunds if refund.status in {"pending", "succeeded"})


def refundable(order: Order, refunds: Iterable[Refund]) -> int:
    """What can still be asked for: what was received less everything asked for that has not failed."""
    return order.payment.amount_received - sum(
        refund.amount for refund in refunds if refund.status != "failed"
    )


def after_refunds(payment: Payment, refunds: Iterable[Refund]) -> Payment:
    """The payment with what was refunded of it; one that was not received stays what it is."""
    total = refunded_total(refunds)
    changed = replace(payment, amount_refunded=total)
    if not payment.amount_received:
        return changed
    if total >= payment.amount_received:
        return replace(changed, status="refunded")
    return replace(changed, status="partially_refunded" if total else "paid")


def request(
    order: Order, refunds: Sequence[Refund], wanted: WantedRefund, *, refund_id: str, by: str, now: datetime
) -> tuple[OrderChange, Refund]:
    """The refund as a row, so that its money is spoken for before the provider is asked.

    Raises RefundRefused for more than is left, or what can't be refunded at all.
    """
    left = refundable(order, refunds)
    if left <= 0:
        raise errors.RefundRefused("Nothing of this order is left to refund.", refundable=max(left, 0))
    shares = _shares(order, refunds, wanted)
    amount = sum(shares.values()) if shares else _amount(wanted, left=left)
    currency = order.payment.received_currency or order.currency
    if not 0 < amount <= left:
        raise errors.RefundRefused(
            f"{display(amount, currency)} can't be refunded: {display(left, currency)} is left.",
            refundable=left,
            currency=currency,
        )
    refund = Refund(
        id=refund_id,
        amount=amount,
        currency=currency,
        status="requested",
        created_at=now,
        updated_at=now,
        by=by,
        reason=wanted.reason,
        lines=wanted.lines,
        shares=shares,
        whole=wanted.is_whole,
        restocks=wanted.restock,
        restock=_restock(order, wanted),
    )
    entry = LedgerEntry(
        key=f"{refund_id}#requested",
        at=now,
        what="refund.requested",
        by=by,
        about=refund_id,
        amount=amount,
        currency=currency,
        note=wanted.reason,
    )
    changed = replace(order, version=order.version + 1, check_at=now + SOON, updated_at=now)
    return OrderChange(order=changed, entry=entry, refund=refund), refund


def require_same(refund: Refund, wanted: WantedRefund) -> Refund:
    """The refund that is there under a key, if it is what is asked for; KeyReused if it is another one."""
    there = (refund.lines, refund.whole, refund.restocks, refund.reason)
    same = there == (wanted.lines, wanted.is_whole, wanted.restock, wanted.reason)
    if not same or wanted.amount not in {None, refund.amount}:
        raise errors.KeyReused("The Idempotency-Key has been used for another refund. Use a new one.")
    return refund


def apply_refund(
    order: Order,
    fact: RefundFact,
    *,
    ledger: Sequence[LedgerEntry],
    refunds: Sequence[Refund],
    now: datetime,
) -> OrderChange | None:
    """What a provider's word about a refund changes; None if that is known already.

    Raises PaymentMismatch if it is not about this order's payment at all.
    """
    require_own(order, reference=fact.reference, livemode=fact.livemode)
    key = f"{fact.provider}#{fact.key}"
    known = _known(fact, refunds)
    if any(entry.key == key for entry in ledger) or (
        known is not None and _RANKS[known.status] >= _RANKS[fact.state]
    ):
        return None
    refund = replace(
        known or _made_elsewhere(fact, now=now),
        status=fact.state,
        reference=fact.object_id or (known.reference if known else ""),
        failure=fact.failure,
        updated_at=now,
    )
    first_taken = fact.state != "failed" and (known is None or known.status == "requested")
    stock = _held(order, refund.restock) if first_taken else {}
    others = [other for other in refunds if other.id != refund.id]
    changed = _after(order, [*others, refund], stock=stock, now=now)
    event_type = EVENT_TYPES.get(fact.state)
    event = told(event_type, changed, about=refund.id, now=now, refund=refund) if event_type else None
    entry = LedgerEntry(
        key=key,
        at=now,
        what=f"refund.{fact.state}",
        by=fact.provider,
        about=fact.object_id or refund.id,
        event_id=event.id if event else "",
        amount=refund.amount,
        currency=refund.currency,
        note=fact.failure,
    )
    return OrderChange(order=changed, entry=entry, event=event, refund=refund, stock=stock)


def _after(order: Order, refunds: Sequence[Refund], *, stock: Mapping[str, int], now: datetime) -> Order:
    kept = {name: left for name, held in order.reserved.items() if (left := held - stock.get(name, 0)) > 0}
    changed = replace(
        order,
        version=order.version + 1,
        payment=after_refunds(order.payment, refunds),
        reserved=kept,
        updated_at=now,
    )
    if not order.is_paid:
        return changed
    return replace(changed, check_at=_next_look(changed, refunds, now=now))


def _next_look(order: Order, refunds: Sequence[Refund], *, now: datetime) -> datetime | None:
    if any(refund.status == "requested" for refund in refunds):
        return now + SOON
    # The shop's rules have still to say what becomes of the rest, unless they have, and it went wrong.
    is_decided = any(refund.by == HOUSEKEEPING for refund in refunds)
    return order.check_at or now if is_for_policy(order) and not is_decided else None


def _held(order: Order, pieces: Mapping[str, int]) -> dict[str, int]:
    """Of these pieces what the order still holds: another refund may have given them back meanwhile."""
    return {
        name: min(count, order.reserved[name]) for name, count in pieces.items() if name in order.reserved
    }


def _known(fact: RefundFact, refunds: Sequence[Refund]) -> Refund | None:
    wanted = _id_of(fact)
    return next((refund for refund in refunds if refund.id == wanted), None)


def _id_of(fact: RefundFact) -> str:
    return fact.refund_id or derived_id("rf", fact.provider, fact.object_id)


def _made_elsewhere(fact: RefundFact, *, now: datetime) -> Refund:
    return Refund(
        id=_id_of(fact),
        amount=fact.amount,
        currency=fact.currency,
        status="requested",
        created_at=now,
        updated_at=now,
        by=fact.provider,
    )


def _amount(wanted: WantedRefund, *, left: int) -> int:
    if wanted.amount is None:
        return left
    if wanted.restock:
        raise errors.InvalidRequest("Say which lines: pieces, and not an amount, go back to the stock.")
    return wanted.amount


def _shares(order: Order, refunds: Sequence[Refund], wanted: WantedRefund) -> dict[str, int]:
    """What the wanted pieces of each line come to."""
    if not wanted.lines:
        return {}
    if wanted.amount is not None:
        raise errors.InvalidRequest("Refund an amount, or lines, and not both.")
    if order.payment.received_currency:
        raise errors.RefundRefused("It was paid in another currency than its lines have: refund an amount.")
    lines = {line.sku: line for line in order.lines}
    standing = [refund for refund in refunds if refund.status != "failed"]
    return {sku: _share(lines.get(sku), sku, pieces, standing) for sku, pieces in wanted.lines.items()}


def _share(line: LineItem | None, sku: str, pieces: int, refunds: Sequence[Refund]) -> int:
    """The part of a line's total that these pieces have; all parts together are the whole line."""
    before = sum(refund.lines.get(sku, 0) for refund in refunds)
    if line is None or before + pieces > line.quantity:
        left = line.quantity - before if line else 0
        raise errors.RefundRefused(f"Of {sku!r} the order has {left} pieces left to refund.", sku=sku)
    given = sum(refund.shares.get(sku, 0) for refund in refunds)
    return max(line.total * (before + pieces) // line.quantity - given, 0)


def _restock(order: Order, wanted: WantedRefund) -> dict[str, int]:
    """What goes back to which stock row: at most what the order holds."""
    if not wanted.restock:
        return {}
    if not wanted.lines:
        return dict(order.reserved)
    found: dict[str, int] = {}
    for sku, pieces in wanted.lines.items():
        left = pieces
        for name, held in order.reserved.items():
            if sku_of(name) == sku and left:
                found[name] = min(held, left)
                left -= found[name]
    return found
