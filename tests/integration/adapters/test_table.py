"""What DynamoDB does now and then, and moto never: leave out part of a batch, or let two writes collide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.items import Row, key_row
from chalicelib.adapters.dynamodb.table import Key, Table, TransactionRefused
from chalicelib.domain.errors import Unavailable
from chalicelib.ports import Moved
from tests.integration.adapters.conftest import Clients


def rows(count: int) -> list[Row]:
    return [key_row(("part", f"{number:03}"), number=number) for number in range(count)]


def keys(count: int) -> list[Key]:
    return [("part", f"{number:03}") for number in range(count)]


class Stingy:
    """A DynamoDB that does only `share` of each batch, for `times` requests."""

    def __init__(self, client: Any, *, share: float, times: int) -> None:  # noqa: ANN401 (botocore's client)
        self.requests = 0
        self._client = client
        self._share = share
        self._times = times

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (botocore's)
        ((name, wanted),) = RequestItems.items()
        done, left = self._split(wanted["Keys"])
        answer: dict[str, Any] = {"Responses": {}}
        if done:
            answer = self._client.batch_get_item(RequestItems={name: wanted | {"Keys": done}})
        return answer | {"UnprocessedKeys": {name: wanted | {"Keys": left}} if left else {}}

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (as above)
        ((name, wanted),) = RequestItems.items()
        done, left = self._split(wanted)
        if done:
            self._client.batch_write_item(RequestItems={name: done})
        return {"UnprocessedItems": {name: left} if left else {}}

    def _split(self, items: list[Any]) -> tuple[list[Any], list[Any]]:
        self.requests += 1
        end = int(len(items) * self._share) if self.requests <= self._times else len(items)
        return items[:end], items[end:]


class Refusing:
    """A DynamoDB that refuses every write with one error, or only the first where there is one `after` it."""

    def __init__(self, code: str, *reasons: str, after: Any = None) -> None:  # noqa: ANN401 (as above)
        response: Any = {"Error": {"Code": code, "Message": "no"}}
        if reasons:
            response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
        self.asked = 0
        self._after = after
        self._error = ClientError(response, "Write")

    def put_item(self, **request: object) -> object:
        self._refuse()
        return self._after.put_item(**request)

    def delete_item(self, **request: object) -> object:
        self._refuse()
        return self._after.delete_item(**request)

    def transact_write_items(self, **_: object) -> None:
        self._refuse()

    def _refuse(self) -> None:
        self.asked += 1
        if self._after is None or self.asked == 1:
            raise self._error


@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_what_a_batch_left_out_is_asked_for_again(aws: Clients, table: Table, share: float) -> None:
    table.write_many(puts=rows(120))
    stingy, pauses = Stingy(aws.dynamodb, share=share, times=3), list[float]()
    found = Table(stingy, table.name, pause=pauses.append).get_many(keys(120))
    assert found == dict(zip(keys(120), rows(120), strict=True))
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_what_a_batch_did_not_write_is_written_again(aws: Clients, table: Table, share: float) -> None:
    stingy = Stingy(aws.dynamodb, share=share, times=3)
    Table(stingy, table.name, pause=lambda _: None).write_many(puts=rows(60))
    assert table.query("part") == rows(60)


@pytest.mark.parametrize(
    "ask",
    [lambda table: table.get_many(keys(3)), lambda table: table.write_many(puts=rows(3))],
    ids=["read", "write"],
)
def test_a_table_that_never_answers_is_unavailable_in_the_end(
    table: Table, ask: Callable[[Table], object]
) -> None:
    stingy, pauses = Stingy(None, share=0, times=99), list[float]()
    with pytest.raises(Unavailable):
        ask(Table(stingy, table.name, pause=pauses.append))
    assert sum(pauses) < 3


def test_reading_nothing_asks_nobody() -> None:
    table = Table(None, "none")
    assert table.get_many([]) == {}
    table.write_many()


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "TransactionConflictException"])
def test_a_row_that_somebody_else_writes_has_moved(code: str) -> None:
    with pytest.raises(Moved):
        Table(Refusing(code), "table", pause=lambda _: None).put(rows(1)[0])


def test_any_other_refusal_of_a_write_is_a_failure_of_ours() -> None:
    with pytest.raises(ClientError):
        Table(Refusing("ThrottlingException"), "table").put(rows(1)[0])


def test_a_failed_condition_says_which_action_it_was() -> None:
    refusing = Refusing("TransactionCanceledException", "None", "ConditionalCheckFailed", "None")
    with pytest.raises(TransactionRefused) as refusal:
        Table(refusing, "table").transact([])
    assert [refusal.value.failed(index) for index in range(3)] == [False, True, False]


@pytest.mark.parametrize(
    "refusing",
    [
        Refusing("TransactionCanceledException", "None", "TransactionConflict"),
        Refusing("TransactionCanceledException", "ConditionalCheckFailed", "TransactionConflict"),
        Refusing("TransactionInProgressException"),
        Refusing("TransactionCanceledException", "None", "ThrottlingError"),
    ],
    ids=["conflict", "conflict and condition", "in progress", "throttled"],
)
def test_a_transaction_that_others_are_always_in_the_way_of_has_moved(refusing: Refusing) -> None:
    pauses = list[float]()
    with pytest.raises(Moved):
        Table(refusing, "table", pause=pauses.append).transact([])
    assert len(pauses) == refusing.asked - 1
    assert 0 < sum(pauses) < 1


def test_what_another_transaction_was_in_the_way_of_is_tried_again(aws: Clients, table: Table) -> None:
    row = rows(1)[0]
    once = Refusing("TransactionConflictException", after=aws.dynamodb)
    Table(once, table.name, pause=lambda _: None).put(row)
    assert table.get(("part", row["sk"]["S"])) == row
    once = Refusing("TransactionConflictException", after=aws.dynamodb)
    assert Table(once, table.name, pause=lambda _: None).delete(("part", row["sk"]["S"])) is True


def test_a_transaction_refused_for_anything_else_is_a_failure_of_ours() -> None:
    with pytest.raises(ClientError):
        Table(Refusing("TransactionCanceledException", "ValidationError", "None"), "table").transact([])


def test_a_partition_larger_than_a_page_is_read_whole(table: Table) -> None:
    many = [key_row(("part", f"{number:03}"), text="x" * 300_000) for number in range(8)]
    for row in many:
        table.put(row)
    assert table.query("part") == many


def test_a_partition_is_read_by_the_beginning_of_its_sort_key(table: Table) -> None:
    wanted = [key_row(("part", "LEDGER#1")), key_row(("part", "LEDGER#2"))]
    table.write_many(puts=[*wanted, key_row(("part", "LEDGEr")), key_row(("other", "LEDGER#1"))])
    assert table.query("part", begins_with="LEDGER#") == wanted


def test_the_template_has_the_indexes_that_the_adapters_read(table_shape: dict[str, Any]) -> None:
    keys_of = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in table_shape["GlobalSecondaryIndexes"]
    }
    assert keys_of["listing"] == ["listing", "listed_at"]
    assert [key["AttributeName"] for key in table_shape["KeySchema"]] == ["pk", "sk"]
