"""Stripe's webhooks: whether Stripe sent it, and what it says in our words.

Without Stripe's SDK, which costs a cold start 60 ms and more, reads the clock itself, and lets timestamps
from the future pass. https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from chalicelib.domain.errors import InvalidRequest, InvalidSignature
from chalicelib.domain.orders import FactKind, PaymentFact

TOLERANCE_SECONDS = 300
PROVIDER = "stripe"
ORDER_KEY, SHOP_KEY = "tillhook_order", "tillhook_shop"
"""The metadata of an intent that lead back to its order."""

_KINDS: dict[str, FactKind] = {
    # When the charge is captured: cards at once, bank debits after days.
    "payment_intent.succeeded": "succeeded",
    # When an attempt to pay was declined; the shopper may try again with the same intent.
    "payment_intent.payment_failed": "failed",
    # When the shopper has done her part and the bank takes its time.
    "payment_intent.processing": "processing",
}


_LAST_SECOND = 253_402_300_799  # of the year 9999, where Python's calendar ends


class _PaymentError(Struct):
    code: str | None = None
    decline_code: str | None = None
    charge: str | None = None


class _Intent(Struct):
    id: str
    amount: int
    currency: str
    amount_received: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    last_payment_error: _PaymentError | None = None


class _Data(Struct):
    object: msgspec.Raw


class _Event(Struct):
    id: str
    type: str
    livemode: bool
    created: Annotated[int, Meta(ge=0, le=_LAST_SECOND)]
    data: _Data
    account: str | None = None


def verify(payload: bytes, signature: str, *, secrets: Sequence[str], now: datetime) -> None:
    """InvalidSignature unless one of `secrets` signed these very bytes within the tolerance of `now`."""
    timestamp, candidates = _parse_signature(signature)
    if abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:
        raise InvalidSignature("The signature's time is too far from ours.")
    content = f"{timestamp}.".encode() + payload
    # Every pair is compared, so that the time taken says nothing of which secret is which.
    matches = [
        hmac.compare_digest(_signature(secret, content), candidate.encode())
        for secret in secrets
        for candidate in candidates
    ]
    if not any(matches):
        raise InvalidSignature("The signature is not one of our webhook secrets'.")


def parse(payload: bytes) -> PaymentFact | None:
    """The fact that a verified webhook tells; None if it is of a kind, account or origin not ours."""
    try:
        event = msgspec.json.decode(payload, type=_Event)
        kind = _KINDS.get(event.type)
        if kind is None or event.account is not None:
            return None
        intent = msgspec.json.decode(event.data.object, type=_Intent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("That is not an event of the form Stripe sends.") from None
    if ORDER_KEY not in intent.metadata:
        return None
    return _fact(event, kind, intent)


def _fact(event: _Event, kind: FactKind, intent: _Intent) -> PaymentFact:
    error = intent.last_payment_error or _PaymentError()
    failed = kind == "failed"
    return PaymentFact(
        provider=PROVIDER,
        key=event.id,
        kind=kind,
        reference=intent.id,
        # One intent can fail often, each time with a charge of its own; it succeeds once.
        object_id=(error.charge or event.id) if failed else intent.id,
        order_id=intent.metadata[ORDER_KEY],
        shop=intent.metadata.get(SHOP_KEY, ""),
        amount=intent.amount_received if kind == "succeeded" else intent.amount,
        currency=intent.currency,
        livemode=event.livemode,
        occurred_at=datetime.fromtimestamp(event.created, UTC),
        failure=(error.decline_code or error.code or "declined") if failed else "",
    )


def _parse_signature(header: str) -> tuple[int, list[str]]:
    pairs = [item.strip().partition("=")[::2] for item in header.split(",")]
    times = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "v1"]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12 or not signatures:  # noqa: PLR2004 (no date has more digits)
        raise InvalidSignature("The Stripe-Signature header is missing or malformed.")
    return int(times[0]), signatures


def _signature(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest().encode()
