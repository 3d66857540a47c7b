"""Taking an order's pieces from stock, in the transaction that places it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chalicelib.domain import reserving as rules
from chalicelib.domain.catalog import Product
from chalicelib.domain.orders import Order
from chalicelib.ports import Moved, StockShort, StockStore


def reserve(
    order: Order,
    products: Mapping[str, Product],
    *,
    stock: StockStore,
    place: Callable[[dict[str, int]], None],
) -> None:
    """Have the order placed, by a transaction that takes so many pieces from these rows.

    Stock is looked at only if a row is short. OutOfStock if there are too few in all, Moved if what was
    seen is gone.
    """
    try:
        place(rules.first_choice(order, products))
    except StockShort:
        _place_elsewhere(order, products, stock=stock, place=place)


def _place_elsewhere(
    order: Order,
    products: Mapping[str, Product],
    *,
    stock: StockStore,
    place: Callable[[dict[str, int]], None],
) -> None:
    stocks = stock.get_stock_rows(rules.counted(order, products))
    try:
        place(rules.from_what_is_left(order, products, stocks))
    except StockShort:
        raise Moved from None
