"""Stream → relay → queues: a new event becomes one message per endpoint, a new job its first page.

Watched stock that changes may become an event, which comes back as one.
"""

from __future__ import annotations

import logging
from typing import Any

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import logs, wiring
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.domain.health import Health
from chalicelib.domain.jobs import Job
from chalicelib.domain.stock import Glimpse
from chalicelib.ports import Unreadable, Unsendable
from chalicelib.services.jobs import start_job
from chalicelib.services.relay import fan_out
from chalicelib.services.stock import watch

from .batch import Failures

log = logging.getLogger(__name__)

Watched = list[tuple[Endpoint, Health]]

functions = Blueprint(__name__)


@functions.on_dynamodb_record(stream_arn="placeholder", batch_size=100)
def relay(event: DynamoDBEvent) -> dict[str, list[dict[str, str]]]:
    """Fan events out. What fails for a while is asked for again, together with all that follows it in its
    shard, and does no harm then; what can't be read will never be, and is parked at once.
    """
    logs.configure()
    failures = Failures()
    watched: Watched | None = None
    looked_at: set[str] = set()
    for record in event.to_dict()["Records"]:
        try:
            found = _read(record["dynamodb"]["NewImage"])
            if isinstance(found, Job):
                start_job(found, queue=wiring.errands(), now=wiring.now())
            elif isinstance(found, Glimpse):
                # Stock in shards is looked at once: that sees all that the batch tells of.
                if found.alone or found.sku not in looked_at:
                    watch(found, stock=wiring.stock(), catalog=wiring.catalog(), now=wiring.now())
                looked_at.add(found.sku)
            elif found is not None:
                watched = watched if watched is not None else wiring.endpoints().list_watched()
                _send(found, watched)
        except Exception as error:  # noqa: BLE001 (whatever it is, the records before it are done)
            failures.add(record["dynamodb"]["SequenceNumber"], error)
            break
    return failures.answer()


def _send(event: Event, watched: Watched) -> None:
    """Fan the event out; what the queue will never take is parked, so that it blocks nobody."""
    try:
        fan_out(
            event,
            watched,
            events=wiring.events(),
            queue=wiring.errands(),
            expressions=wiring.expressions(),
            alerts=bool(wiring.settings().alert_email),
            now=wiring.now(),
        )
    except Unsendable as error:
        log.error("event can't be sent", extra={"event_id": event.id, "error": str(error)})  # noqa: TRY400 (nothing to trace)
        wiring.dead_letters().park(event.id, f"the queue refuses it: {error}")


def _read(image: dict[str, Any]) -> Event | Job | Glimpse | None:
    """What a stream record's image is; None, once its id is parked, for what can't be read."""
    try:
        if image.get("kind") == {"S": "job"}:
            return wiring.jobs().job_of(image)
        if image.get("kind") == {"S": "stock"}:
            return wiring.stock().glimpse_of(image)
        return wiring.events().event_of(image)
    except Unreadable as error:
        log.error("row can't be read", extra={"event_id": error.row_id})  # noqa: TRY400 (the traceback would quote the row)
        wiring.dead_letters().park(error.row_id, "the row can't be read")
        return None
