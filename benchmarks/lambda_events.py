"""Events as AWS hands them to functions: by API Gateway (REST), by a table's stream, by a queue."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Event = dict[str, Any]

_BROWSER = {
    "Accept": "application/json",
    "Host": "shop.execute-api.us-east-1.amazonaws.com",
    "Origin": "https://shop.example",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "X-Amzn-Trace-Id": "Root=1-6723a1b2-0123456789abcdef01234567",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """`resource` is the route as API Gateway knows it, `parts` what stands for its braces."""

    method: str
    resource: str
    parts: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass
class Context:
    """What a function may ask about its invocation."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    function_name: str = "bench"
    memory_limit_in_mb: str = "512"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def from_gateway(request: Request, *, request_id: str) -> Event:
    """API Gateway's proxy event, version 1.0, of a request by a browser."""
    path = request.resource
    for name, value in request.parts.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    headers = (
        _BROWSER | ({"Content-Type": "application/json"} if request.body else {}) | dict(request.headers)
    )
    return {
        "resource": request.resource,
        "path": path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(request.parts) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "shop",
            "domainName": _BROWSER["Host"],
            "httpMethod": request.method,
            "identity": {"sourceIp": "203.0.113.7", "userAgent": _BROWSER["User-Agent"]},
            "path": f"/api{path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "resourceId": "bench",
            "resourcePath": request.resource,
            "stage": "api",
        },
        "body": request.body,
        "isBase64Encoded": False,
    }


def from_stream(row: Mapping[str, Any]) -> Event:
    """A batch of one record: the row is new in the table."""
    dynamodb = {
        "ApproximateCreationDateTime": 1_764_000_000,
        "Keys": {"pk": row["pk"], "sk": row["sk"]},
        "NewImage": dict(row),
        "SequenceNumber": "100000000000000000001",
        "SizeBytes": len(json.dumps(row)),
        "StreamViewType": "NEW_IMAGE",
    }
    record = {
        "eventID": "0123456789abcdef0123456789abcdef",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": dynamodb,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/bench/stream/2026-01-01T00:00:00",
    }
    return {"Records": [record]}


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def from_queue(messages: Sequence[Mapping[str, Any]], *, queue: str = "deliveries") -> Event:
    """A batch of messages as `receive_message` gives them, each handed out for the first time."""
    return {"Records": [_queue_record(message, queue) for message in messages]}


def _queue_record(message: Mapping[str, Any], queue: str) -> Event:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1764000000000",
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1764000000005",
        },
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": "us-east-1",
    }
