"""Stream → relay → queue: each event row that appears in the table becomes one message per endpoint."""

from __future__ import annotations

import logging
from typing import Any

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import logs, wiring
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.ports import Unreadable, Unsendable
from chalicelib.services.relay import fan_out

from .batch import Failures

log = logging.getLogger(__name__)

functions = Blueprint(__name__)


@functions.on_dynamodb_record(stream_arn="placeholder", batch_size=100)
def relay(event: DynamoDBEvent) -> dict[str, list[dict[str, str]]]:
    """Fan events out. What fails for a while is asked for again, together with all that follows it in its
    shard, and does no harm then; what can't be read will never be, and is parked at once.
    """
    logs.configure()
    failures = Failures()
    subscribers = None
    for record in event.to_dict()["Records"]:
        try:
            found = _read(record["dynamodb"]["NewImage"])
            if found is None:
                continue
            if subscribers is None:
                subscribers = wiring.endpoints().list_endpoints()
            _send(found, subscribers)
        except Exception as error:  # noqa: BLE001 (whatever it is, the records before it are done)
            failures.add(record["dynamodb"]["SequenceNumber"], error)
            break
    return failures.answer()


def _send(event: Event, subscribers: list[Endpoint]) -> None:
    """Fan the event out; what the queue will never take is parked, so that it blocks nobody."""
    try:
        fan_out(
            event,
            subscribers,
            events=wiring.events(),
            queue=wiring.deliveries_queue(),
            now=wiring.now(),
        )
    except Unsendable as error:
        log.error("event can't be sent", extra={"event_id": event.id, "error": str(error)})  # noqa: TRY400 (nothing to trace)
        wiring.dead_letters().park(event.id, f"the queue refuses it: {error}")


def _read(image: dict[str, Any]) -> Event | None:
    """The event of a stream record's image; None, once its id is parked, for one that can't be read."""
    try:
        return wiring.events().event_of(image)
    except Unreadable as error:
        log.error("event can't be read", extra={"event_id": error.row_id})  # noqa: TRY400 (the traceback would quote the row)
        wiring.dead_letters().park(error.row_id, "the row can't be read as an event")
        return None
