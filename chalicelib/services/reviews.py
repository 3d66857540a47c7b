"""Orders that were paid in an odd way: by the shop's own rules, or by its owner's word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain import reviews as rules
from chalicelib.domain.catalog import UnavailablePolicy
from chalicelib.domain.identifiers import derived_id
from chalicelib.domain.orders import Order, OrderChange
from chalicelib.domain.refunds import WantedRefund, request
from chalicelib.domain.reserving import from_what_is_left
from chalicelib.domain.stock import sku_of
from chalicelib.ports import CatalogStore, Moved, OrderStore, OrderStory, StockShort, StockStore

from .contention import until_settled
from .orders import read_story


def accept_order(
    order_id: str, *, by: str, orders: OrderStore, stock: StockStore, now: datetime
) -> OrderStory:
    """The owner takes the order as it was paid: what is not there is sent later. Asked again, it is the same.

    NothingToReview for an order that waits for no decision.
    """

    def change() -> None:
        story = read_story(order_id, orders=orders)
        if story.order.review is None and any(entry.what == "review.accepted" for entry in story.ledger):
            return
        rules.require_review(story.order)
        rows, short = _fill(story.order, stock=stock)
        _commit(_accepted(story, rows=rows, short=short, by=by, now=now), orders=orders)

    until_settled(change)
    return read_story(order_id, orders=orders)


def carry_out_policy(
    story: OrderStory, *, orders: OrderStore, stock: StockStore, catalog: CatalogStore, now: datetime
) -> None:
    """What becomes of an order that was paid when its stock had been given back; Moved if it has changed.

    If there is enough again, the order is as good as any. If not, the policies of what is short decide.
    """
    order = story.order
    rows, short = _fill(order, stock=stock)
    policy = _policy(short, catalog=catalog) if short else "backorder"
    if policy == "ask":
        orders.commit(rules.leave_to_owner(order, now=now))
    elif policy == "refund":
        everything = WantedRefund(lines={}, reason="It is no longer in stock.")
        refund_id = derived_id("rf", order.id, "policy")
        by = rules.HOUSEKEEPING
        change, _ = request(order, story.refunds, everything, refund_id=refund_id, by=by, now=now)
        orders.commit(change)
    else:
        change = _accepted(story, rows=rows, short=short, by=rules.HOUSEKEEPING, now=now)
        _commit(change, orders=orders)


def _fill(order: Order, *, stock: StockStore) -> tuple[dict[str, int], dict[str, int]]:
    """From which rows of stock the order gets what it does not hold, and what it can't get, by SKU."""
    needs = _needs(order)
    stocks = stock.get_stock_rows(needs) if needs else {}
    left = {sku: max(stocks[sku].available, 0) if sku in stocks else 0 for sku in needs}
    short = {sku: pieces - left[sku] for sku, pieces in needs.items() if pieces > left[sku]}
    there = {sku: pieces - short.get(sku, 0) for sku, pieces in needs.items() if pieces > short.get(sku, 0)}
    return from_what_is_left(order.id, there, stocks), short


def _needs(order: Order) -> dict[str, int]:
    held: Counter[str] = Counter()
    for name, pieces in order.reserved.items():
        held[sku_of(name)] += pieces
    return {sku: pieces - held[sku] for sku, pieces in order.takes.items() if pieces > held[sku]}


def _policy(short: Mapping[str, int], *, catalog: CatalogStore) -> UnavailablePolicy:
    products = catalog.get_products(short)
    return rules.strictest(products[sku].when_unavailable if sku in products else "ask" for sku in short)


def _accepted(
    story: OrderStory, *, rows: Mapping[str, int], short: Mapping[str, int], by: str, now: datetime
) -> OrderChange:
    order = story.order
    is_asked = any(refund.status == "requested" for refund in story.refunds)
    check_at = order.check_at if is_asked else None
    return rules.accept(order, takes=rows, backordered=short, by=by, check_at=check_at, now=now)


def _commit(change: OrderChange, *, orders: OrderStore) -> None:
    try:
        orders.commit(change)
    except StockShort:
        raise Moved from None
