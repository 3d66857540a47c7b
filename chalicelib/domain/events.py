"""Events: facts in the past tense, frozen as the bytes that every receiver gets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from .identifiers import derived_id


class Event(Struct, frozen=True, kw_only=True):
    """`payload` is the JSON text that is signed and sent; retries send it unchanged."""

    id: str
    type: str
    created_at: datetime
    order_id: str
    payload: str


class Envelope(Struct, frozen=True, kw_only=True):
    """The payload's form: Standard Webhooks' type, timestamp and data, with the event's id on top."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]


def announce(event_type: str, *, order_id: str, about: str, data: dict[str, object], now: datetime) -> Event:
    """The event of this type about this object (a payment, a refund) of the order.

    Its id derives from the three, so that two notices of one thing are one event.
    """
    event_id = derived_id("evt", order_id, event_type, about)
    envelope = Envelope(id=event_id, type=event_type, timestamp=now, data=data)
    payload = msgspec.json.encode(envelope).decode()
    return Event(id=event_id, type=event_type, created_at=now, order_id=order_id, payload=payload)
