"""Cursors: where a page ended, in a form that a client hands back and can't bend to another list."""

from __future__ import annotations

import base64
import binascii

import msgspec

from chalicelib.domain.errors import InvalidCursor

from .items import Row

_KEY_BYTES = 1024


def encode(last: Row | None, *, partition: str) -> str | None:
    """The key behind which the next page starts, without the list's own `partition` attribute."""
    if last is None:
        return None
    names = {name: value["S"] for name, value in last.items() if name != partition}
    return base64.urlsafe_b64encode(msgspec.json.encode(names)).decode().rstrip("=")


def decode(cursor: str | None, *, partition: str, value: str, names: set[str]) -> Row | None:
    """The start key within the list where attribute `partition` is `value`; InvalidCursor if it is none."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=dict[str, str]
        )
    except (binascii.Error, ValueError):
        found = {}
    # Beyond DynamoDB's own limit of a sort key it is no key of ours, and DynamoDB would say so less kindly.
    if found.keys() != names or not all(0 < len(text.encode()) <= _KEY_BYTES for text in found.values()):
        raise InvalidCursor("That cursor is not one of this list's. Begin again without it.")
    return {name: {"S": text} for name, text in found.items()} | {partition: {"S": value}}
