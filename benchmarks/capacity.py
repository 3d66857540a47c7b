"""What DynamoDB bills, by its published rules.

The stand-ins' own figures are not to be trusted with it: DynamoDB Local adds up a transaction's rows before
it rounds (since 3.0; https://github.com/awslabs/amazon-dynamodb-local-samples/issues/31) and the embedded
AWS reads batches for nothing. So the rows themselves are looked at, before a write and after it.

Reads: 1 unit per 4 KB begun, half of that if not consistent; each item of a batch by itself, found or not;
a query by the sum of its rows. Writes: 1 unit per 1 KB begun of the larger image, twice that in a
transaction; and what the write changes in each index, once.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
That an index is not billed twice in a transaction was measured by others:
https://github.com/nubo-db/dynoxide/pull/188
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

Row = Mapping[str, Any]
Key = tuple[str, str]

READ_BLOCK, WRITE_BLOCK = 4096, 1024
KEYS = ("pk", "sk")


class Index(Struct, frozen=True, kw_only=True):
    """`keys` are the index's own; `projected` what it carries beside them and the table's."""

    name: str
    keys: frozenset[str]
    projected: frozenset[str]

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Index":
        """An index as `create_table` takes it and `describe_table` tells it; never one that carries all."""
        return cls(
            name=described["IndexName"],
            keys=frozenset(key["AttributeName"] for key in described["KeySchema"]),
            projected=frozenset(described["Projection"].get("NonKeyAttributes", ())),
        )

    def entry(self, row: Row | None) -> dict[str, Any] | None:
        """What the index holds of the row; None if it is not in it."""
        if row is None or not self.keys <= row.keys():
            return None
        return {name: row[name] for name in row if name in self.keys | self.projected or name in KEYS}

    def units(self, before: Row | None, after: Row | None) -> int:
        """For the change of what the index holds: a moved entry is taken out and put in."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old is None or new is None:
            return _write_blocks(old or new)
        if any(old[name] != new[name] for name in self.keys):
            return _write_blocks(old) + _write_blocks(new)
        return max(_write_blocks(old), _write_blocks(new))


class Written(Struct, frozen=True, kw_only=True):
    """One row that a request wrote. `name` tells its kind, `size` its bytes."""

    name: str
    size: int
    table_units: int
    index_units: int


def written(
    key: Key, *, before: Row | None, after: Row | None, indexes: Iterable[Index], transactional: bool
) -> Written:
    blocks = max(_write_blocks(before), _write_blocks(after))
    return Written(
        name=_kind(key),
        size=row_size(after or {}),
        table_units=blocks * (2 if transactional else 1),
        index_units=sum(index.units(before, after) for index in indexes),
    )


def written_keys(parameters: Mapping[str, Any]) -> list[Key]:
    """The keys of all rows that a request may write."""
    rows = [
        request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
        for requests in parameters.get("RequestItems", {}).values()
        if isinstance(requests, list)
        for request in requests
    ]
    transacted = [action for item in parameters.get("TransactItems", ()) for action in item.values()]
    rows += [action.get("Item") or action["Key"] for action in transacted]
    if "Item" in parameters or "UpdateExpression" in parameters:
        rows.append(parameters.get("Item") or parameters["Key"])
    return [key_of(row) for row in rows]


def read_units(operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Of a GetItem, BatchGetItem or Query; 0 for whatever else."""
    match operation:
        case "GetItem":
            return _read_blocks(row_size(answer.get("Item", {})), parameters)
        case "BatchGetItem":
            return sum(
                _batch_units(asked, answer["Responses"].get(table, ()))
                for table, asked in parameters["RequestItems"].items()
            )
        case "Query":
            return _read_blocks(sum(map(row_size, answer["Items"])), parameters)
    return 0.0


def _batch_units(asked: Mapping[str, Any], found: Sequence[Row]) -> float:
    missing = len(asked["Keys"]) - len(found)
    return sum(_read_blocks(size, asked) for size in [*map(row_size, found), *[0] * missing])


def _read_blocks(size: int, asked: Mapping[str, Any]) -> float:
    return max(1, -(-size // READ_BLOCK)) * (1.0 if asked.get("ConsistentRead") else 0.5)


def _write_blocks(row: Row | None) -> int:
    return max(1, -(-row_size(row or {}) // WRITE_BLOCK))


def key_of(row: Row) -> Key:
    return row["pk"]["S"], row["sk"]["S"]


def _kind(key: Key) -> str:
    """What the row is called in the adapters, without its ids: ORDER, LEDGER, PAYMENT POINTER."""
    pk, sk = (part.partition("#")[0] for part in key)
    return sk if pk in {sk, "ORDER", "EVENT"} else f"{pk} {sk}"


def row_size(row: Row) -> int:
    """Bytes by which DynamoDB measures a row: its names and values, in UTF-8.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in row.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.strip("-0.")) + 1) // 2 + 1
        case "L":
            return 3 + sum(1 + _value_size(item) for item in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(item) for name, item in content.items())
    return 1
