"""From which rows of stock an order takes its pieces: by name of row, how many."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from .catalog import Product
from .errors import OutOfStock
from .orders import Order
from .stock import Stock, largest_first, row_name

MOST_ROWS = 80
"""Rows that one order takes from: a transaction has 100 actions, and the order needs some for itself."""


def first_choice(order: Order, products: Mapping[str, Product]) -> dict[str, int]:
    """One row for each SKU that is counted, chosen by the order's id so that orders spread over the rows."""
    wanted = counted(order, products)
    return {
        row_name(sku, _draw(order.id, sku, products[sku].stock_shards)): pieces
        for sku, pieces in wanted.items()
    }


def from_what_is_left(
    order: Order, products: Mapping[str, Product], stocks: Mapping[str, Stock]
) -> dict[str, int]:
    """The pieces wherever they are; OutOfStock only if there are too few."""
    wanted = counted(order, products)
    rows = {sku: stocks[sku].rows if sku in stocks else {} for sku in wanted}
    taken = {sku: _found(order.id, sku, pieces, rows[sku]) for sku, pieces in wanted.items()}
    short = [sku for sku, found in taken.items() if found is None]
    if short:
        raise _shortage(wanted, rows, short)
    reserve = {name: count for found in taken.values() if found for name, count in found.items()}
    if len(reserve) > MOST_ROWS:
        raise _scattered(wanted, rows)
    return reserve


def counted(order: Order, products: Mapping[str, Product]) -> dict[str, int]:
    """How many of each SKU whose stock is tracked."""
    return {line.sku: line.quantity for line in order.lines if products[line.sku].is_tracked}


def _draw(order_id: str, sku: str, shards: int) -> int:
    digest = hashlib.sha256(f"{order_id}/{sku}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


def _found(order_id: str, sku: str, pieces: int, rows: Mapping[str, int]) -> dict[str, int] | None:
    enough = [name for name, available in rows.items() if available >= pieces]
    if enough:
        return {enough[_draw(order_id, sku, len(enough))]: pieces}
    return largest_first(rows, pieces)


def _shortage(
    wanted: Mapping[str, int], rows: Mapping[str, Mapping[str, int]], short: list[str]
) -> OutOfStock:
    items = [_item(sku, wanted, rows) for sku in short]
    names = ", ".join(f"{item['sku']} ({item['left']} left)" for item in items)
    return OutOfStock(f"Not enough in stock: {names}. Take fewer, or remove it.", items=items)


def _scattered(wanted: Mapping[str, int], rows: Mapping[str, Mapping[str, int]]) -> OutOfStock:
    """The last pieces of several sharded SKUs in one cart, in more rows than a transaction can take from."""
    items = [_item(sku, wanted, rows) for sku in wanted if len(rows[sku]) > 1]
    names = ", ".join(str(item["sku"]) for item in items)
    return OutOfStock(f"Too little is left to order so many together: {names}. Take fewer.", items=items)


def _item(sku: str, wanted: Mapping[str, int], rows: Mapping[str, Mapping[str, int]]) -> dict[str, object]:
    return {"sku": sku, "wanted": wanted[sku], "left": max(sum(rows[sku].values()), 0)}
