"""CATALOG / sku: a product.  STOCK#sku / STOCK: how many are available.  STOCK#sku / ADJUSTMENT#key.

Stock is an item of its own, since each sale writes it; one item takes about 500 transactions a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import KeyReused
from chalicelib.ports import Page, StockShort

from . import cursors
from .items import Row, from_row, key_row, to_row
from .table import Key, Table, TransactionRefused

_CATALOG = "CATALOG"
_KEY_LIFETIME = timedelta(days=7)


class DynamoCatalog:
    """Keeps chalicelib.ports.CatalogStore and StockStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_products(self, skus: Iterable[str]) -> dict[str, Product]:
        return products_of(self._table.get_many(product_key(sku) for sku in skus))

    def list_products(self, *, limit: int, cursor: str | None) -> Page[Product]:
        start = cursors.decode(cursor, partition="pk", value=_CATALOG, names={"sk"})
        rows, last = self._table.query_page(_CATALOG, limit=limit, start=start, consistent=True)
        return Page(
            items=[from_row(row, Product) for row in rows], cursor=cursors.encode(last, partition="pk")
        )

    def put_products(self, products: Iterable[Product]) -> None:
        self._table.write_many(puts=[_product_row(product) for product in products])

    def delete_products(self, skus: Iterable[str]) -> None:
        self._table.write_many(deletes=[product_key(sku) for sku in skus])

    def get_stock(self, skus: Iterable[str]) -> dict[str, int]:
        return _stock(self._table.get_many(stock_key(sku) for sku in skus))

    def get_products_and_stock(self, skus: Iterable[str]) -> tuple[dict[str, Product], dict[str, int]]:
        wanted = list(skus)
        rows = self._table.get_many(
            [*(product_key(sku) for sku in wanted), *(stock_key(sku) for sku in wanted)]
        )
        return products_of(rows), _stock({key: row for key, row in rows.items() if key[0] != _CATALOG})

    def set_stock(self, sku: str, available: int) -> None:
        self._table.put(key_row(stock_key(sku), available=available))

    def adjust_stock(self, sku: str, by: int, *, key: str, now: datetime) -> int | None:
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
        return self.get_stock([sku]).get(sku)

    def _explain(self, sku: str, by: int, key: str, *, marked: bool) -> None:
        """Raise what stood against an adjustment; nothing, if it was made before or has no stock item."""
        if not marked:
            if self.get_stock([sku]):
                raise StockShort
            return
        mark = self._table.get(_adjustment_key(sku, key))
        if mark is not None and int(mark["by"]["N"]) != by:
            raise KeyReused("That Idempotency-Key has been used for another adjustment. Use a new one.")


def product_key(sku: str) -> Key:
    return _CATALOG, sku


def stock_key(sku: str) -> Key:
    return f"STOCK#{sku}", "STOCK"


def _adjustment_key(sku: str, key: str) -> Key:
    return f"STOCK#{sku}", f"ADJUSTMENT#{key}"


def _product_row(product: Product) -> Row:
    pk, sk = product_key(product.sku)
    return to_row(product, pk=pk, sk=sk, kind="product")


def products_of(rows: Mapping[Key, Row]) -> dict[str, Product]:
    """The products among these rows, by SKU."""
    return {sku: from_row(row, Product) for (pk, sku), row in rows.items() if pk == _CATALOG}


def _stock(rows: dict[Key, Row]) -> dict[str, int]:
    return {pk.removeprefix("STOCK#"): int(row["available"]["N"]) for (pk, _), row in rows.items()}
