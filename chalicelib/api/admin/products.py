"""The catalogue and its stock."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from chalicelib import wiring
from chalicelib.api.answers import Listing, StockAnswer
from chalicelib.api.routing import IDEMPOTENT, PAGED, Call
from chalicelib.domain import errors
from chalicelib.domain.catalog import CatalogChange, Product, ProductFields, require_sku
from chalicelib.services import catalog, stock

from .guard import admin_routes

routes = admin_routes(__name__)

_CATALOG_BYTES = 5 * 1024 * 1024  # Lambda takes requests of up to 6 MB


class ProductBody(ProductFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a product whose SKU stands in the path."""


class CatalogItem(Product, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product in a pushed catalogue."""


class CatalogPush(Struct, forbid_unknown_fields=True):
    products: Annotated[list[CatalogItem], Meta(min_length=1, max_length=20_000)]


_Pieces = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class StockLevel(Struct, forbid_unknown_fields=True):
    """`low_at` is the number at which `stock.low` is told, null for never; left out, it stays as it was."""

    available: _Pieces
    low_at: _Pieces | UnsetType | None = UNSET


class StockAdjustment(Struct, forbid_unknown_fields=True):
    by: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]


@routes.route("GET", "/admin/products", answer=Listing[Product], parameters=PAGED)
def list_products(call: Call) -> Listing[Product]:
    """The catalogue, by SKU."""
    return Listing.of(wiring.catalog().list_products(limit=call.limit(), cursor=call.query("cursor")))


@routes.route("GET", "/admin/products/{sku}", answer=Product, refusals=[errors.ProductNotFound])
def get_product(_call: Call, sku: str) -> Product:
    """One product."""
    return catalog.read_offer(sku, stock=wiring.stock()).product


@routes.route("PUT", "/admin/products/{sku}", body=ProductBody, answer=Product)
def put_product(_call: Call, body: ProductBody, sku: str) -> Product:
    """Add a product, or replace what is said of it."""
    product = Product(sku=require_sku(sku), **asdict(body))
    return catalog.put_product(product, catalog=wiring.catalog())


@routes.route("DELETE", "/admin/products/{sku}", answer=None, status=204, refusals=[errors.ProductNotFound])
def delete_product(_call: Call, sku: str) -> None:
    """Stop selling a product. Orders that have it keep it; its stock is kept too."""
    catalog.delete_product(sku, catalog=wiring.catalog())


@routes.route("PUT", "/admin/catalog", body=CatalogPush, body_bytes=_CATALOG_BYTES, answer=CatalogChange)
def push_catalog(_call: Call, body: CatalogPush) -> CatalogChange:
    """Make the catalogue exactly this, as the site's build wrote it, and say what that changed."""
    products = [Product(**asdict(item)) for item in body.products]
    return catalog.push_catalog(products, catalog=wiring.catalog())


@routes.route("GET", "/admin/stock/{sku}", answer=StockAnswer, refusals=[errors.StockNotTracked])
def get_stock(_call: Call, sku: str) -> StockAnswer:
    """How many can still be sold."""
    return StockAnswer.of(stock.read_stock(sku, stock=wiring.stock()))


@routes.route(
    "PUT",
    "/admin/stock/{sku}",
    body=StockLevel,
    answer=StockAnswer,
    refusals=[errors.ProductNotFound],
)
def set_stock(_call: Call, body: StockLevel, sku: str) -> StockAnswer:
    """Say how many can be sold from now on. While the shop is open, adjust instead."""
    level = stock.set_stock(
        sku, body.available, low_at=body.low_at, stock=wiring.stock(), catalog=wiring.catalog()
    )
    return StockAnswer.of(level)


@routes.route(
    "POST",
    "/admin/stock/{sku}/adjustments",
    body=StockAdjustment,
    answer=StockAnswer,
    parameters=[IDEMPOTENT],
    refusals=[errors.StockNotTracked, errors.Conflict, errors.KeyReused],
)
def adjust_stock(call: Call, body: StockAdjustment, sku: str) -> StockAnswer:
    """Add some, or take some away with a negative number; safe beside sales."""
    level = stock.adjust_stock(
        sku, body.by, key=call.idempotency_key(), stock=wiring.stock(), now=wiring.now()
    )
    return StockAnswer.of(level)
