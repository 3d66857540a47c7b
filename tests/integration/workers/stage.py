"""What a stage's workers live among, as tests look at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chalicelib import wiring
from chalicelib.adapters.dynamodb.events import event_row
from chalicelib.adapters.dynamodb.jobs import job_row
from chalicelib.domain.deliveries import Delivery
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Errand, Message
from chalicelib.domain.events import Event
from chalicelib.domain.jobs import Job
from chalicelib.domain.signing import new_secret
from tests.making import signing_secrets


@dataclass(frozen=True)
class Stage:
    """`dynamodb` and `sqs` are clients of the tests' own."""

    table: str
    dynamodb: Any
    sqs: Any
    queue_url: str
    express_url: str
    dead_queue_url: str

    def write(self, *events: Event) -> list[dict[str, Any]]:
        """Put the events' rows into the table; these are what the stream carries."""
        rows = [event_row(event) for event in events]
        for row in rows:
            self.dynamodb.put_item(TableName=self.table, Item=row)
        return rows

    def register(self, *endpoints: Endpoint) -> str:
        """Create the endpoints, all with the secret that is returned."""
        secret = new_secret(wiring.entropy)
        for endpoint in endpoints:
            wiring.endpoints().create_endpoint(endpoint)
            wiring.endpoint_secrets().put_secrets(endpoint.id, signing_secrets(secret))
        return secret

    def ask(self, job: Job) -> dict[str, Any]:
        """Put the job's row into the table; this is what the stream carries."""
        wiring.jobs().create_job(job)
        return job_row(job)

    def take(self) -> list[Message]:
        """All messages that can be received now, by event and endpoint."""
        found = [errand for errand in self.errands() if isinstance(errand, Message)]
        return sorted(found, key=lambda message: (message.event_id, message.endpoint_id))

    def errands(self, *, express: bool = False) -> list[Errand]:
        """All that can be received now from one of the queues."""
        bodies = self._bodies(self.express_url if express else self.queue_url)
        return [msgspec.json.decode(body, type=Errand) for body in bodies]

    def parked(self) -> list[dict[str, str]]:
        return [json.loads(body) for body in self._bodies(self.dead_queue_url)]

    def _bodies(self, url: str) -> list[str]:
        bodies: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def jobs(self) -> list[dict[str, Any]]:
        """The rows of all jobs, as the stream carries them, oldest first."""
        rows = self.dynamodb.scan(TableName=self.table)["Items"]
        jobs = [row for row in rows if row.get("kind") == {"S": "job"}]
        return sorted(jobs, key=lambda row: str(row["created_at"]["S"]))

    def next_slot(self, endpoint: Endpoint) -> int:
        """When a limited endpoint has time again, in milliseconds."""
        row = self.dynamodb.get_item(
            TableName=self.table, Key={"pk": {"S": "SLOTS"}, "sk": {"S": endpoint.id}}
        )["Item"]
        return int(row["next_at"]["N"])

    def fan_out(self, event: Event) -> Sequence[str] | None:
        return wiring.events().get_fan_outs([event.id]).get(event.id)

    def delivery(self, event: Event, endpoint: Endpoint) -> Delivery | None:
        return wiring.deliveries().get_delivery(event.id, endpoint.id)


class _Refused:
    status_code = 503


@dataclass
class SqsWire:
    """Sees what functions send to SQS, and cuts off what mentions any of `cut`, as SQS in trouble does.

    botocore would try a 503 again; here its patience has run out already.
    """

    cut: set[str] = field(default_factory=set)
    sent: list[dict[str, Any]] = field(default_factory=list)
    says: str = "Try again."

    def __call__(self, *, params: dict[str, Any], **_: object) -> tuple[_Refused, dict[str, Any]] | None:
        request = json.loads(params["body"])
        if any(text in json.dumps(request) for text in self.cut):
            return _Refused(), {"Error": {"Code": "ServiceUnavailable", "Message": self.says}}
        self.sent.append(request)
        return None

    def put_off(self) -> list[tuple[Message, int]]:
        """Each message that was sent for later, with its delay in seconds."""
        return [
            (msgspec.json.decode(request["MessageBody"], type=Message), request["DelaySeconds"])
            for request in self.sent
            if request.get("DelaySeconds")
        ]
