"""The deliveries queue, and the relay's dead queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from chalicelib.domain.errands import Alert, Errand, Message
from chalicelib.domain.errors import Unavailable
from chalicelib.ports import Unsendable

_SEND_AT_ONCE = 10
_BATCH_BYTES = 1_000_000  # SQS takes 1 MiB a request; what is around the bodies needs a little
_TRIES = 3
_LONGEST_DELAY = timedelta(minutes=15)  # of SQS


class Schedules(Protocol):
    """Where messages wait that SQS would not keep so long."""

    def put(self, message: Message, delay: timedelta) -> None: ...


class SqsErrands:
    """Keeps chalicelib.ports.ErrandQueue. `client` is botocore's SQS client.

    There are two queues, so that what goes to prompt endpoints (`express_url`) never stands behind a worker
    that waits for a slow one. Waits of up to 15 minutes are SQS's own; longer ones, which only messages
    have, are `schedules`'.
    """

    def __init__(self, client: Any, *, queue_url: str, express_url: str, schedules: Schedules) -> None:  # noqa: ANN401 (botocore makes its clients at run time)
        self._client = client
        self._queue_url = queue_url
        self._express_url = express_url
        self._schedules = schedules

    def send(self, errands: Sequence[Errand], *, express: bool = False) -> None:
        queue_url = self._express_url if express else self._queue_url
        for batch in _batches([_entry(errand) for errand in errands]):
            self._send_batch(queue_url, batch)

    def send_later(self, errand: Errand, delay: timedelta) -> None:
        if isinstance(errand, Message) and delay > _LONGEST_DELAY:
            self._schedules.put(errand, delay)
            return
        entry = _entry(errand)
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=entry["MessageBody"],
            MessageGroupId=entry["MessageGroupId"],
            DelaySeconds=round(min(delay, _LONGEST_DELAY).total_seconds()),
        )

    def _send_batch(self, queue_url: str, entries: list[dict[str, str]]) -> None:
        """SQS may take some of a batch and refuse others; only those are sent again."""
        for _ in range(_TRIES):
            numbered = [entry | {"Id": str(index)} for index, entry in enumerate(entries)]
            answer = self._client.send_message_batch(QueueUrl=queue_url, Entries=numbered)
            failed = answer.get("Failed", [])
            if any(failure.get("SenderFault") for failure in failed):
                raise Unsendable(", ".join(sorted({failure["Code"] for failure in failed})))
            entries = [entries[int(failure["Id"])] for failure in failed]
            if not entries:
                return
        raise Unavailable(f"SQS did not take {len(entries)} messages.")


class SqsDeadLetters:
    """Keeps chalicelib.ports.DeadLetters."""

    def __init__(self, client: Any, queue_url: str) -> None:  # noqa: ANN401 (as above)
        self._client = client
        self._queue_url = queue_url

    def park(self, event_id: str, reason: str) -> None:
        body = msgspec.json.encode({"event_id": event_id, "reason": reason}).decode()
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)


def _entry(errand: Errand) -> dict[str, str]:
    # The group makes the queue a fair one: an endpoint with a backlog does not delay the others.
    group = "alerts" if isinstance(errand, Alert) else errand.endpoint_id or "erasures"
    # In ASCII: SQS refuses some characters that JSON and shoppers' names may have (U+FFFE, U+FFFF).
    body = json.dumps(msgspec.to_builtins(errand), separators=(",", ":"))
    return {"MessageBody": body, "MessageGroupId": group}


def _batches(entries: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    batches: list[list[dict[str, str]]] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"].encode())
        if not batches or len(batches[-1]) == _SEND_AT_ONCE or size + length > _BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(entry)
        size += length
    return batches
