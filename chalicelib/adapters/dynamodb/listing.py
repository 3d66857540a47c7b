"""The indexes that people page through, newest first. They lag by a moment; nothing is decided by them."""

from __future__ import annotations

from chalicelib.ports import Page

from . import cursors
from .items import Record, from_row
from .table import Table

_KEY = {"pk", "sk", "listed_at"}  # beside the list's own name


def listed(
    table: Table,
    name: str,
    kind: type[Record],
    *,
    limit: int,
    cursor: str | None,
    index: str = "listing",
    only: dict[str, object] | None = None,
) -> Page[Record]:
    """A page of the list of this name in an index, as records of what the index carries of the rows."""
    start = cursors.decode(cursor, partition=index, value=name, names=_KEY)
    rows, last = table.query_page(name, index=index, limit=limit, start=start, only=only, newest_first=True)
    return Page(items=[from_row(row, kind) for row in rows], cursor=cursors.encode(last, partition=index))
