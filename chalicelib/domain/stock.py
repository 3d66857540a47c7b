"""How many pieces can be sold, in which rows they are, and when it is told that few are left.

The stock of a SKU is one row, or several (shards) if it is so hot that one would not take all its sales.
Row 0 has the SKU for a name, the others `sku#1`, `sku#2`…
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from .event_types import LowStock, StockData
from .events import Event, announce


class Stock(Struct, frozen=True, kw_only=True):
    """What is left of a SKU, by row. It is watched if it has `low_at`, the number at which that is told.

    An episode of being low is told once: `low_since` is when it was, until there are more again.
    """

    sku: str
    rows: dict[str, int]
    low_at: int | None = None
    low_since: datetime | None = None

    @property
    def available(self) -> int:
        return sum(self.rows.values())

    @property
    def is_low(self) -> bool:
        return self.low_at is not None and self.available <= self.low_at


class Glimpse(Struct, frozen=True, kw_only=True):
    """One row of watched stock as it was at some time; `alone` if it was all there was."""

    sku: str
    alone: bool
    available: int
    low_at: int | None = None
    low_since: datetime | None = None

    @property
    def is_low(self) -> bool:
        return self.low_at is not None and self.available <= self.low_at


def row_name(sku: str, shard: int) -> str:
    # A SKU has no # of its own.
    return f"{sku}#{shard}" if shard else sku


def sku_of(name: str) -> str:
    return name.partition("#")[0]


def with_held(stocks: Mapping[str, Stock], held: Mapping[str, int]) -> dict[str, Stock]:
    """The stocks as they would be if these pieces came back to their rows."""
    return {
        sku: replace(stock, rows={name: left + held.get(name, 0) for name, left in stock.rows.items()})
        for sku, stock in stocks.items()
    }


def shared_out(sku: str, available: int, *, shards: int, rows: int) -> dict[str, int]:
    """So many pieces evenly in the first `shards` rows, none in those behind them."""
    each, more = divmod(available, shards)
    return {
        row_name(sku, shard): each + (shard < more) if shard < shards else 0
        for shard in range(max(shards, rows))
    }


def adjustment(rows: Mapping[str, int], by: int) -> dict[str, int] | None:
    """What to add to which rows so that there are `by` more (or fewer) in all; None if there are too few.

    More go where least is, fewer come from where most is; few rows change if that is enough.
    """
    return _added(rows, by) if by >= 0 else _taken(rows, -by)


def _added(rows: Mapping[str, int], by: int) -> dict[str, int]:
    """The lowest rows, filled up to one level."""
    names = sorted(rows, key=rows.__getitem__)
    filled, total = 0, by
    while filled < len(names) and total >= filled * rows[names[filled]]:
        total += rows[names[filled]]
        filled += 1
    level, more = divmod(total, filled)
    deltas = {name: level + (place < more) - rows[name] for place, name in enumerate(names[:filled])}
    return {name: delta for name, delta in deltas.items() if delta}


def _taken(rows: Mapping[str, int], pieces: int) -> dict[str, int] | None:
    taken = largest_first(rows, pieces)
    return None if taken is None else {name: -count for name, count in taken.items()}


def largest_first(rows: Mapping[str, int], pieces: int) -> dict[str, int] | None:
    """How many to take from which rows, from as few as possible; None if there are too few in all."""
    taken: dict[str, int] = {}
    for name in sorted(rows, key=rows.__getitem__, reverse=True):
        if pieces <= 0:
            break
        if rows[name] > 0:
            taken[name] = min(rows[name], pieces)
            pieces -= taken[name]
    return None if pieces > 0 else taken


def tell_low(stock: Stock, *, name: str, now: datetime) -> Event:
    """`stock.low`, for each episode that begins; `name` is the product's, if it has one."""
    low = LowStock(sku=stock.sku, name=name, available=stock.available, low_at=stock.low_at or 0)
    return announce(
        "stock.low",
        order_id="",
        about=f"{stock.sku}#{now.isoformat()}",
        data=StockData(low),
        now=now,
    )
