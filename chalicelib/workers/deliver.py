"""Queue → deliver → the owner's endpoint: the messages of a batch are delivered side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from chalice.app import Blueprint, SQSEvent

from chalicelib import logs, wiring
from chalicelib.domain.deliveries import Message
from chalicelib.services.deliveries import attempt

from .batch import Failures

BATCH = 10

functions = Blueprint(__name__)


@functions.on_sqs_message(queue_arn="placeholder", batch_size=BATCH)
def deliver(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    """Make the attempts; a slow receiver makes nobody in its batch wait but the batch's own end."""
    logs.configure()
    failures = Failures()
    records = event.to_dict()["Records"]
    _warm_up()
    with ThreadPoolExecutor(max_workers=BATCH) as pool:
        tries = [(record["messageId"], pool.submit(_attempt, record)) for record in records]
    for message_id, outcome in tries:
        error = outcome.exception()
        if error is not None:
            failures.add(message_id, error)
    return failures.answer()


def _attempt(record: dict[str, Any]) -> None:
    message = msgspec.json.decode(record["body"], type=Message)
    attempt(
        message,
        seen_before=int(record["attributes"]["ApproximateReceiveCount"]) > 1,
        endpoints=wiring.recent_endpoints(),
        endpoint_store=wiring.endpoints(),
        secrets=wiring.endpoint_secrets(),
        events=wiring.events(),
        deliveries=wiring.events(),
        queue=wiring.deliveries_queue(),
        sender=wiring.sender(),
        clock=wiring.now,
        entropy=wiring.entropy,
    )


def _warm_up() -> None:
    """Make the shared clients before the threads do: making one twice at once is not safe in boto3."""
    wiring.recent_endpoints()
    wiring.endpoint_secrets()
    wiring.deliveries_queue()
    wiring.sender()
