"""A table that has grown: what it is filled with, and how a sale in it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import growth
from benchmarks.bill import SALE
from benchmarks.capacity import Written
from benchmarks.filling import Size, fill
from benchmarks.growth import Growth
from benchmarks.metering import Call, Step
from benchmarks.setting import Database
from chalicelib.adapters.dynamodb.items import Row

DATABASE = Database(name="a database", endpoint="http://nowhere")


class Kept:
    """A DynamoDB that keeps what is written in batches."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (botocore's)
        ((_, requests),) = RequestItems.items()
        self.rows += [request["PutRequest"]["Item"] for request in requests]
        return {}


def _steps(units: int) -> list[Step]:
    row = Written(name="ORDER", size=500, table_units=units, index_units=0)
    call = Call(service="dynamodb", operation="PutItem", began=0, ended=1, read_units=units, rows=[row])
    return [Step(name=name, calls=[call]) for name in (*SALE, "list products")]


def _steps_of(took: Sequence[float]) -> dict[str, list[float]]:
    return {"list products": [99.0 * took[0]] * len(took), "check out": list(took), "callback": [1.0]}


def _met(few: Sequence[float], many: Sequence[float], *, units: int = 1) -> list[bool | None]:
    found = growth.judge(
        Growth(few=_steps_of(few), many=_steps_of(many)),
        before=_steps(1),
        after=_steps(units),
        database=DATABASE,
    )
    return [figure.met for figure in found.figures]


def test_a_filled_table_has_so_many_different_paid_orders_and_products() -> None:
    kept, words = Kept(), list[object]()
    fill(kept, "table", Size(orders=30, products=7), say=words.append)
    orders = [row for row in kept.rows if row["kind"] == {"S": "order"}]
    assert len({row["pk"]["S"] for row in orders}) == len({row["listed_at"]["S"] for row in orders}) == 30
    assert {row["status"]["S"] for row in orders} == {"paid"}
    assert not any("due" in row for row in orders)
    assert len(kept.rows) == 37
    assert words == [" 0 of 30 orders"]


def test_time_is_flat_by_the_steps_medians_and_units_by_their_sum() -> None:
    assert _met([9.0, 9.0, 99.0], [9.4, 9.4, 0.1]) == [True, True, True]
    assert _met([9.0, 9.0], [9.6, 9.6]) == [False, True, True]
    assert _met([9.0], [9.0], units=2) == [True, False, False]
