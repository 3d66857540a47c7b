"""Counting what is left. Reserving happens in checkout, in the order's own transaction."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.catalog import is_sku
from chalicelib.domain.errors import Conflict, ProductNotFound, StockNotTracked
from chalicelib.ports import CatalogStore, StockShort, StockStore

from .contention import until_settled


def read_stock(sku: str, *, stock: StockStore) -> int:
    available = stock.get_stock([sku]) if is_sku(sku) else {}
    if sku not in available:
        raise StockNotTracked(sku[:64])
    return available[sku]


def set_stock(sku: str, available: int, *, stock: StockStore, catalog: CatalogStore) -> int:
    """Say how many can be sold from now on, whatever was counted before.

    Beside running sales use `adjust_stock`: a sale between looking and setting would be forgotten.
    """
    if not is_sku(sku) or sku not in catalog.get_products([sku]):
        raise ProductNotFound(sku[:64])
    until_settled(lambda: stock.set_stock(sku, available))
    return available


def adjust_stock(sku: str, by: int, *, key: str, stock: StockStore, now: datetime) -> int:
    """Add (or take) some, safe beside sales; the same `key` again changes nothing more."""
    if not is_sku(sku):
        raise StockNotTracked(sku[:64])
    try:
        available = until_settled(lambda: stock.adjust_stock(sku, by, key=key, now=now))
    except StockShort:
        raise Conflict(f"There are fewer than {-by} of {sku!r} left.", sku=sku) from None
    if available is None:
        raise StockNotTracked(sku)
    return available
