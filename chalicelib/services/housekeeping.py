"""What the clock does: whatever no notice came for is settled, however many do so at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from chalicelib.domain.errors import RefundRefused
from chalicelib.domain.orders import Order, Refund, postponed
from chalicelib.domain.payments import PROCESSING_CHECK
from chalicelib.domain.refunds import SOON
from chalicelib.domain.reviews import is_for_policy
from chalicelib.ports import CatalogStore, OrderStore, OrderStory, PaymentProvider, StockStore

from .contention import until_settled
from .payments import record, void
from .refunds import settle_refund
from .reviews import carry_out_policy

log = logging.getLogger(__name__)

PAGE = 100


class Shop(Struct, frozen=True, kw_only=True):
    """What housekeeping needs from the world."""

    orders: OrderStore
    stock: StockStore
    catalog: CatalogStore
    provider: PaymentProvider


class Sweep(Struct, kw_only=True):
    """`settled` and `failed` count orders; `is_complete` says whether all that were due were looked at."""

    settled: int = 0
    failed: int = 0
    is_complete: bool = False


def sweep(*, shop: Shop, clock: Callable[[], datetime], until: datetime) -> Sweep:
    """Settle every order that is due, until all are, or the time is over.

    One that can't be settled holds up no other: it stays due.
    """
    done, cursor, now = Sweep(), None, clock()
    while True:
        page = shop.orders.list_due(now, limit=PAGE, cursor=cursor)
        for due in page.items:
            if clock() >= until:
                return done
            _try(due.order_id, done, shop=shop, now=clock())
        cursor = page.cursor
        if cursor is None:
            done.is_complete = True
            return done


def _try(order_id: str, done: Sweep, *, shop: Shop, now: datetime) -> None:
    try:
        settle(order_id, shop=shop, now=now)
    except Exception as error:  # whatever it is, the others are due too
        log.exception(
            "order can't be settled now", extra={"order_id": order_id, "error": type(error).__name__}
        )
        done.failed += 1
        _put_off(order_id, shop=shop, now=now)
    else:
        done.settled += 1


def _put_off(order_id: str, *, shop: Shop, now: datetime) -> None:
    """What can't be settled goes behind the others, else a few would use up every sweep."""

    def attempt() -> None:
        story = shop.orders.get_order(order_id)
        if story is not None and story.order.check_at is not None and story.order.check_at <= now:
            shop.orders.save_order(postponed(story.order, until=now + SOON))

    try:
        until_settled(attempt)
    except Exception as error:
        log.exception("order stays due", extra={"order_id": order_id, "error": type(error).__name__})


def settle(order_id: str, *, shop: Shop, now: datetime) -> None:
    """Do what an order waits for, if its time has come. Done again, or by several at once, it is the same."""

    def attempt() -> None:
        story = shop.orders.get_order(order_id)
        if story is None or story.order.check_at is None or story.order.check_at > now:
            return
        _settle(story, shop=shop, now=now)

    until_settled(attempt)


def _settle(story: OrderStory, *, shop: Shop, now: datetime) -> None:
    order = story.order
    asked = [refund for refund in story.refunds if refund.status == "requested"]
    if asked:
        for refund in asked:
            _finish(order, refund, shop=shop, now=now)
    elif is_for_policy(order):
        carry_out_policy(story, orders=shop.orders, stock=shop.stock, catalog=shop.catalog, now=now)
    elif order.is_payable:
        fact = void(order, provider=shop.provider)
        _look_again_if_due(record(fact, orders=shop.orders, now=now), shop=shop, now=now)
    elif order.payment.status == "processing":
        _ask_after(order, shop=shop, now=now)
    else:
        shop.orders.save_order(postponed(order, until=None))


def _finish(order: Order, refund: Refund, *, shop: Shop, now: datetime) -> None:
    try:
        settle_refund(order, refund, is_new=False, orders=shop.orders, provider=shop.provider, now=now)
    except RefundRefused:
        log.warning("refund refused", extra={"order_id": order.id})


def _ask_after(order: Order, *, shop: Shop, now: datetime) -> None:
    # Nothing of it can only mean that it failed, and that the notice was lost: its time is over.
    fact = shop.provider.inspect_payment(order.payment.reference) or void(order, provider=shop.provider)
    _look_again_if_due(record(fact, orders=shop.orders, now=now), shop=shop, now=now)


def _look_again_if_due(order: Order, *, shop: Shop, now: datetime) -> None:
    """An order that is still due then, though nothing is new, is looked at later."""
    if order.check_at is not None and order.check_at <= now:
        wait = PROCESSING_CHECK if order.payment.status == "processing" else SOON
        shop.orders.save_order(postponed(order, until=now + wait))
