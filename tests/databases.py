"""DynamoDB's stand-ins for many callers at once, with conflicts as DynamoDB has them.

Both stand-ins run one transaction after the other, so that none is ever in another's way. In AWS one is: of
transactions (and writes) on one item at the same time the first goes through, and the others are refused.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from msgspec import Struct

from local.aws import REGION, ROOT_KEY

Item = tuple[str, str]
_TRANSACTION = "TransactWriteItems"
CALLERS = 128


class Conflicts:
    """Refuses what DynamoDB would: whatever writes an item that is in somebody's transaction just now."""

    def __init__(self, client: BaseClient) -> None:
        self._lock = Lock()
        self._transacting: Counter[Item] = Counter()
        self._writing: Counter[Item] = Counter()
        events = client.meta.events
        for operation in (_TRANSACTION, "PutItem", "UpdateItem", "DeleteItem"):
            events.register(f"provide-client-params.dynamodb.{operation}", self._begin)
        events.register("after-call.dynamodb", self._end)
        events.register("after-call-error.dynamodb", self._end)

    def _begin(self, *, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401 (botocore has no types)
        actions = [action for item in params.get("TransactItems", ()) for action in item.values()]
        items = [_item(action) for action in actions or [params]]
        is_transaction = model.name == _TRANSACTION
        with self._lock:
            stuck = [self._is_taken(item, by_transaction=is_transaction) for item in items]
            if any(stuck):
                raise _refusal(stuck) if is_transaction else _conflict(model.name)
            held = self._transacting if is_transaction else self._writing
            held.update(items)
            context["held"] = held, items

    def _is_taken(self, item: Item, *, by_transaction: bool) -> bool:
        return bool(self._transacting[item] or (by_transaction and self._writing[item]))

    def _end(self, *, context: dict[str, Any], **_: object) -> None:
        if "held" in context:
            held, items = context.pop("held")
            with self._lock:
                held.subtract(items)


class Database(Struct, frozen=True):
    """botocore's client of a stand-in, with conflicts."""

    client: Any
    conflicts: Conflicts


def database_at(endpoint: str) -> Database:
    """For many threads at once; nothing is repeated by itself."""
    client = boto3.Session().client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key="test",
        config=Config(max_pool_connections=CALLERS, retries={"total_max_attempts": 1}),
    )
    return Database(client, Conflicts(client))


def _item(action: Mapping[str, Any]) -> Item:
    key = action.get("Item") or action["Key"]
    return key["pk"]["S"], key["sk"]["S"]


def _refusal(stuck: Sequence[bool]) -> ClientError:
    reasons = [{"Code": "TransactionConflict" if one else "None"} for one in stuck]
    error = {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}
    return ClientError({"Error": error, "CancellationReasons": reasons}, _TRANSACTION)


def _conflict(operation: str) -> ClientError:
    error = {"Code": "TransactionConflictException", "Message": "Transaction is ongoing for the item"}
    return ClientError({"Error": error}, operation)
