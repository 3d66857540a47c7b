"""Events: facts in the past tense, frozen as the bytes that every receiver gets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from .identifiers import derived_id


class Event(Struct, frozen=True, kw_only=True):
    """`payload` is the JSON text that is signed and sent; retries send it unchanged.

    `order_id` is empty for an event that is about no order. `only_to` names the one endpoint that a test is
    for, `not_to` the one that the event is about and that would be the last to listen.
    """

    id: str
    type: str
    created_at: datetime
    order_id: str
    payload: str
    only_to: str = ""
    not_to: str = ""


class EventSummary(Struct, frozen=True, kw_only=True):
    """A line of the list of what happened."""

    id: str
    type: str
    order_id: str
    created_at: datetime
    not_to: str = ""


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload's form: Standard Webhooks' type, timestamp and data, with the event's id on top.

    `test` is there, and true, in a made-up event that an owner sends to try an endpoint.
    """

    id: str
    type: str
    timestamp: datetime
    test: bool = False
    data: Any


def announce(
    event_type: str,
    *,
    order_id: str,
    about: str,
    data: object,
    now: datetime,
    only_to: str = "",
    not_to: str = "",
) -> Event:
    """The event of this type about this object (a payment, a refund) of the order.

    Its id derives from the three, so that two notices of one thing are one event. `data` is the payload's
    part of that name: a record, or a dict of records.
    """
    event_id = derived_id("evt", order_id, event_type, about)
    envelope = Envelope(id=event_id, type=event_type, timestamp=now, test=bool(only_to), data=data)
    return Event(
        id=event_id,
        type=event_type,
        created_at=now,
        order_id=order_id,
        payload=msgspec.json.encode(envelope).decode(),
        only_to=only_to,
        not_to=not_to,
    )
