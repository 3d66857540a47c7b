"""What is noted of a function's calls, on botocore itself with answers of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence

from botocore.awsrequest import AWSResponse
from botocore.session import get_session

from benchmarks import metering
from benchmarks.capacity import Key, Row
from benchmarks.metering import Call, Meter, units_told, waits


def _call(began: float, ended: float) -> Call:
    return Call(service="dynamodb", operation="GetItem", began=began, ended=ended)


def test_calls_side_by_side_are_one_wait() -> None:
    assert waits([]) == 0
    assert waits([_call(0, 1), _call(1, 2), _call(2, 3)]) == 3
    assert waits([_call(0, 1), _call(1.0, 2), _call(1.1, 2.1)]) == 2
    assert waits([_call(0, 3), _call(0.1, 1), _call(1.1, 2)]) == 2


def test_a_database_may_tell_of_one_table_or_several_or_nothing() -> None:
    assert units_told(None) == 0
    assert units_told({"CapacityUnits": 2.0}) == 2
    assert units_told([{"CapacityUnits": 2.0}, {"CapacityUnits": 0.5}]) == 2.5


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]


def test_a_call_is_noted_with_its_units_while_a_step_lasts() -> None:
    session = get_session()
    session.set_credentials("nobody", "nobody")
    row = {"pk": {"S": "CART#1"}, "sk": {"S": "CART"}}
    written: list[int] = []

    def images(keys: Sequence[Key]) -> dict[Key, Row]:
        return {("CART#1", "CART"): row} if keys and written else {}

    meter = Meter(session, images=images, indexes=[])
    client = session.create_client("dynamodb", region_name="us-east-1")
    bodies: list[dict[str, object]] = []

    def answer(request: object, **_: object) -> AWSResponse:
        bodies.append(json.loads(request.body))  # type: ignore[attr-defined]
        written.append(1)
        told = json.dumps({"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.0}}).encode()
        return AWSResponse("http://test", 200, {}, _Body(told))

    client.meta.events.register("before-send", answer)
    client.put_item(TableName="shop", Item=row)
    with meter.step("create cart"):
        client.put_item(TableName="shop", Item=row)
        meter.logged(10)
    (step,) = meter.steps
    (call,) = step.of("dynamodb")
    assert bodies[1]["ReturnConsumedCapacity"] == "INDEXES"
    assert (step.name, step.log_bytes, step.log_lines) == ("create cart", 10, 1)
    assert (call.operation, call.write_units, call.read_units, call.told) == ("PutItem", 1, 0, 1)
    assert call.rows[0].name == "CART"
    assert call.ended - call.began >= metering.SHORTEST
