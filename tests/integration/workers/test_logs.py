"""What the workers say while things go well and badly; conftest's `log` checks every line's form."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from chalicelib.domain.deliveries import delivery_id
from chalicelib.domain.identifiers import is_id
from chalicelib.workers.deliver import deliver
from chalicelib.workers.relay import relay
from tests.integration.workers.lambda_events import (
    Context,
    failed,
    from_queue,
    from_stream,
    message_id,
    sequence_number,
)
from tests.integration.workers.receiver import Receiver
from tests.integration.workers.stage import SqsWire, Stage
from tests.making import a_message, an_endpoint, an_event

Lines = Callable[[], list[dict[str, Any]]]

PERSONAL = "ada@example.com whsec_c2VjcmV0c2VjcmV0 sk_test_51abc cart_abc234"
EVENT = an_event("first", data=PERSONAL)


def test_what_the_relay_does_is_told_with_ids(stage: Stage, wire: SqsWire, lines: Lines) -> None:
    stage.register(an_endpoint("mine"))
    poison, late = an_event("poison", data=PERSONAL), an_event("late", data=PERSONAL)
    first, broken, last = stage.write(EVENT, poison, late)
    wire.cut.add(late.id)
    answer = relay(from_stream(first, broken | {"created_at": {"S": PERSONAL}}, last), Context())
    assert answer == failed(sequence_number(2))
    done, unreadable, error = lines()
    assert (done["event_id"], done["endpoints"], done["level"]) == (EVENT.id, 1, "INFO")
    assert poison.id in unreadable["event_id"]
    assert (error["message_id"], error["error"]) == (sequence_number(2), "ClientError")


def test_what_deliver_does_is_told_with_ids(stage: Stage, receiver: Receiver, lines: Lines) -> None:
    endpoint = an_endpoint("mine", url=receiver.at("mine"))
    stage.register(endpoint)
    deliver(from_queue(a_message(EVENT, endpoint, attempt=1)), Context())
    (made,) = lines()
    expected = {
        "delivery_id": delivery_id(EVENT.id, endpoint.id),
        "event_id": EVENT.id,
        "endpoint_id": endpoint.id,
        "order_id": EVENT.order_id,
        "attempt": 1,
        "status": "delivered",
        "http_status": 200,
    }
    assert made.items() >= expected.items()
    assert is_id("evt", made["event_id"])


def test_each_failed_message_is_told_once_by_its_id(stage: Stage, lines: Lines) -> None:
    missing, broken = a_message(EVENT, an_endpoint("mine"), inline=False), "{"
    stage.register(an_endpoint("mine"))
    assert deliver(from_queue(missing, broken), Context()) == failed(message_id(0), message_id(1))
    told = [(line["message_id"], line["error"], line["level"]) for line in lines() if "message_id" in line]
    assert told == [(message_id(0), "EventNotFound", "ERROR"), (message_id(1), "DecodeError", "ERROR")]


@pytest.mark.parametrize("status", [200, 410, 500])
def test_no_line_has_people_or_secrets_in_it(
    stage: Stage, receiver: Receiver, log: StringIO, status: int
) -> None:
    endpoint = an_endpoint("mine", url=receiver.at(f"hook?to={PERSONAL.replace(' ', ',')}"))
    secret = stage.register(endpoint)
    receiver.status, receiver.says = lambda _: status, PERSONAL.encode()
    relay(from_stream(*stage.write(EVENT)), Context())
    broken = [f'"{PERSONAL}"', f'{{"event_id": "{PERSONAL}"', f'{{"event_id": {{"{PERSONAL}": 1}}}}']
    deliver(from_queue(*stage.take(), *broken), Context())
    assert log.getvalue()
    for text in (*PERSONAL.split(), secret):
        assert text not in log.getvalue()


def test_what_an_error_of_aws_quotes_is_redacted(stage: Stage, wire: SqsWire, lines: Lines) -> None:
    stage.register(an_endpoint("mine"))
    wire.cut.add(EVENT.id)
    wire.says = f"no such queue: {PERSONAL}"
    relay(from_stream(*stage.write(EVENT)), Context())
    (line,) = lines()
    assert "no such queue: [e-mail] whsec_[redacted] sk_test_[redacted] cart_[redacted]" in line["traceback"]
    assert "ada@" not in str(line)
