from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import msgspec
import pytest
from moto import mock_aws
from msgspec.structs import replace

from chalicelib.adapters.scheduler import OneShotSchedules, ScheduleTarget, schedule_name
from chalicelib.domain.errands import Message
from tests.fakes import NOW
from tests.making import a_message, an_endpoint, an_event

GROUP = "tillhook-test"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:deliveries"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
ROLE = "arn:aws:iam::123456789012:role/schedules"
MESSAGE = a_message(an_event(), an_endpoint(), attempt=4)


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("scheduler", region_name="us-east-1")
        client.create_schedule_group(Name=GROUP)
        yield client


@pytest.fixture
def schedules(scheduler: Any) -> OneShotSchedules:  # noqa: ANN401 (botocore makes its clients at run time)
    target = ScheduleTarget(group=GROUP, queue_arn=QUEUE, dead_queue_arn=DEAD, role_arn=ROLE)
    return OneShotSchedules(lambda: scheduler, target, clock=lambda: NOW)


def test_a_message_is_put_off_to_the_second_and_its_schedule_deletes_itself(
    scheduler: Any,  # noqa: ANN401 (as above)
    schedules: OneShotSchedules,
) -> None:
    schedules.put(MESSAGE, timedelta(hours=2, milliseconds=700))
    found = scheduler.get_schedule(GroupName=GROUP, Name=schedule_name(MESSAGE))
    at = NOW + timedelta(hours=2, milliseconds=700)
    assert found["ScheduleExpression"] == f"at({at:%Y-%m-%dT%H:%M:%S})"
    assert found["ActionAfterCompletion"] == "DELETE"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert (found["Target"]["Arn"], found["Target"]["RoleArn"]) == (QUEUE, ROLE)
    assert found["Target"]["DeadLetterConfig"] == {"Arn": DEAD}


def test_only_ids_wait(scheduler: Any, schedules: OneShotSchedules) -> None:  # noqa: ANN401 (as above)
    assert MESSAGE.payload
    schedules.put(MESSAGE, timedelta(hours=2))
    found = scheduler.get_schedule(GroupName=GROUP, Name=schedule_name(MESSAGE))
    assert msgspec.json.decode(found["Target"]["Input"], type=Message) == replace(MESSAGE, payload=None)


def test_the_same_attempt_is_the_same_schedule(
    scheduler: Any,  # noqa: ANN401 (as above)
    schedules: OneShotSchedules,
) -> None:
    schedules.put(MESSAGE, timedelta(hours=2))
    schedules.put(MESSAGE, timedelta(hours=3))
    schedules.put(replace(MESSAGE, attempt=5), timedelta(hours=5))
    assert len(scheduler.list_schedules(GroupName=GROUP)["Schedules"]) == 2
    assert len(schedule_name(MESSAGE)) <= 64


def test_a_replay_waits_in_a_schedule_of_its_own() -> None:
    assert schedule_name(replace(MESSAGE, generation=1)) != schedule_name(MESSAGE)
