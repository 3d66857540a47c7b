from __future__ import annotations

import json
import logging

import pytest

from chalicelib.logs import JsonFormatter
from chalicelib.workers.batch import Failures


def test_a_batch_without_failures_is_all_done() -> None:
    assert Failures().answer() == {"batchItemFailures": []}


def test_failures_are_answered_in_their_order_in_lambdas_form() -> None:
    failures = Failures()
    for identifier in ("2", "1"):
        failures.add(identifier, ValueError())
    assert failures.answer() == {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "1"}]}


def test_a_failure_is_logged_with_its_traceback_and_without_people(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="ada@") as raised:
        int("ada@shopper.example")
    Failures().add("message-1", raised.value)
    (record,) = caplog.records
    line = json.loads(JsonFormatter().format(record))
    assert (record.levelno, line["message_id"], line["error"]) == (logging.ERROR, "message-1", "ValueError")
    assert "Traceback" in line["traceback"]
    assert "ada@" not in json.dumps(line)
