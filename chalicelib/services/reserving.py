"""Taking an order's pieces from stock, in the transaction that places it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chalicelib.domain.reserving import first_choice, from_what_is_left
from chalicelib.ports import Moved, StockShort, StockStore

Place = Callable[[dict[str, int]], None]


def reserve(
    order_id: str, takes: Mapping[str, int], *, shards: Mapping[str, int], stock: StockStore, place: Place
) -> None:
    """Have the order placed, by a transaction that takes so many pieces from these rows.

    `takes` is what it needs, `shards` in how many rows that is, by SKU. Stock is looked at only if a row is
    short. OutOfStock if there are too few in all, Moved if what was seen is gone.
    """
    try:
        place(first_choice(order_id, takes, shards=shards))
    except StockShort:
        _place_elsewhere(order_id, takes, stock=stock, place=place)


def _place_elsewhere(order_id: str, takes: Mapping[str, int], *, stock: StockStore, place: Place) -> None:
    try:
        place(from_what_is_left(order_id, takes, stock.get_stock_rows(takes)))
    except StockShort:
        raise Moved from None
