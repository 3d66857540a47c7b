"""Orders that were paid in an odd way: by the shop's own rules, or by its owner's word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain import reviews as rules
from chalicelib.domain.catalog import UnavailablePolicy
from chalicelib.domain.identifiers import derived_id
from chalicelib.domain.orders import Order, OrderChange
from chalicelib.domain.refunds import WantedRefund, request
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
        short = _short(story.order, stock=stock)
        _commit(_accepted(story, short=short, by=by, now=now), orders=orders)

    until_settled(change)
    return read_story(order_id, orders=orders)


def carry_out_policy(
    story: OrderStory, *, orders: OrderStore, stock: StockStore, catalog: CatalogStore, now: datetime
) -> None:
    """What becomes of an order that was paid when its stock had been given back; Moved if it has changed.

    If there is enough again, the order is as good as any. If not, the policies of what is short decide.
    """
    order = story.order
    short = _short(order, stock=stock)
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
        _commit(_accepted(story, short=short, by=rules.HOUSEKEEPING, now=now), orders=orders)


def _short(order: Order, *, stock: StockStore) -> dict[str, int]:
    """What the order needs, does not hold, and can't get."""
    needs = _needs(order)
    available = stock.get_stock(needs) if needs else {}
    left = {name: max(available.get(name, 0), 0) for name in needs}
    return {name: pieces - left[name] for name, pieces in needs.items() if pieces > left[name]}


def _needs(order: Order) -> dict[str, int]:
    missing = {name: pieces - order.reserved.get(name, 0) for name, pieces in order.takes.items()}
    return {name: pieces for name, pieces in missing.items() if pieces > 0}


def _policy(short: Mapping[str, int], *, catalog: CatalogStore) -> UnavailablePolicy:
    skus = {name.partition("#")[0] for name in short}
    products = catalog.get_products(skus)
    return rules.strictest(products[sku].when_unavailable if sku in products else "ask" for sku in skus)


def _accepted(story: OrderStory, *, short: Mapping[str, int], by: str, now: datetime) -> OrderChange:
    order = story.order
    takes = {name: pieces - short.get(name, 0) for name, pieces in _needs(order).items()}
    there = {name: pieces for name, pieces in takes.items() if pieces}
    is_asked = any(refund.status == "requested" for refund in story.refunds)
    check_at = order.check_at if is_asked else None
    return rules.accept(order, takes=there, backordered=short, by=by, check_at=check_at, now=now)


def _commit(change: OrderChange, *, orders: OrderStore) -> None:
    try:
        orders.commit(change)
    except StockShort:
        raise Moved from None
