"""From an event in the table to one message per interested endpoint."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.deliveries import Message
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.ports import DeliveryQueue, EventStore

log = logging.getLogger(__name__)

INLINE_BYTES = 48 * 1024
"""Up to here a message carries the payload, beyond only the id: SQS bills by 64 KB."""


def fan_out(
    event: Event,
    subscribers: Sequence[Endpoint],
    *,
    events: EventStore,
    queue: DeliveryQueue,
    now: datetime,
) -> int:
    """Send the event to whoever of `subscribers` wants it, and say how many that is.

    Done again, it goes to the same endpoints again.
    """
    wanted = [endpoint.id for endpoint in subscribers if endpoint.wants(event.type)]
    endpoint_ids = events.record_fan_out(event.id, wanted, now=now)
    payload = event.payload if len(event.payload.encode()) <= INLINE_BYTES else None
    queue.send([_message(event, endpoint_id, payload) for endpoint_id in endpoint_ids])
    log.info("event fanned out", extra={"event_id": event.id, "endpoints": len(endpoint_ids)})
    return len(endpoint_ids)


def _message(event: Event, endpoint_id: str, payload: str | None) -> Message:
    return Message(
        event_id=event.id,
        event_type=event.type,
        order_id=event.order_id,
        endpoint_id=endpoint_id,
        payload=payload,
    )
