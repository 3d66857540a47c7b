"""The index that people page through, newest first. It lags by a moment, and nothing is decided by it."""

from __future__ import annotations

from chalicelib.ports import Page

from . import cursors
from .items import Record, from_row
from .table import Table

_INDEX = "listing"
_KEY = {"pk", "sk", "listed_at"}  # beside the listing itself


def listed(table: Table, listing: str, kind: type[Record], *, limit: int, cursor: str | None) -> Page[Record]:
    """A page of the rows whose `listing` is this one, as records of what the index carries of them."""
    start = cursors.decode(cursor, partition=_INDEX, value=listing, names=_KEY)
    rows, last = table.query_page(listing, index=_INDEX, limit=limit, start=start, newest_first=True)
    return Page(items=[from_row(row, kind) for row in rows], cursor=cursors.encode(last, partition=_INDEX))
