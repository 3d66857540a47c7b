"""Queues → deliver → the owner's endpoint: the errands of a batch are done side by side.

One function serves both queues: the express one, for endpoints that answer promptly, and the other.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import msgspec
from chalice.app import Blueprint, SQSEvent

from chalicelib import logs, wiring
from chalicelib.domain.errands import Alert, Errand, JobPage
from chalicelib.services import attempts
from chalicelib.services.alerts import send_alert
from chalicelib.services.jobs import do_page

from .batch import Failures

BATCH = 10

functions = Blueprint(__name__)


@functions.on_sqs_message(queue_arn="placeholder", batch_size=BATCH)
def deliver(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    """Do the errands; a slow receiver makes nobody in its batch wait but the batch's own end."""
    logs.configure()
    failures = Failures()
    wiring.outbound()  # the shared clients, before the threads are there to make them twice
    done = [(record["messageId"], _threads().submit(_do, record)) for record in event.to_dict()["Records"]]
    for message_id, outcome in done:
        error = outcome.exception()
        if error is not None:
            failures.add(message_id, error)
    return failures.answer()


@cache
def _threads() -> ThreadPoolExecutor:
    """Kept: ten new threads for each batch would cost as much as the batch's work."""
    return ThreadPoolExecutor(max_workers=BATCH)


def _do(record: dict[str, Any]) -> None:
    errand: Errand = msgspec.json.decode(record["body"], type=Errand)
    seen_before = int(record["attributes"]["ApproximateReceiveCount"]) > 1
    if isinstance(errand, Alert):
        send_alert(errand.event_id, events=wiring.events(), mailer=wiring.mailer())
    elif isinstance(errand, JobPage):
        do_page(errand, seen_before=seen_before, out=wiring.outbound())
    else:
        express = record["eventSourceARN"] == wiring.settings().express_queue_arn
        attempts.deliver(errand, express=express, seen_before=seen_before, out=wiring.outbound())
