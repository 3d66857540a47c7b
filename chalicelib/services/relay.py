"""From a row in the table to errands: one message per interested endpoint, one first page per job."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Alert, Message
from chalicelib.domain.event_types import ABOUT_DELIVERING
from chalicelib.domain.events import Event
from chalicelib.domain.health import Health
from chalicelib.ports import ErrandQueue, EventStore, Expressions

from .shaping import wants

log = logging.getLogger(__name__)

INLINE_BYTES = 48 * 1024
"""Up to here a message carries the payload, beyond only the id: SQS bills by 64 KB."""


def fan_out(
    event: Event,
    watched: Sequence[tuple[Endpoint, Health]],
    *,
    events: EventStore,
    queue: ErrandQueue,
    expressions: Expressions,
    alerts: bool,
    now: datetime,
) -> int:
    """Send the event to whoever of `watched` wants it, and say how many that is.

    Done again, it goes to the same endpoints again. With `alerts`, what an owner must know is mailed too.
    """
    wanted = [event.only_to] if event.only_to else _wanted(event, watched, expressions=expressions)
    endpoint_ids = events.record_fan_out(event.id, wanted, now=now)
    prompt = {endpoint.id for endpoint, health in watched if health.prompt and not endpoint.rate_limit}
    hurried = [endpoint_id for endpoint_id in endpoint_ids if endpoint_id in prompt]
    patient = [endpoint_id for endpoint_id in endpoint_ids if endpoint_id not in prompt]
    if hurried:
        queue.send(_messages(event, hurried), express=True)
    if patient:
        queue.send(_messages(event, patient))
    if alerts and event.type in ABOUT_DELIVERING and not event.only_to:
        queue.send([Alert(event_id=event.id)])
    log.info("event fanned out", extra={"event_id": event.id, "endpoints": len(endpoint_ids)})
    return len(endpoint_ids)


def _wanted(
    event: Event, watched: Sequence[tuple[Endpoint, Health]], *, expressions: Expressions
) -> list[str]:
    payload = msgspec.json.decode(event.payload)
    return [
        endpoint.id
        for endpoint, _ in watched
        if endpoint.id != event.not_to and wants(endpoint, event.type, payload, expressions=expressions)
    ]


def _messages(event: Event, endpoint_ids: Sequence[str]) -> list[Message]:
    payload = event.payload if len(event.payload.encode()) <= INLINE_BYTES else None
    return [
        Message(
            event_id=event.id,
            event_type=event.type,
            order_id=event.order_id,
            endpoint_id=endpoint_id,
            payload=payload,
            insist=bool(event.only_to),
            once=bool(event.only_to),
        )
        for endpoint_id in endpoint_ids
    ]
