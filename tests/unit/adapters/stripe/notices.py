"""Webhooks as Stripe sends them, signed by Stripe's own SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from stripe import WebhookSignature

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET, OTHER_SECRET = "whsec_of_the_shop", "whsec_of_somebody_else"


def notice(kind: str = "payment_intent.succeeded", /, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (fields of an intent, of any type)
    """An event about an intent of ours; `changes` are fields of the intent."""
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1999,
        "amount_received": 1999 if kind == "payment_intent.succeeded" else 0,
        "currency": "eur",
        "metadata": {"tillhook_order": "ord_1", "tillhook_shop": "prod"},
        "last_payment_error": None,
        "status": "succeeded",
    }
    return {
        "id": "evt_stripe_1",
        "object": "event",
        "type": kind,
        "livemode": False,
        "created": int(NOW.timestamp()),
        "data": {"object": intent | changes},
    }


def encode(event: dict[str, Any]) -> bytes:
    return json.dumps(event, indent=2).encode()


def signed(payload: bytes, *, secret: str = SECRET, at: datetime = NOW) -> str:
    """The Stripe-Signature header of the payload."""
    header: str = WebhookSignature.generate_signature_header(
        payload.decode(), secret, timestamp=int(at.timestamp())
    )
    return header


def notice_about(kind: str, item: dict[str, Any], /) -> dict[str, Any]:
    """An event about some other object than an intent."""
    event = notice(kind)
    return event | {"data": {"object": item}}


def a_refund(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 (fields of a refund, of any type)
    """A refund as Stripe shows it, made in its dashboard unless its metadata say otherwise."""
    refund = {
        "id": "re_1",
        "object": "refund",
        "amount": 500,
        "currency": "eur",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "created": int(NOW.timestamp()),
        "metadata": {},
        "status": "succeeded",
        "failure_reason": None,
    }
    return refund | changes


def a_dispute(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 (fields of a dispute, of any type)
    dispute = {
        "id": "du_1",
        "object": "dispute",
        "amount": 1999,
        "currency": "eur",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "metadata": {},
        "reason": "fraudulent",
        "status": "needs_response",
    }
    return dispute | changes
