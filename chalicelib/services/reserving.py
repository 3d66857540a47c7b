"""Taking an order's pieces from stock, in the transaction that places it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chalicelib.domain.reserving import first_choice, from_what_is_left
from chalicelib.domain.stock import with_held
from chalicelib.ports import Moved, StockShort, StockStore

Place = Callable[[dict[str, int]], None]


def reserve(
    order_id: str,
    takes: Mapping[str, int],
    *,
    shards: Mapping[str, int],
    held: Mapping[str, int],
    stock: StockStore,
    place: Place,
) -> dict[str, int]:
    """Have the order placed, by a transaction that takes so many pieces from these rows.

    `takes` is what it needs, `shards` in how many rows that is, by SKU; `held` are the rows' pieces that an
    order has which ends in the same transaction. Stock is looked at only if a row is short. Gives the rows
    that it took from; OutOfStock if there are too few in all, Moved if what was seen is gone.
    """
    rows = first_choice(order_id, takes, shards=shards)
    try:
        place(rows)
    except StockShort:
        rows = from_what_is_left(order_id, takes, with_held(stock.get_stock_rows(takes), held))
        _place_there(rows, place=place)
    return rows


def _place_there(rows: dict[str, int], *, place: Place) -> None:
    try:
        place(rows)
    except StockShort:
        raise Moved from None
