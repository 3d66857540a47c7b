"""The provider's books against ours, page by page: what only it knows is recorded, or else reported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from chalicelib.domain import bookkeeping as rules
from chalicelib.domain.bookkeeping import Reconciliation
from chalicelib.domain.errors import OrderNotFound, PaymentMismatch
from chalicelib.domain.event_types import Mismatch
from chalicelib.domain.orders import Order
from chalicelib.domain.payments import PaymentFact
from chalicelib.domain.refunds import RefundFact
from chalicelib.ports import Bookkeeping, EventStore, Moved, OrderStore, Page, PaymentProvider

from .payments import is_ours, learn

log = logging.getLogger(__name__)

Fact = PaymentFact | RefundFact


class Books(Struct, frozen=True, kw_only=True):
    """What reconciling needs from the world; `shop` is the deployment's own name."""

    shop: str
    provider: PaymentProvider
    orders: OrderStore
    events: EventStore
    progress: Bookkeeping


def reconcile(*, books: Books, clock: Callable[[], datetime], until: datetime) -> None:
    """Go on with today's reconciliation until it is done or the time is over.

    A page that is done twice finds everything known already; of two that do it at once, one gives way.
    """
    state = rules.next_reconciliation(books.progress.get_reconciliation(), now=clock())
    while state is not None and not state.is_done and clock() < until:
        state = _page_done(state, books=books, now=clock())
        try:
            books.progress.save_reconciliation(state)
        except Moved:
            return


def _page_done(state: Reconciliation, *, books: Books, now: datetime) -> Reconciliation:
    page = _page(state, books=books)
    ours = [fact for fact in page.items if is_ours(fact, shop=books.shop, orders=books.orders)]
    outcomes = [_examine(fact, books=books, now=now) for fact in ours]
    done = rules.after_page(
        state,
        cursor=page.cursor,
        examined=len(ours),
        repaired=outcomes.count("repaired"),
        mismatches=outcomes.count("mismatch"),
        now=now,
    )
    log.info("reconciled a page", extra={"status": done.stage, "sent": len(ours)})
    return done


def _page(state: Reconciliation, *, books: Books) -> Page[PaymentFact] | Page[RefundFact]:
    look = books.provider.list_payments if state.stage == "payments" else books.provider.list_refunds
    return look(since=state.since, until=state.until, cursor=state.cursor)


def _examine(fact: Fact, *, books: Books, now: datetime) -> str:
    """Record the fact, as if its notice had come only now."""
    try:
        order, is_new = learn(fact, orders=books.orders, now=now)
    except OrderNotFound:
        return _report(fact, "The provider has it, and there is no such order.", books=books, now=now)
    except PaymentMismatch as error:
        return _report(fact, str(error), books=books, now=now)
    if is_new:
        log.error(
            "a notice never came: recorded by reconciliation",
            extra={"order_id": order.id, "status": order.status},
        )
        return "repaired"
    if not _agrees(fact, order):
        return _report(fact, "The provider's amount is not the one that was recorded.", books=books, now=now)
    return "known"


def _agrees(fact: Fact, order: Order) -> bool:
    return not isinstance(fact, PaymentFact) or fact.amount == order.payment.amount_received


def _report(fact: Fact, problem: str, *, books: Books, now: datetime) -> str:
    found = Mismatch(
        problem=problem,
        order_id=fact.order_id,
        provider=fact.provider,
        reference=fact.object_id,
        amount=fact.amount,
        currency=fact.currency,
    )
    books.events.put_event(rules.mismatch(found, about=f"{fact.provider}#{fact.object_id}", now=now))
    log.error("the provider's books and ours disagree", extra={"order_id": fact.order_id})
    return "mismatch"
