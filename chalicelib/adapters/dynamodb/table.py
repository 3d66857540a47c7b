"""The one table: reads, conditional writes and transactions, with DynamoDB's refusals in our words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.ports import Moved

from .items import Row, Value, to_value

Action = dict[str, Any]
Key = tuple[str, str]
"""Partition and sort key."""

_READ_AT_ONCE = 100  # BatchGetItem's limit
_WRITE_AT_ONCE = 25  # BatchWriteItem's limit
_BATCH_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds to wait before the refused part of a batch is asked for again; botocore does not repeat it."""

_CONFLICT_PAUSES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Seconds, at most, to wait where another transaction is at the same item; botocore does not repeat that.

An item takes a transaction about every 10 ms; a crowd that does not wait uses its tries up before that.
"""

_IN_THE_WAY = frozenset(
    {
        "TransactionConflict",  # as the reason of a transaction's refusal, and below of another write's
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",  # reasons too: more than an item takes in a second
        "ProvisionedThroughputExceeded",
    }
)


class TransactionRefused(Exception):
    """`reasons` has DynamoDB's code for each action, in their order; "None" for those that were fine."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons

    def failed(self, index: int) -> bool:
        return self.reasons[index] == "ConditionalCheckFailed"

    def any_failed(self, indexes: Iterable[int]) -> bool:
        return any(self.failed(index) for index in indexes)


