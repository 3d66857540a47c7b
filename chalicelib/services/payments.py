"""What providers tell us about payments, refunds and disputes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain.disputes import DisputeFact, apply_dispute
from chalicelib.domain.errors import AmountRefused, OrderNotFound, PaymentMismatch, ProviderUnavailable
from chalicelib.domain.orders import Order, OrderChange
from chalicelib.domain.payments import PaymentFact, apply, never_begun
from chalicelib.domain.refunds import RefundFact, apply_refund
from chalicelib.ports import Fact, OrderStore, OrderStory, PaymentProvider

from .contention import until_settled

log = logging.getLogger(__name__)


def receive_callback(
    payload: bytes,
    headers: Mapping[str, str],
    *,
    shop: str,
    provider: PaymentProvider,
    orders: OrderStore,
    now: datetime,
) -> Order | None:
    """Verify a provider's notice and record what it says; None if it is not about an order of ours."""
    fact = provider.parse_callback(payload, headers, now=now)
    if fact is None or not is_ours(fact, shop=shop, orders=orders):
        return None
    try:
        return record(fact, orders=orders, now=now)
    except (OrderNotFound, PaymentMismatch) as error:
        # Money and books disagree. The provider keeps asking for days; the owner should not wait that long.
        log.error(  # noqa: TRY400 (the story is in the ids, not in a traceback)
            "a payment does not fit its order: %s", error, extra={"order_id": fact.order_id}
        )
        raise


def is_ours(fact: Fact, *, shop: str, orders: OrderStore) -> bool:
    """Whether a notice is about this shop, which may share its provider's account with others.

    Notices about disputes, and refunds made elsewhere, say only which payment they are about.
    """
    return fact.shop == shop if fact.shop or fact.order_id else _order_id(fact, orders=orders) != ""


def record(fact: Fact, *, orders: OrderStore, now: datetime) -> Order:
    """Apply what a provider says; saying it twice, or two ways, changes nothing more.

    Raises OrderNotFound or PaymentMismatch where the money and our books disagree: the provider keeps
    asking then, and the log says it loudly.
    """
    return learn(fact, orders=orders, now=now)[0]


def learn(fact: Fact, *, orders: OrderStore, now: datetime) -> tuple[Order, bool]:
    """As `record`; and whether it was news."""
    order_id = _order_id(fact, orders=orders)

    def change() -> tuple[Order, bool]:
        story = orders.get_order(order_id)
        if story is None:
            raise OrderNotFound
        changed = _applied(story, fact, now=now)
        if changed is None:
            return story.order, False
        orders.commit(changed)
        log.info(
            "%s recorded",
            changed.entry.what,
            extra={
                "order_id": order_id,
                "status": changed.order.status,
                "event_id": changed.entry.event_id,
            },
        )
        if changed.order.review is not None and story.order.review is None:
            log.warning("order needs review", extra={"order_id": order_id})
        return changed.order, True

    return until_settled(change)


def void(order: Order, *, provider: PaymentProvider) -> PaymentFact:
    """Have the order's payment never be made, and say what has become of it.

    Where its reference was never stored, the frozen request is made again: it gives the same payment. One of
    test mode is just over once the shop is live; one of live mode can't be ended with test keys.
    """
    if order.livemode != provider.livemode:
        if order.livemode:
            raise ProviderUnavailable("The order is of live mode; with test keys it can't be changed.")
        return never_begun(order, provider=provider.name)
    try:
        reference = order.payment.reference or provider.open_payment(order).reference
    except AmountRefused:  # it refused it then, too: there is no payment
        return never_begun(order, provider=provider.name)
    return provider.void_payment(reference)


def _order_id(fact: Fact, *, orders: OrderStore) -> str:
    return fact.order_id or orders.find_order_id(provider=fact.provider, reference=fact.reference) or ""


def _applied(story: OrderStory, fact: Fact, *, now: datetime) -> OrderChange | None:
    match fact:
        case PaymentFact():
            return apply(story.order, fact, ledger=story.ledger, refunds=story.refunds, now=now)
        case RefundFact():
            return apply_refund(story.order, fact, ledger=story.ledger, refunds=story.refunds, now=now)
        case DisputeFact():
            return apply_dispute(story.order, fact, ledger=story.ledger, now=now)
