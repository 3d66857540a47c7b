"""How many pieces can be sold, and when it is told that few are left."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from .event_types import LowStock, StockData
from .events import Event, announce


class Stock(Struct, frozen=True, kw_only=True):
    """What is left of a SKU. It is watched if it has `low_at`, the number at which that is told.

    An episode of being low is told once: `low_since` is when it was, until there are more again.
    """

    sku: str
    available: int
    low_at: int | None = None
    low_since: datetime | None = None

    @property
    def is_low(self) -> bool:
        return self.low_at is not None and self.available <= self.low_at


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
