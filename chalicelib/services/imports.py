"""Pages of the catalogue, stock and orders, from another shop or a backup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import ImportRefused, InvalidRequest, RequestTooLarge
from chalicelib.domain.orders import placing
from chalicelib.domain.records import OrderRecord, StockRecord, Subject, order_problem
from chalicelib.domain.stock import Stock
from chalicelib.domain.transfers import Form, read
from chalicelib.ports import AlreadyPlaced, CatalogStore, Moved, OrderStore, OrderStory, StockStore

from .catalog import check_price
from .contention import until_settled

Record = TypeVar("Record", bound=Struct)
Numbered = Mapping[int, Record]
"""By the line of the text in which each begins."""

MOST: Mapping[Subject, int] = {"products": 2000, "stock": 1000, "orders": 200}
"""Records of a page, so that it is done within a request's 29 s."""

_LINES_SHOWN = 100


class Imported(Struct, frozen=True, kw_only=True):
    """Of the page's `records`, so many were `written`; the others were there already, just so."""

    records: int
    written: int


def import_page(
    subject: Subject,
    text: str,
    form: Form,
    *,
    catalog: CatalogStore,
    stock: StockStore,
    orders: OrderStore,
    now: datetime,
) -> Imported:
    """Take a page in, whole or not at all; the same page again changes nothing more.

    ImportRefused names the lines that can't be taken. A page that a failure of ours has cut off in the middle
    is to be sent again.
    """
    match subject:
        case "products":
            products = _records(text, Product, form, most=MOST[subject], key=lambda product: product.sku)
            return _import_products(products, catalog=catalog)
        case "stock":
            levels = _records(text, StockRecord, form, most=MOST[subject], key=lambda level: level.sku)
            return _import_stock(levels, catalog=catalog, stock=stock)
        case "orders":
            found = _records(text, OrderRecord, form, most=MOST[subject], key=lambda order: order.id)
            return until_settled(lambda: _import_orders(found, orders=orders, now=now))


def _records(
    text: str, kind: type[Record], form: Form, *, most: int, key: Callable[[Record], str]
) -> Numbered[Record]:
    """What the page says, if every line says something, and each about something else."""
    lines = read(text, kind, form)
    if len(lines) > most:
        raise RequestTooLarge(f"A page takes {most} records at most. Send them in several.", limit=most)
    _refuse({line.number: line.problem for line in lines})
    found = {line.number: line.record for line in lines if line.record is not None}
    _refuse(_repeated(found, key))
    return found


def _repeated(found: Numbered[Record], key: Callable[[Record], str]) -> dict[int, str]:
    first: dict[str, int] = {}
    for number, record in found.items():
        first.setdefault(key(record), number)
    return {
        number: f"{key(record)!r} stands in line {first[key(record)]} already."
        for number, record in found.items()
        if key(record) and first[key(record)] != number
    }


def _refuse(problems: Mapping[int, str]) -> None:
    """Raise what stands against the page's lines, if anything does; '' is nothing."""
    shown = [{"line": number, "reason": problem} for number, problem in problems.items() if problem]
    if shown:
        raise ImportRefused(
            f"{len(shown)} of the records can't be taken, so none was. Correct them and send the page again.",
            lines=shown[:_LINES_SHOWN],
        )


def _import_products(found: Numbered[Product], *, catalog: CatalogStore) -> Imported:
    _refuse({number: _price_problem(product) for number, product in found.items()})
    there = catalog.get_products([product.sku for product in found.values()])
    changed = [product for product in found.values() if there.get(product.sku) != product]
    catalog.put_products(changed)
    return Imported(records=len(found), written=len(changed))


def _price_problem(product: Product) -> str:
    try:
        check_price(product)
    except InvalidRequest as error:
        return str(error)
    return ""


def _import_stock(found: Numbered[StockRecord], *, catalog: CatalogStore, stock: StockStore) -> Imported:
    skus = [level.sku for level in found.values()]
    known, there = catalog.get_products(skus), stock.get_stock_rows(skus)
    _refuse(
        {
            number: f"There is no product {level.sku!r} in the catalogue. Import the products first."
            for number, level in found.items()
            if level.sku not in known
        }
    )
    changed = [level for level in found.values() if level != _level(there.get(level.sku))]
    for level in changed:
        _set(level, shards=known[level.sku].stock_shards, stock=stock)
    return Imported(records=len(found), written=len(changed))


def _level(there: Stock | None) -> StockRecord | None:
    return StockRecord(sku=there.sku, available=there.available, low_at=there.low_at) if there else None


def _set(level: StockRecord, *, shards: int, stock: StockStore) -> None:
    until_settled(lambda: stock.set_stock(level.sku, level.available, shards=shards, low_at=level.low_at))


def _import_orders(found: Numbered[OrderRecord], *, orders: OrderStore, now: datetime) -> Imported:
    _refuse({number: order_problem(record, now=now) for number, record in found.items()})
    _refuse(_repeated(found, lambda record: record.payment.reference))
    found = {number: _as_read(record) for number, record in found.items()}
    there = {number: orders.get_order(record.id) for number, record in found.items()}
    new = {number: _story(record) for number, record in found.items() if there[number] is None}
    _refuse({number: _difference(there[number], record) for number, record in found.items()})
    _refuse({number: _payment_problem(story, orders=orders) for number, story in new.items()})
    for story in new.values():
        try:
            orders.restore_order(story)
        except AlreadyPlaced:
            raise Moved from None  # somebody imports the same: look again
    return Imported(records=len(found), written=len(new))


def _difference(there: OrderStory | None, record: OrderRecord) -> str:
    if there is None or record == OrderRecord.of(there.order, there.ledger, there.refunds, there.fulfilments):
        return ""
    return "There is another order of this id, which is never overwritten."


def _as_read(record: OrderRecord) -> OrderRecord:
    """The record as an export has it: in another order, it would seem to be about another order."""
    return OrderRecord.of(record.order, record.ledger, record.refunds, record.fulfilments)


def _story(record: OrderRecord) -> OrderStory:
    return OrderStory(
        order=record.order,
        ledger=[placing(record.order), *record.ledger],
        refunds=record.refunds,
        fulfilments=record.fulfilments,
    )


def _payment_problem(story: OrderStory, *, orders: OrderStore) -> str:
    payment = story.order.payment
    if not payment.reference:
        return ""
    owner = orders.find_order_id(provider=payment.provider, reference=payment.reference)
    return "" if owner in {None, story.order.id} else f"Its payment is that of order {owner}."
