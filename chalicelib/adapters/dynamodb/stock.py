"""STOCK#sku / STOCK: how many are available, and when that is few.  STOCK#sku / ADJUSTMENT#key.

Stock is an item of its own, since each sale writes it; one item takes about 500 transactions a second.
The stream carries watched stock to the relay, which knows it by its `kind`; other stock has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import KeyReused
from chalicelib.domain.events import Event
from chalicelib.domain.stock import Stock
from chalicelib.ports import Moved, StockShort, Unreadable

from .catalog import product_key, product_of
from .events import event_row
from .items import Row, from_row, key_row, sortable
from .table import Key, Table, TransactionRefused

_KEY_LIFETIME = timedelta(days=7)


class DynamoStock:
    """Keeps chalicelib.ports.StockStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_stock(self, skus: Iterable[str]) -> dict[str, int]:
        return {sku: stock.available for sku, stock in self.get_watched_stock(skus).items()}

    def get_watched_stock(self, skus: Iterable[str]) -> dict[str, Stock]:
        return _stocks(self._table.get_many(stock_key(sku) for sku in skus))

    def get_products_and_stock(self, skus: Iterable[str]) -> tuple[dict[str, Product], dict[str, int]]:
        wanted = list(skus)
        stock_keys = {stock_key(sku) for sku in wanted}
        rows = self._table.get_many([*(product_key(sku) for sku in wanted), *stock_keys])
        stocks = _stocks({key: row for key, row in rows.items() if key in stock_keys})
        products = [product_of(row) for key, row in rows.items() if key not in stock_keys]
        return (
            {product.sku: product for product in products},
            {sku: stock.available for sku, stock in stocks.items()},
        )

    def stock_of(self, image: Row) -> Stock:
        """The stock of a stream record's new image; Unreadable if it is none."""
        try:
            return _stock(image)
        except (msgspec.ValidationError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise Unreadable(str(image.get("pk", {}).get("S", ""))) from error

    def set_stock(self, sku: str, available: int, *, low_at: int | UnsetType | None = UNSET) -> None:
        update = "SET available = :available"
        values: dict[str, object] = {"available": available}
        if low_at is None:
            update += " REMOVE low_at, low_since, kind"
        elif low_at is not UNSET:
            update += ", low_at = :low_at, kind = :kind"
            values |= {"low_at": low_at, "kind": "stock"}
        self._table.update(stock_key(sku), update, values=values)

    def adjust_stock(self, sku: str, by: int, *, key: str, now: datetime) -> Stock | None:
        expires_at = int((now + _KEY_LIFETIME).timestamp())
        mark = key_row(_adjustment_key(sku, key), by=by, expires_at=expires_at)
        add = self._table.update_action(
            stock_key(sku),
            "SET available = available + :by",
            condition="available >= :least",
            values={"by": by, "least": max(-by, 0)},
        )
        try:
            self._table.transact([add, self._table.put_action(mark, condition="attribute_not_exists(pk)")])
        except TransactionRefused as refusal:
            self._explain(sku, by, key, marked=refusal.failed(1))
        return self.get_watched_stock([sku]).get(sku)

    def _explain(self, sku: str, by: int, key: str, *, marked: bool) -> None:
        """Raise what stood against an adjustment; nothing, if it was made before or has no stock item."""
        if not marked:
            if self.get_stock([sku]):
                raise StockShort
            return
        mark = self._table.get(_adjustment_key(sku, key))
        if mark is not None and int(mark["by"]["N"]) != by:
            raise KeyReused("That Idempotency-Key has been used for another adjustment. Use a new one.")

    def begin_low(self, stock: Stock, *, event: Event) -> None:
        mark = self._table.update_action(
            stock_key(stock.sku),
            "SET low_since = :since",
            condition="available = :available AND low_at = :low_at AND attribute_not_exists(low_since)",
            values={
                "since": sortable(event.created_at),
                "available": stock.available,
                "low_at": stock.low_at,
            },
        )
        told = self._table.put_action(event_row(event), condition="attribute_not_exists(pk)")
        try:
            self._table.transact([mark, told])
        except TransactionRefused:
            raise Moved from None

    def end_low(self, sku: str, *, since: datetime) -> None:
        unmark = self._table.update_action(
            stock_key(sku),
            "REMOVE low_since",
            condition="low_since = :since",
            values={"since": sortable(since)},
        )
        with suppress(TransactionRefused):  # another episode's mark, or none
            self._table.transact([unmark])


def stock_key(sku: str) -> Key:
    return f"STOCK#{sku}", "STOCK"


def _adjustment_key(sku: str, key: str) -> Key:
    return f"STOCK#{sku}", f"ADJUSTMENT#{key}"


def _stock(row: Row) -> Stock:
    return from_row({**row, "sku": {"S": row["pk"]["S"].removeprefix("STOCK#")}}, Stock)


def _stocks(rows: dict[Key, Row]) -> dict[str, Stock]:
    return {stock.sku: stock for stock in map(_stock, rows.values())}
