"""The catalogue: what shoppers browse, and what the owner's site pushes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from chalicelib.domain.catalog import Availability, CatalogChange, Product, availability, compare, is_sku
from chalicelib.domain.errors import InvalidRequest, ProductNotFound
from chalicelib.domain.money import CURRENCIES, smallest_step
from chalicelib.ports import CatalogStore, Page, StockStore

_WHOLE_PAGE = 500


class Offer(Struct, frozen=True, kw_only=True):
    """A product as shoppers see it."""

    product: Product
    availability: Availability


def list_offers(*, limit: int, cursor: str | None, catalog: CatalogStore, stock: StockStore) -> Page[Offer]:
    page = catalog.list_products(limit=limit, cursor=cursor)
    tracked = [product.sku for product in page.items if product.is_tracked]
    available = stock.get_stock(tracked) if tracked else {}
    return Page(items=[_offer(product, available) for product in page.items], cursor=page.cursor)


def read_offer(sku: str, *, stock: StockStore) -> Offer:
    if not is_sku(sku):
        raise ProductNotFound(sku[:64])
    products, available = stock.get_products_and_stock([sku])
    if sku not in products:
        raise ProductNotFound(sku)
    return _offer(products[sku], available)


def _offer(product: Product, available: dict[str, int]) -> Offer:
    return Offer(product=product, availability=availability(product, available.get(product.sku)))


def put_product(product: Product, *, catalog: CatalogStore) -> Product:
    check_price(product)
    catalog.put_products([product])
    return product


def delete_product(sku: str, *, catalog: CatalogStore) -> None:
    """Stop selling it. Its stock stays, in case it comes back."""
    if not is_sku(sku) or sku not in catalog.get_products([sku]):
        raise ProductNotFound(sku[:64])
    catalog.delete_products([sku])


def push_catalog(products: Sequence[Product], *, catalog: CatalogStore) -> CatalogChange:
    """Make the catalogue exactly `products`, and say what that changed. Stock is left alone."""
    wanted = {product.sku: product for product in products}
    if len(wanted) < len(products):
        counts = Counter(product.sku for product in products)
        twice = sorted(sku for sku, count in counts.items() if count > 1)
        raise InvalidRequest("A SKU is in the catalogue more than once.", skus=twice)
    for product in products:
        check_price(product)
    change = compare(current=_whole_catalog(catalog), wanted=wanted)
    catalog.put_products(wanted[sku] for sku in (*change.added, *change.changed))
    catalog.delete_products(change.removed)
    return change


def _whole_catalog(catalog: CatalogStore) -> dict[str, Product]:
    found: dict[str, Product] = {}
    cursor = None
    while True:
        page = catalog.list_products(limit=_WHOLE_PAGE, cursor=cursor)
        found |= {product.sku: product for product in page.items}
        cursor = page.cursor
        if cursor is None:
            return found


def check_price(product: Product) -> None:
    if product.currency not in CURRENCIES:
        raise InvalidRequest(
            f"{product.currency!r} of {product.sku!r} is no currency that can be charged.", sku=product.sku
        )
    step = smallest_step(product.currency)
    if product.amount % step:
        raise InvalidRequest(
            f"The price of {product.sku!r} must be a multiple of {step}: "
            f"no smaller part of {product.currency} can be charged.",
            sku=product.sku,
        )