class Table:
    """`client` is botocore's DynamoDB client; `pause` waits so many seconds between tries."""

    def __init__(self, client: Any, name: str, *, pause: Callable[[float], None] = time.sleep) -> None:  # noqa: ANN401 (botocore makes its clients at run time)
        self._client = client
        self.name = name
        self._pause = pause

    def get(self, key: Key) -> Row | None:
        answer = self._client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        row: Row | None = answer.get("Item")
        return row

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Those rows that exist, by key; one round trip up to a hundred."""
        found: dict[Key, Row] = {}
        for chunk in _chunks(list(keys), _READ_AT_ONCE):
            for row in self._batch_get(chunk):
                found[row["pk"]["S"], row["sk"]["S"]] = row
        return found

    def _batch_get(self, keys: Sequence[Key]) -> Iterator[Row]:
        wanted = {self.name: {"Keys": [_key(key) for key in keys], "ConsistentRead": True}}
        for pause in (*_BATCH_PAUSES, None):
            answer = self._client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self.name, [])
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return
            self._wait(pause)

    def write_many(self, *, puts: Iterable[Row] = (), deletes: Iterable[Key] = ()) -> None:
        """Unconditional writes, each of which may be repeated."""
        requests: list[dict[str, Any]] = [{"PutRequest": {"Item": row}} for row in puts]
        requests += [{"DeleteRequest": {"Key": _key(key)}} for key in deletes]
        for chunk in _chunks(requests, _WRITE_AT_ONCE):
            self._batch_write(chunk)

    def _batch_write(self, requests: Sequence[dict[str, Any]]) -> None:
        wanted: dict[str, Any] = {self.name: list(requests)}
        for pause in (*_BATCH_PAUSES, None):
            wanted = self._client.batch_write_item(RequestItems=wanted).get("UnprocessedItems") or {}
            if not wanted:
                return
            self._wait(pause)

    def _wait(self, pause: float | None) -> None:
        if pause is None:
            raise Unavailable("The table is busy. Try again.")
        self._pause(pause)

    def put(self, row: Row, *, condition: str = "", values: dict[str, object] | None = None) -> None:
        """Write the row; Moved if the condition does not hold."""
        self._write(self._client.put_item, self._action(condition, values) | {"Item": row})

    def delete(self, key: Key) -> bool:
        """Whether there was such a row. Moved if transactions keep being in the way."""
        request = {"TableName": self.name, "Key": _key(key), "ReturnValues": "ALL_OLD"}
        answer = self._write(self._client.delete_item, request)
        return "Attributes" in answer

    def query(self, partition: str, *, begins_with: str = "") -> list[Row]:
        """All rows of a partition (whose sort key begins so), in order; for partitions that stay small."""
        rows: list[Row] = []
        start: Row | None = None
        while True:
            page, start = self.query_page(
                partition, begins_with=begins_with, limit=None, start=start, consistent=True
            )
            rows += page
            if start is None:
                return rows

    def query_page(
        self,
        partition: str,
        *,
        limit: int | None,
        start: Row | None,
        index: str | None = None,
        begins_with: str = "",
        between: tuple[str, str, str] | None = None,
        only: dict[str, object] | None = None,
        newest_first: bool = False,
        consistent: bool = False,
    ) -> tuple[list[Row], Row | None]:
        """One page, and the key behind which the next one starts.

        `between` is the sort key's name and its bounds, both included. `only` keeps of the page what has
        these values, so that less than `limit` may be left.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "#partition = :partition",
            "ExpressionAttributeNames": {"#partition": index or "pk"},
            "ExpressionAttributeValues": {":partition": {"S": partition}},
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        if begins_with:
            request["KeyConditionExpression"] += " AND begins_with(sk, :prefix)"
            request["ExpressionAttributeValues"][":prefix"] = {"S": begins_with}
        if between:
            name, low, high = between
            request["KeyConditionExpression"] += f" AND {name} BETWEEN :low AND :high"
            request["ExpressionAttributeValues"] |= {":low": {"S": low}, ":high": {"S": high}}
        if only:
            request["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in only)
            request["ExpressionAttributeNames"] |= {f"#{name}": name for name in only}
            request["ExpressionAttributeValues"] |= {
                f":{name}": to_value(value) for name, value in only.items()
            }
        if index:
            request["IndexName"] = index
        if limit:
            request["Limit"] = limit
        if start:
            request["ExclusiveStartKey"] = start
        answer = self._client.query(**request)
        return answer["Items"], answer.get("LastEvaluatedKey")

    def transact(self, actions: Sequence[Action]) -> None:
        """All of the actions or none.

        Raises TransactionRefused where a condition failed, Moved where other transactions keep being in the
        way: as long as one is, what the conditions say is not the last word.
        """
        try:
            self._unless_in_the_way(self._client.transact_write_items, {"TransactItems": list(actions)})
        except ClientError as error:
            reasons = _reasons(error)
            if "ConditionalCheckFailed" in reasons:
                raise TransactionRefused(reasons) from None
            raise

    def put_action(self, row: Row, *, condition: str = "", values: dict[str, object] | None = None) -> Action:
        return {"Put": self._action(condition, values) | {"Item": row}}

    def update_action(
        self, key: Key, update: str, *, condition: str = "", values: dict[str, object]
    ) -> Action:
        action = self._action(condition, values) | {"Key": _key(key), "UpdateExpression": update}
        return {"Update": action}

    def delete_action(self, key: Key) -> Action:
        return {"Delete": self._action("", None) | {"Key": _key(key)}}

    def check_action(self, key: Key, *, condition: str, values: dict[str, object]) -> Action:
        """Nothing but a condition."""
        return {"ConditionCheck": self._action(condition, values) | {"Key": _key(key)}}

    def update(self, key: Key, update: str, *, condition: str = "", values: dict[str, object]) -> Row:
        """Change the row in place, and give it as it is then; Moved if the condition does not hold."""
        action = self._action(condition, values) | {"Key": _key(key), "UpdateExpression": update}
        answer = self._write(self._client.update_item, action | {"ReturnValues": "ALL_NEW"})
        row: Row = answer["Attributes"]
        return row

    def _action(self, condition: str, values: dict[str, object] | None) -> dict[str, Any]:
        action: dict[str, Any] = {"TableName": self.name}
        if condition:
            action["ConditionExpression"] = condition
        if values:
            action["ExpressionAttributeValues"] = {
                f":{name}": to_value(value) for name, value in values.items()
            }
        return action

    def _write(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:  # noqa: ANN401 (botocore's answers)
        try:
            return self._unless_in_the_way(call, request)
        except ClientError as error:
            if _code(error) == "ConditionalCheckFailedException":
                raise Moved from None
            raise

    def _unless_in_the_way(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:  # noqa: ANN401 (as above)
        """Call, again and again while another transaction is in the way; Moved if there is no end to it."""
        for pause in (*_CONFLICT_PAUSES, None):
            try:
                return call(**request)
            except ClientError as error:
                if not _is_in_the_way(error):
                    raise
            if pause is not None:
                self._pause(random.uniform(0, pause))  # noqa: S311 (it keeps no secret)
        raise Moved


def _key(key: Key) -> dict[str, Value]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


def _reasons(error: ClientError) -> list[str]:
    """Why each action of a transaction was refused."""
    return [reason["Code"] for reason in error.response.get("CancellationReasons", [])]


def _is_in_the_way(error: ClientError) -> bool:
    return _code(error) in _IN_THE_WAY or not _IN_THE_WAY.isdisjoint(_reasons(error))


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
