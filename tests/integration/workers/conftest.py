"""The workers as Lambda has them: settings in the environment, AWS (moto) behind botocore's own clients,
and a real receiver.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from itertools import count
from typing import Any

import boto3
import msgspec
import pytest
from moto import mock_aws

from chalicelib import wiring
from tests.forgetting import COSTLY, forget_wiring
from tests.integration.workers.lambda_events import EXPRESS_ARN
from tests.integration.workers.receiver import Receiver, receiving
from tests.integration.workers.stage import SqsWire, Stage

_NUMBERS = count()


@pytest.fixture(scope="module")
def aws() -> Iterator[boto3.session.Session]:
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        forget_wiring()
        yield boto3.session.Session()
        forget_wiring()


@pytest.fixture(scope="module")
def dynamodb(aws: boto3.session.Session) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
    return aws.client("dynamodb")


@pytest.fixture(scope="module")
def sqs(aws: boto3.session.Session) -> Any:  # noqa: ANN401 (as above)
    return aws.client("sqs")


@pytest.fixture(scope="module")
def scheduler(aws: boto3.session.Session) -> Any:  # noqa: ANN401 (as above)
    client = aws.client("scheduler")
    client.create_schedule_group(Name="tillhook-test")
    return client


@pytest.fixture
def stage(
    table_shape: dict[str, Any],
    dynamodb: Any,  # noqa: ANN401 (as above)
    sqs: Any,  # noqa: ANN401 (as above)
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """An empty table and empty queues, and functions that are told of them."""
    name = f"tillhook-workers-{next(_NUMBERS)}"
    dynamodb.create_table(TableName=name, **table_shape)
    queue, express, dead = (
        sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"] for kind in ("queue", "express", "dead")
    )
    settings = {
        "TILLHOOK_SHOP": "test",
        "TILLHOOK_TABLE": name,
        "TILLHOOK_PARAMETER_PREFIX": f"/{name}",
        "TILLHOOK_DELIVERIES_QUEUE_URL": queue,
        "TILLHOOK_EXPRESS_QUEUE_URL": express,
        "TILLHOOK_EXPRESS_QUEUE_ARN": EXPRESS_ARN,
        "TILLHOOK_RELAY_DEAD_QUEUE_URL": dead,
        "TILLHOOK_DELIVERIES_QUEUE_ARN": f"arn:aws:sqs:eu-central-1:123456789012:{name}-queue",
        "TILLHOOK_DELIVERIES_DEAD_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:dead",
        "TILLHOOK_SCHEDULE_GROUP": "tillhook-test",
        "TILLHOOK_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/schedules",
        "TILLHOOK_ENDPOINT_POLICY": "loopback",
    }
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    forget_wiring(keep=COSTLY)
    yield Stage(name, dynamodb, sqs, queue, express, dead)
    forget_wiring(keep=COSTLY)
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def wire(stage: Stage) -> Iterator[SqsWire]:
    """Between the functions and SQS."""
    wire = SqsWire()
    events = vars(wiring)["_client"]("sqs").meta.events
    events.register("before-call.sqs", wire, unique_id="wire")
    yield wire
    events.unregister("before-call.sqs", unique_id="wire")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def log() -> Iterator[StringIO]:
    """What the functions log, through a handler such as Lambda has in place before they run."""
    root, ours = logging.getLogger(), logging.getLogger("chalicelib")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    stream = StringIO()
    root.handlers[:] = [logging.StreamHandler(stream)]
    yield stream
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    for line in stream.getvalue().splitlines():
        assert isinstance(msgspec.json.decode(line), dict), "not one JSON object a line"


@pytest.fixture
def lines(log: StringIO) -> Any:  # noqa: ANN401 (a function that reads)
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]
