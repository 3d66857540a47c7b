"""The catalogue, stock and orders, as pages of text that services/imports.py takes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.records import EARLIEST, RECORDS, OrderRecord, StockRecord, Subject
from chalicelib.domain.transfers import Form, write
from chalicelib.ports import CatalogStore, OrderStore, Page, StockStore

MOST_BYTES = 4_500_000
"""Of a page, as JSON: Lambda answers with 6 MB at most, in which all that is not ASCII may take more room."""

_RECORDS_AT_ONCE = (100, 25, 5, 1)
"""What is tried until a page is not too large."""


class TextPage(Struct, frozen=True):
    """A page of text and, if there may be more, the cursor that continues behind it."""

    text: str
    cursor: str | None


def export_page(
    subject: Subject,
    form: Form,
    *,
    cursor: str | None,
    catalog: CatalogStore,
    stock: StockStore,
    orders: OrderStore,
    now: datetime,
) -> TextPage:
    """A page of all that there is: products and stock by SKU, orders from the newest to the oldest."""

    def look(limit: int) -> Page[Any]:
        match subject:
            case "products":
                return catalog.list_products(limit=limit, cursor=cursor)
            case "stock":
                return _stock_page(limit, cursor, catalog=catalog, stock=stock)
            case "orders":
                return _orders_page(limit, cursor, orders=orders, now=now)

    for limit in _RECORDS_AT_ONCE:
        page = look(limit)
        text = write(page.items, RECORDS[subject], form)
        if len(msgspec.json.encode(text)) <= MOST_BYTES:
            break
    return TextPage(text, page.cursor)


def _stock_page(
    limit: int, cursor: str | None, *, catalog: CatalogStore, stock: StockStore
) -> Page[StockRecord]:
    """Of the products in the catalogue, those that have a stock item."""
    page = catalog.list_products(limit=limit, cursor=cursor)
    found = stock.get_stock_rows(product.sku for product in page.items)
    stocks = [found[product.sku] for product in page.items if product.sku in found]
    records = [StockRecord(sku=there.sku, available=there.available, low_at=there.low_at) for there in stocks]
    return Page(records, page.cursor)


def _orders_page(limit: int, cursor: str | None, *, orders: OrderStore, now: datetime) -> Page[OrderRecord]:
    """Of the newest month that has any more. A cursor is a month and, behind a point, a place in its list."""
    begin, _, place = (cursor or "").partition(".")
    months = list(_months_back(now))
    if cursor is not None and begin not in months:
        raise InvalidCursor("That cursor is not one of this list's. Begin again without it.")
    left = months[months.index(begin) :] if begin else months
    for month, before in zip(left, [*left[1:], None], strict=True):
        page = orders.list_orders(month, limit=limit, cursor=place or None)
        if page.items:
            older = f"{before}." if before else None
            return Page(
                [_record(summary.id, orders=orders) for summary in page.items],
                f"{month}.{page.cursor}" if page.cursor else older,
            )
        place = ""
    return Page([], None)


def _record(order_id: str, *, orders: OrderStore) -> OrderRecord:
    story = orders.get_order(order_id)
    assert story is not None  # noqa: S101 (nothing deletes an order)
    return OrderRecord.of(story.order, story.ledger, story.refunds, story.fulfilments)


def _months_back(now: datetime) -> Iterator[str]:
    year, month = now.astimezone(UTC).year, now.astimezone(UTC).month
    while (year, month) >= (EARLIEST.year, EARLIEST.month):
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
