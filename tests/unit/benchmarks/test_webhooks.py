"""From what was measured of the deliver worker to figures that are met or missed."""

from __future__ import annotations

import pytest

from benchmarks import webhooks
from benchmarks.capacity import Written
from benchmarks.in_worker import Cost, Memory
from benchmarks.metering import Call, Step
from benchmarks.report import Finding
from benchmarks.webhooks import Pace


def _met(found: Finding) -> list[bool | None]:
    return [figure.met for figure in found.figures]


def _cost(worker: float) -> Cost:
    return Cost(worker=[worker, worker, 90.0], urllib3=[0.4, 0.4], requests=[0.9])


def test_processor_time_is_judged_by_itself_and_beside_bare_loops() -> None:
    found = webhooks.judge_processor_time(_cost(1.5), _cost(0.9))
    assert [figure.value for figure in found.figures] == [1.5, 1.5, 1.5, 0.9]
    assert _met(found) == [True, False, True, True]
    assert _met(webhooks.judge_processor_time(_cost(2.1), _cost(0.9)))[0] is False


def test_pace_is_judged_by_all_and_patience_by_median_and_worst() -> None:
    fast = Pace(took=[0.02] * 10, size=10, requests=150, connections=10)
    slow = Pace(took=[0.21, 0.22, 0.3], size=10, requests=80, connections=10)
    found = webhooks.judge_pace(fast, slow)
    rate, median, worst = found.figures
    assert (rate.value, median.value, worst.value) == pytest.approx((500, 220, 300))
    assert _met(found) == [True, True, False]


def test_connections_are_as_many_as_are_busy_at_once() -> None:
    fast = Pace(took=[0.02], size=10, requests=150, connections=10)
    alone = Pace(took=[0.02], size=1, requests=15, connections=1)
    assert _met(webhooks.judge_connections(fast, alone)) == [True, True]
    more = Pace(took=[0.02], size=10, requests=150, connections=11)
    assert _met(webhooks.judge_connections(more, more)) == [False, False]


def test_memory_is_judged_at_its_peak() -> None:
    found = webhooks.judge_memory(Memory(loaded=60.0, peak=129.0), receivers=24)
    assert _met(found) == [None, False]


def _call(service: str, operation: str, *rows: Written) -> Call:
    return Call(service=service, operation=operation, began=1, ended=2, rows=list(rows))


def test_calls_are_counted_for_each_webhook() -> None:
    row = Written(name="DELIVERY", size=900, table_units=1, index_units=1)
    mark = Written(name="FANOUT", size=200, table_units=1, index_units=0)
    relay = Step(
        name="relay",
        calls=[
            _call("dynamodb", "Query"),
            _call("dynamodb", "PutItem", mark),
            _call("sqs", "SendMessageBatch"),
        ],
    )
    deliver = Step(name="deliver", calls=[_call("dynamodb", "PutItem", row)] * 10)
    found = webhooks.judge_calls([relay, deliver], webhooks=10)
    assert [figure.value for figure in found.figures] == [1, 1, 0, 0.3]
    assert _met(found) == [True, True, True, True]
    cold = Step(name="deliver", calls=[*deliver.calls, _call("ssm", "GetParameter")])
    assert _met(webhooks.judge_calls([relay, cold], webhooks=10)) == [True, True, False, True]
