"""Counting what is left, and telling when it is little. Reserving happens in checkout's own transaction."""

from __future__ import annotations

import logging
from datetime import datetime

from msgspec import UNSET, UnsetType

from chalicelib.domain.catalog import is_sku
from chalicelib.domain.errors import Conflict, ProductNotFound, StockNotTracked
from chalicelib.domain.stock import Glimpse, Stock, tell_low
from chalicelib.ports import CatalogStore, StockShort, StockStore

from .contention import until_settled

log = logging.getLogger(__name__)


def read_stock(sku: str, *, stock: StockStore) -> Stock:
    found = stock.get_stock_rows([sku]) if is_sku(sku) else {}
    if sku not in found:
        raise StockNotTracked(sku[:64])
    return found[sku]


def set_stock(
    sku: str,
    available: int,
    *,
    low_at: int | UnsetType | None = UNSET,
    stock: StockStore,
    catalog: CatalogStore,
) -> Stock:
    """Say how many can be sold from now on, whatever was counted before, and at which number that is low.

    `low_at` is None if that shall never be told; UNSET leaves it as it was.

    Beside running sales use `adjust_stock`: a sale between looking and setting would be forgotten.
    """
    product = catalog.get_products([sku]).get(sku) if is_sku(sku) else None
    if product is None:
        raise ProductNotFound(sku[:64])
    until_settled(lambda: stock.set_stock(sku, available, shards=product.stock_shards, low_at=low_at))
    return read_stock(sku, stock=stock)


def adjust_stock(sku: str, by: int, *, key: str, stock: StockStore, now: datetime) -> Stock:
    """Add (or take) some, safe beside sales; the same `key` again changes nothing more."""
    if not is_sku(sku):
        raise StockNotTracked(sku[:64])
    try:
        adjusted = until_settled(lambda: stock.adjust_stock(sku, by, key=key, now=now))
    except StockShort:
        raise Conflict(f"There are fewer than {-by} of {sku!r} left.", sku=sku) from None
    if adjusted is None:
        raise StockNotTracked(sku)
    return adjusted


def watch(seen: Glimpse, *, stock: StockStore, catalog: CatalogStore, now: datetime) -> None:
    """What follows from watched stock as it was seen at some time: `stock.low` once, whenever it becomes low.

    It may be seen late, again and in any order.
    """
    since = seen.low_since
    if seen.alone and since is not None and not seen.is_low:
        # However long ago that was, that episode is over.
        until_settled(lambda: stock.end_low(seen.sku, since=since))
    elif not seen.alone or (since is None and seen.is_low):
        until_settled(lambda: _look(seen.sku, stock=stock, catalog=catalog, now=now))


def _look(sku: str, *, stock: StockStore, catalog: CatalogStore, now: datetime) -> None:
    found = stock.get_stock_rows([sku]).get(sku)
    if found is None or found.is_low == (found.low_since is not None):
        return
    if found.low_since is not None:
        stock.end_low(sku, since=found.low_since)
        return
    product = catalog.get_products([sku]).get(sku)
    event = tell_low(found, name=product.name if product else "", now=now)
    stock.begin_low(found, event=event)
    log.info("stock is low", extra={"event_id": event.id})
