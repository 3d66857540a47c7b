"""One-shot schedules of EventBridge Scheduler, each of which puts one message into the deliveries queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chalicelib.domain.errands import Message
from chalicelib.domain.identifiers import derived_id


class ScheduleTarget(Struct, frozen=True, kw_only=True):
    """Schedules of `group` send to the queue `queue_arn` with the rights of `role_arn`.

    What can't be sent there goes to `dead_queue_arn`, where the owner is alerted.
    """

    group: str
    queue_arn: str
    dead_queue_arn: str
    role_arn: str


class OneShotSchedules:
    """Keeps chalicelib.adapters.sqs.Schedules. `client` gives botocore's client when it is first needed."""

    def __init__(
        self, client: Callable[[], Any], target: ScheduleTarget, *, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._target = target
        self._clock = clock

    def put(self, message: Message, delay: timedelta) -> None:
        """Have the message sent after `delay`, to the second; a schedule that is there already is the same.

        Nothing ever cancels a schedule: it deletes itself, and a message that is not wanted any more is
        dropped when it is read.
        """
        client = self._client()
        at = self._clock() + delay
        try:
            client.create_schedule(
                Name=schedule_name(message),
                GroupName=self._target.group,
                ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._target.queue_arn,
                    "RoleArn": self._target.role_arn,
                    "DeadLetterConfig": {"Arn": self._target.dead_queue_arn},
                    # Ids only: a schedule's input is limited, and the event may have been erased by then.
                    "Input": msgspec.json.encode(replace(message, payload=None)).decode(),
                },
            )
        except client.exceptions.ConflictException:
            return


def schedule_name(message: Message) -> str:
    """One attempt of one delivery is one schedule, however often it is asked for."""
    return derived_id("sch", message.event_id, message.endpoint_id, message.generation, message.attempt)
