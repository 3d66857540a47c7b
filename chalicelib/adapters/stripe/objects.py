"""Stripe's objects, as far as we read them, and what they say in our words.

They come by webhooks and as answers of the API; both say the same.
https://docs.stripe.com/api/payment_intents/object, …/refunds/object, …/disputes/object
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct, field

from chalicelib.domain.disputes import DisputeFact
from chalicelib.domain.orders import DisputeStatus
from chalicelib.domain.payments import FactKind, PaymentFact
from chalicelib.domain.refunds import RefundFact, RefundState

PROVIDER = "stripe"
ORDER_KEY, SHOP_KEY, REFUND_KEY = "tillhook_order", "tillhook_shop", "tillhook_refund"
"""The metadata that lead back to the order, the shop and the refund."""

SETTLED: dict[str, FactKind] = {
    "succeeded": "succeeded",  # the charge is captured: cards at once, bank debits after days
    "processing": "processing",  # the shopper has done her part and the bank takes its time
    "canceled": "canceled",
}
"""An intent's states in which the shopper can't pay it any more."""

_REFUND_STATES: dict[str, RefundState] = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
_DISPUTE_STATES: dict[str, DisputeStatus] = {
    "won": "won",
    "lost": "lost",
    "warning_closed": "won",  # an inquiry that never became a dispute
    "prevented": "won",  # nor did this one: the networks settled it before
}


class PaymentError(Struct):
    code: str | None = None
    decline_code: str | None = None
    charge: str | None = None


class Intent(Struct):
    id: str
    amount: int
    currency: str
    created: int = 0
    status: str = ""
    amount_received: int = 0
    latest_charge: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    last_payment_error: PaymentError | None = None
    cancellation_reason: str | None = None


class Refund(Struct):
    id: str
    amount: int
    currency: str
    created: int = 0
    status: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None
    failure_reason: str | None = None


class Dispute(Struct):
    id: str
    amount: int
    currency: str
    status: str
    reason: str = ""
    payment_intent: str | None = None


def payment_fact(
    intent: Intent, kind: FactKind, *, key: str, occurred_at: datetime, livemode: bool
) -> PaymentFact:
    error = intent.last_payment_error or PaymentError()
    # One intent can be tried often, each time with a charge of its own; it succeeds or ends once.
    tried = {"failed": error.charge or key, "processing": intent.latest_charge or key}
    failures = {
        "failed": error.decline_code or error.code or "declined",
        "canceled": intent.cancellation_reason or "",
    }
    return PaymentFact(
        provider=PROVIDER,
        key=key,
        kind=kind,
        reference=intent.id,
        object_id=tried.get(kind, intent.id),
        order_id=intent.metadata.get(ORDER_KEY, ""),
        shop=intent.metadata.get(SHOP_KEY, ""),
        amount=intent.amount_received if kind == "succeeded" else intent.amount,
        currency=intent.currency,
        livemode=livemode,
        occurred_at=occurred_at,
        failure=failures.get(kind, ""),
    )


def refund_fact(refund: Refund, *, key: str, occurred_at: datetime, livemode: bool) -> RefundFact:
    metadata = refund.metadata or {}
    return RefundFact(
        provider=PROVIDER,
        key=key,
        state=_REFUND_STATES.get(refund.status or "", "pending"),
        reference=refund.payment_intent or "",
        object_id=refund.id,
        amount=refund.amount,
        currency=refund.currency,
        livemode=livemode,
        occurred_at=occurred_at,
        refund_id=metadata.get(REFUND_KEY, ""),
        order_id=metadata.get(ORDER_KEY, ""),
        shop=metadata.get(SHOP_KEY, ""),
        failure=refund.failure_reason or "",
    )


def dispute_fact(dispute: Dispute, *, key: str, occurred_at: datetime, livemode: bool) -> DisputeFact:
    return DisputeFact(
        provider=PROVIDER,
        key=key,
        status=_DISPUTE_STATES.get(dispute.status, "opened"),
        reference=dispute.payment_intent or "",
        object_id=dispute.id,
        amount=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        livemode=livemode,
        occurred_at=occurred_at,
    )


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
