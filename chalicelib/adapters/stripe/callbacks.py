"""Stripe's webhooks: whether Stripe sent it, and what it says in our words.

Without Stripe's SDK, which costs a cold start 60 ms and more, reads the clock itself, and lets timestamps
from the future pass. https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from chalicelib.domain.errors import InvalidRequest, InvalidSignature
from chalicelib.domain.payments import FactKind
from chalicelib.ports import Fact

from . import objects

TOLERANCE_SECONDS = 300

_PAYMENTS: dict[str, FactKind] = {
    "payment_intent.succeeded": "succeeded",
    "payment_intent.processing": "processing",
    # When an attempt to pay was declined; the shopper may try again with the same intent.
    "payment_intent.payment_failed": "failed",
    "payment_intent.canceled": "canceled",
}
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_DISPUTES = frozenset({"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"})

KINDS = (*_PAYMENTS, *sorted(_REFUNDS), *sorted(_DISPUTES))
"""What a webhook endpoint of Stripe's is to be subscribed to."""

_LAST_SECOND = 253_402_300_799  # of the year 9999, where Python's calendar ends


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


def parse(payload: bytes) -> Fact | None:
    """The fact that a verified webhook tells; None if it is of a kind, account or origin not ours."""
    try:
        event = msgspec.json.decode(payload, type=_Event)
        return _fact(event) if event.account is None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("That is not an event of the form Stripe sends.") from None


def _fact(event: _Event) -> Fact | None:
    key, occurred_at, livemode = event.id, objects.moment(event.created), event.livemode
    if event.type in _PAYMENTS:
        intent = msgspec.json.decode(event.data.object, type=objects.Intent)
        if objects.ORDER_KEY not in intent.metadata:
            return None
        kind = _PAYMENTS[event.type]
        return objects.payment_fact(intent, kind, key=key, occurred_at=occurred_at, livemode=livemode)
    if event.type in _REFUNDS:
        refund = msgspec.json.decode(event.data.object, type=objects.Refund)
        return objects.refund_fact(refund, key=key, occurred_at=occurred_at, livemode=livemode)
    if event.type in _DISPUTES:
        dispute = msgspec.json.decode(event.data.object, type=objects.Dispute)
        return objects.dispute_fact(dispute, key=key, occurred_at=occurred_at, livemode=livemode)
    return None


def _parse_signature(header: str) -> tuple[int, list[str]]:
    pairs = [item.strip().partition("=")[::2] for item in header.split(",")]
    times = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "v1"]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12 or not signatures:  # noqa: PLR2004 (no date has more digits)
        raise InvalidSignature("The Stripe-Signature header is missing or malformed.")
    return int(times[0]), signatures


def _signature(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest().encode()
