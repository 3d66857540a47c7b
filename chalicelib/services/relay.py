"""From an event in the table to one message per interested endpoint."""

from __future__ import annotations

import logging
from datetime import datetime

from chalicelib.domain.deliveries import Message
from chalicelib.domain.events import Event
from chalicelib.ports import DeliveryQueue, EndpointStore, EventStore

log = logging.getLogger(__name__)

INLINE_BYTES = 48 * 1024
"""Up to here a message carries the payload, beyond only the id: SQS bills by 64 KB."""


def fan_out(
    event: Event, *, endpoints: EndpointStore, events: EventStore, queue: DeliveryQueue, now: datetime
) -> int:
    """Send the event to whoever wants it; how many that is. Again, it is the same endpoints again."""
    wanted = [endpoint.id for endpoint in endpoints.list_endpoints() if endpoint.wants(event.type)]
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
