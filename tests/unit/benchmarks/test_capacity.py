"""DynamoDB's rules for what it bills, as its developer guide tells them."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.capacity import Index, read_units, row_size, written, written_keys

Row = dict[str, Any]

LISTING = Index(
    name="listing", keys=frozenset({"listing", "listed_at"}), projected=frozenset({"status", "amount"})
)
KEY = ("ORDER#1", "ORDER")


def _row(size: int = 100, **attributes: str) -> Row:
    """A row of so many bytes, plus these attributes."""
    rest = size - len("pk" + "ORDER#1" + "sk" + "ORDER" + "x")
    return {
        "pk": {"S": "ORDER#1"},
        "sk": {"S": "ORDER"},
        "x": {"S": "x" * rest},
    } | {name: {"S": value} for name, value in attributes.items()}


def _listed(status: str = "pending", *, at: str = "1") -> Row:
    return _row(listing="ORDERS", listed_at=at, status=status)


def _units(before: Row | None, after: Row | None, *, transactional: bool = False) -> tuple[int, int]:
    found = written(KEY, before=before, after=after, indexes=[LISTING], transactional=transactional)
    return found.table_units, found.index_units


@pytest.mark.parametrize(
    ("row", "size"),
    [
        ({"name": {"S": "mug"}}, 7),
        ({"name": {"S": "Krüge"}}, 10),
        ({"n": {"N": "1234567"}}, 6),
        ({"flag": {"BOOL": True}}, 5),
        ({"none": {"NULL": True}}, 5),
        ({"list": {"L": [{"S": "a"}, {"S": "b"}]}}, 11),
        ({"map": {"M": {"k": {"S": "v"}}}}, 9),
    ],
)
def test_a_row_is_as_large_as_its_names_and_values(row: Row, size: int) -> None:
    assert row_size(row) == size


def test_each_kilobyte_begun_is_a_write_unit_and_two_in_a_transaction() -> None:
    assert _units(None, _row(1024)) == (1, 0)
    assert _units(None, _row(1025)) == (2, 0)
    assert _units(None, _row(1025), transactional=True) == (4, 0)


def test_the_larger_image_counts() -> None:
    assert _units(_row(3000), _row(100)) == (3, 0)


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, _listed(), 1),
        (_listed("pending"), _listed("paid"), 1),
        (_listed(), _listed(), 0),
        (_listed(), _listed() | {"x": {"S": "not in the index"}}, 0),
        (_listed(at="1"), _listed(at="2"), 2),
        (_listed(), _row(), 1),
        (None, _row(), 0),
    ],
    ids=["new", "changed", "same", "changed elsewhere", "moved", "taken out", "never in it"],
)
def test_an_index_is_billed_for_the_change_of_what_it_holds(
    before: Row | None, after: Row, units: int
) -> None:
    assert _units(before, after)[1] == units
    assert _units(before, after, transactional=True)[1] == units


def test_a_query_is_billed_by_the_sum_of_its_rows_and_a_batch_by_each() -> None:
    rows = [_row(1500), _row(1500)]
    batch = {"RequestItems": {"shop": {"Keys": [{}, {}], "ConsistentRead": True}}}
    assert read_units("Query", {"ConsistentRead": True}, {"Items": rows}) == 1
    assert read_units("BatchGetItem", batch, {"Responses": {"shop": rows}}) == 2


def test_what_is_not_there_is_billed_as_well() -> None:
    batch = {"RequestItems": {"shop": {"Keys": [{}, {}], "ConsistentRead": True}}}
    assert read_units("GetItem", {"ConsistentRead": True}, {}) == 1
    assert read_units("BatchGetItem", batch, {"Responses": {}}) == 2


def test_a_read_that_may_be_stale_costs_half() -> None:
    assert read_units("GetItem", {}, {"Item": _row(5000)}) == 1


def test_the_rows_of_a_request_are_found_wherever_it_names_them() -> None:
    row, key = _row(), {"pk": {"S": "STOCK#a"}, "sk": {"S": "STOCK"}}
    assert written_keys({"Item": row}) == [KEY]
    assert written_keys({"Key": key, "UpdateExpression": "SET a = b"}) == [("STOCK#a", "STOCK")]
    assert written_keys({"Key": key}) == []
    assert written_keys({"RequestItems": {"shop": [{"PutRequest": {"Item": row}}]}}) == [KEY]
    assert written_keys({"RequestItems": {"shop": {"Keys": [key]}}}) == []
    transaction = {"TransactItems": [{"Put": {"Item": row}}, {"Update": {"Key": key}}]}
    assert written_keys(transaction) == [KEY, ("STOCK#a", "STOCK")]


def test_an_index_is_read_from_its_definition() -> None:
    described = {
        "IndexName": "listing",
        "KeySchema": [{"AttributeName": "listing"}, {"AttributeName": "listed_at"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status", "amount"]},
    }
    assert Index.of(described) == LISTING
