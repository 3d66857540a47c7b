"""DynamoDB's stand-ins for many callers at once, with conflicts as DynamoDB has them.

Both stand-ins run one transaction after the other, so that none is ever in another's way. In AWS one is: of
transactions (and writes) on one item at the same time the first goes through, and the others are refused.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from msgspec import Struct

from local.aws import REGION, ROOT_KEY

Item = tuple[str, str]
CALLERS = 128


class Conflicts:
    """Refuses what DynamoDB would: whatever writes an item that is in somebody's transaction just now."""

    def __init__(self, client: BaseClient) -> None:
        self.refused = 0
        self._lock = Lock()
        self._transacting: Counter[Item] = Counter()
        self._writing: Counter[Item] = Counter()
        events = client.meta.events
        events.register("provide-client-params.dynamodb.TransactWriteItems", self._note)
        for operation in ("PutItem", "UpdateItem", "DeleteItem"):
            events.register(f"provide-client-params.dynamodb.{operation}", self._note)
        events.register("before-call.dynamodb", self._begin)
        events.register("after-call.dynamodb", self._end)
        events.register("after-call-error.dynamodb", self._end)

    def _note(self, *, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        """The items of a request, while they can still be read in it."""
        actions = [action for item in params.get("TransactItems", ()) for action in item.values()]
        context["items"] = [_item(action) for action in actions or [params]]

    def _begin(self, *, model: Any, context: dict[str, Any], **_: object) -> object:  # noqa: ANN401 (botocore has no types)
        items: list[Item] = context.get("items", [])
        is_transaction = model.name == "TransactWriteItems"
        with self._lock:
            stuck = [self._is_taken(item, by_transaction=is_transaction) for item in items]
            if not any(stuck):
                context["held"] = self._transacting if is_transaction else self._writing
                context["held"].update(items)
                return None
            self.refused += 1
        return _refusal(stuck) if is_transaction else _CONFLICT

    def _is_taken(self, item: Item, *, by_transaction: bool) -> bool:
        return bool(self._transacting[item] or (by_transaction and self._writing[item]))

    def _end(self, *, context: dict[str, Any], **_: object) -> None:
        held: Counter[Item] = context.pop("held", Counter())
        with self._lock:
            held.subtract(context.get("items", []))


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


class _Http(Struct, frozen=True):
    """What botocore looks at of an answer that never came by HTTP."""

    status_code: int = 400


_CONFLICT = (
    _Http(),
    {
        "Error": {"Code": "TransactionConflictException", "Message": "Transaction is ongoing for the item"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    },
)


def _refusal(stuck: list[bool]) -> tuple[_Http, dict[str, Any]]:
    reasons = [{"Code": "TransactionConflict" if one else "None"} for one in stuck]
    return _Http(), {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": reasons,
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
