"""From which rows of stock an order takes its pieces: by name of row, how many.

`takes` is what the order needs, by SKU.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from .errors import OutOfStock
from .stock import Stock, largest_first, row_name

MOST_ROWS = 80
"""Rows that one order takes from: a transaction has 100 actions, and the order needs some for itself."""


def first_choice(order_id: str, takes: Mapping[str, int], *, shards: Mapping[str, int]) -> dict[str, int]:
    """One row for each SKU, of as many as it has: the order's id chooses, so that orders spread."""
    return {row_name(sku, _draw(order_id, sku, shards[sku])): pieces for sku, pieces in takes.items()}


def from_what_is_left(order_id: str, takes: Mapping[str, int], stocks: Mapping[str, Stock]) -> dict[str, int]:
    """The pieces wherever they are; OutOfStock only if there are too few."""
    found = {sku: _found(order_id, stocks.get(sku), sku, pieces) for sku, pieces in takes.items()}
    short = [sku for sku, taken in found.items() if taken is None]
    if short:
        raise _shortage(short, takes, stocks)
    reserve = {name: count for taken in found.values() if taken for name, count in taken.items()}
    if len(reserve) > MOST_ROWS:
        raise _scattered(takes, stocks)
    return reserve


def _draw(order_id: str, sku: str, rows: int) -> int:
    digest = hashlib.sha256(f"{order_id}/{sku}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % rows


def _found(order_id: str, stock: Stock | None, sku: str, pieces: int) -> dict[str, int] | None:
    if stock is None:
        return None
    enough = [name for name, available in stock.rows.items() if available >= pieces]
    if enough:
        return {enough[_draw(order_id, sku, len(enough))]: pieces}
    return largest_first(stock.rows, pieces)


def _shortage(short: Sequence[str], takes: Mapping[str, int], stocks: Mapping[str, Stock]) -> OutOfStock:
    items = [_item(sku, takes, stocks) for sku in short]
    names = ", ".join(f"{item['sku']} ({item['left']} left)" for item in items)
    return OutOfStock(f"Not enough in stock: {names}. Take fewer, or remove it.", items=items)


def _scattered(takes: Mapping[str, int], stocks: Mapping[str, Stock]) -> OutOfStock:
    """The last pieces of several SKUs in shards, in more rows than a transaction can take from."""
    items = [_item(sku, takes, stocks) for sku in takes if len(stocks[sku].rows) > 1]
    names = ", ".join(str(item["sku"]) for item in items)
    return OutOfStock(f"Too little is left to order so many together: {names}. Take fewer.", items=items)


def _item(sku: str, takes: Mapping[str, int], stocks: Mapping[str, Stock]) -> dict[str, object]:
    left = stocks[sku].available if sku in stocks else 0
    return {"sku": sku, "wanted": takes[sku], "left": max(left, 0)}
