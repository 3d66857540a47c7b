"""Batches as Lambda hands them to functions: from a table's stream, and from a queue."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chalicelib.domain.errands import Errand

Batch = dict[str, Any]
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:deliveries"
EXPRESS_ARN = "arn:aws:sqs:eu-central-1:123456789012:express"
NOTHING_FAILED: Batch = {"batchItemFailures": []}


@dataclass(frozen=True)
class Context:
    """What a function may ask about its invocation."""

    aws_request_id: str = "6b1f7c1e-9a51-4a0e-8f3e-5f1f2f0c9d11"
    function_name: str = "tillhook-test"
    memory_limit_in_mb: str = "512"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def failed(*identifiers: str) -> Batch:
    """The answer that asks for just these again."""
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def sequence_number(index: int) -> str:
    return str(111_000_000_000_019_732_840_000 + index * 17)


def from_stream(*images: Mapping[str, Any]) -> Batch:
    """New rows, in the order in which they were written."""
    return {"Records": [_stream_record(index, image) for index, image in enumerate(images)]}


def _stream_record(index: int, image: Mapping[str, Any]) -> Batch:
    return {
        "eventID": f"{index:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_521_600.0,
            "Keys": {name: image[name] for name in ("pk", "sk") if name in image},
            "NewImage": dict(image),
            "SequenceNumber": sequence_number(index),
            "SizeBytes": len(str(image)),
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/2026-11-24T12:00:00.000",
    }


def message_id(index: int) -> str:
    return f"059f36b4-87a3-44ab-83d2-{index:012x}"


def from_queue(*bodies: Errand | str, receives: int = 1, arn: str = QUEUE_ARN) -> Batch:
    """Messages, each handed out for the `receives`-th time."""
    return {"Records": [_queue_record(index, body, receives, arn) for index, body in enumerate(bodies)]}


def _queue_record(index: int, body: Errand | str, receives: int, arn: str) -> Batch:
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return {
        "messageId": message_id(index),
        "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a{index}",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": "1795521600000",
            "SenderId": "AROAEXAMPLE:tillhook-relay",
            "ApproximateFirstReceiveTimestamp": "1795521600005",
            "MessageGroupId": f"ep_{index}",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "eu-central-1",
    }
