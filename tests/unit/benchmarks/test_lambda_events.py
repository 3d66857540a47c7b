"""The events are such that Chalice takes them for API Gateway's, the stream's and the queue's."""

from __future__ import annotations

import json
from typing import Any

from chalice.app import Chalice, DynamoDBEvent, SQSEvent

from benchmarks import lambda_events
from benchmarks.lambda_events import Context, from_gateway, from_queue, from_stream

ROW = {"pk": {"S": "EVENT#1"}, "sk": {"S": "EVENT"}}


def test_a_request_reaches_its_route_with_parts_headers_and_body() -> None:
    app = Chalice(app_name="test")
    seen: list[Any] = []

    @app.route("/carts/{cart}/items/{sku}", methods=["PUT"])
    def put(cart: str, sku: str) -> dict[str, str]:
        seen.append(app.current_request)
        return {"cart": cart, "sku": sku}

    request = lambda_events.Request(
        method="PUT",
        resource="/carts/{cart}/items/{sku}",
        parts={"cart": "c", "sku": "a b"},
        headers={"Authorization": "Bearer x"},
        body='{"quantity": 1}',
    )
    event = from_gateway(request, request_id="42")
    answer = app(event, Context())
    assert json.loads(answer["body"]) == {"cart": "c", "sku": "a b"}
    assert seen[0].json_body == {"quantity": 1}
    assert seen[0].headers["authorization"] == "Bearer x"
    assert seen[0].context["requestId"] == "42"
    assert event["path"] == "/carts/c/items/a%20b"


def test_a_stream_record_holds_the_row() -> None:
    (record,) = DynamoDBEvent(from_stream(ROW), {})
    assert (record.event_name, record.new_image, record.keys) == ("INSERT", ROW, ROW)


def test_a_queue_record_holds_the_message() -> None:
    message = {"MessageId": "1", "ReceiptHandle": "r", "Body": "hello"}
    (record,) = SQSEvent(from_queue([message]), {})
    assert (record.body, record.receipt_handle) == ("hello", "r")
    assert record.to_dict()["attributes"]["ApproximateReceiveCount"] == "1"
