"""Rows as DynamoDB writes them: attribute values of strings, whole numbers, booleans, lists and maps.

boto3 has a serializer of its own, which speaks Decimal; our records have no fractions and want ints.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

Value = dict[str, Any]
Row = dict[str, Value]
Record = TypeVar("Record", bound=Struct)


def to_row(record: Struct, **more: object) -> Row:
    """The record's fields and `more` (keys, kind, what replaces a field); None is left out."""
    fields = cast("dict[str, object]", msgspec.to_builtins(record)) | more
    return {name: to_value(value) for name, value in fields.items() if value is not None}


def key_row(key: tuple[str, str], **fields: object) -> Row:
    """A row that is no record: its key and a few fields."""
    return {name: to_value(value) for name, value in {"pk": key[0], "sk": key[1], **fields}.items()}


def from_row(row: Row, kind: type[Record]) -> Record:
    """The record of a row, which may carry more than this version of the code knows."""
    # Not strict: `expires_at` is a number of seconds, as time to live wants it.
    return msgspec.convert({name: from_value(value) for name, value in row.items()}, kind, strict=False)


def to_value(value: object) -> Value:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list() | tuple():
            return {"L": [to_value(item) for item in value]}
        case dict():
            return {"M": {name: to_value(item) for name, item in value.items()}}
    raise TypeError(f"a row can't hold a {type(value).__name__}")


def from_value(value: Value) -> object:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "L":
            return [from_value(item) for item in content]
        case "M":
            return {name: from_value(item) for name, item in content.items()}
        case "NULL":
            return None
    return content


def sortable(moment: datetime) -> str:
    """A time as text that sorts like the time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
