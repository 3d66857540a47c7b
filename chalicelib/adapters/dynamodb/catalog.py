"""CATALOG / sku: a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib.domain.catalog import Product
from chalicelib.ports import Page

from . import cursors
from .items import Row, from_row, to_row
from .table import Key, Table

_CATALOG = "CATALOG"


class DynamoCatalog:
    """Keeps chalicelib.ports.CatalogStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_products(self, skus: Iterable[str]) -> dict[str, Product]:
        return products_of(self._table.get_many(product_key(sku) for sku in skus))

    def list_products(self, *, limit: int, cursor: str | None) -> Page[Product]:
        start = cursors.decode(cursor, partition="pk", value=_CATALOG, names={"sk"})
        rows, last = self._table.query_page(_CATALOG, limit=limit, start=start, consistent=True)
        return Page(items=[product_of(row) for row in rows], cursor=cursors.encode(last, partition="pk"))

    def put_products(self, products: Iterable[Product]) -> None:
        self._table.write_many(puts=[_product_row(product) for product in products])

    def delete_products(self, skus: Iterable[str]) -> None:
        self._table.write_many(deletes=[product_key(sku) for sku in skus])


def product_key(sku: str) -> Key:
    return _CATALOG, sku


def _product_row(product: Product) -> Row:
    pk, sk = product_key(product.sku)
    return to_row(product, pk=pk, sk=sk, kind="product")


def product_of(row: Row) -> Product:
    return from_row(row, Product)


def products_of(rows: Mapping[Key, Row]) -> dict[str, Product]:
    """The products among these rows, by SKU."""
    return {sku: product_of(row) for (pk, sku), row in rows.items() if pk == _CATALOG}
