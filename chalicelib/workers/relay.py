"""Stream → relay → queue: each event row that appears in the table becomes one message per endpoint."""

from __future__ import annotations

import logging

import msgspec
from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import logs, wiring
from chalicelib.adapters.dynamodb.items import Row, from_row
from chalicelib.domain.events import Event
from chalicelib.services.relay import fan_out

from .batch import Failures

log = logging.getLogger(__name__)

functions = Blueprint(__name__)


@functions.on_dynamodb_record(stream_arn="set by infra/resources.yaml", batch_size=100)
def relay(event: DynamoDBEvent) -> dict[str, list[dict[str, str]]]:
    """Fan events out. What fails for a while is asked for again, together with all that follows it in its
    shard, and does no harm then; what can't be read will never be, and is parked at once.
    """
    logs.configure()
    failures = Failures()
    subscribers = None
    for record in event.to_dict()["Records"]:
        row = record["dynamodb"]["NewImage"]
        try:
            found = _read(row)
            if found is None:
                continue
            if subscribers is None:
                subscribers = wiring.endpoints().list_endpoints()
            fan_out(
                found,
                subscribers,
                events=wiring.events(),
                queue=wiring.deliveries_queue(),
                now=wiring.now(),
            )
        except Exception as error:  # noqa: BLE001 (whatever it is, the records before it are done)
            failures.add(record["dynamodb"]["SequenceNumber"], error)
            break
    return failures.answer()


def _read(row: Row) -> Event | None:
    """The event of a row; None, once its id is parked, for what is no event that we can read."""
    try:
        return from_row(row, Event)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        key = row.get("pk", {}).get("S", "")
        log.error("event can't be read", extra={"event_id": key, "error": type(error).__name__})  # noqa: TRY400 (the traceback would quote the row)
        wiring.dead_letters().park(key, "the row can't be read as an event")
        return None
