"""What providers tell us about payments."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain import orders as rules
from chalicelib.domain.errors import OrderNotFound, PaymentMismatch
from chalicelib.domain.orders import Order, PaymentFact
from chalicelib.ports import OrderStore, PaymentProvider

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
    if fact is None or fact.shop != shop:
        return None
    try:
        return record_payment(fact, orders=orders, now=now)
    except (OrderNotFound, PaymentMismatch) as error:
        # Money and books disagree. The provider keeps asking for days; the owner should not wait that long.
        log.error(  # noqa: TRY400 (the story is in the ids, not in a traceback)
            "a payment does not fit its order: %s", error, extra={"order_id": fact.order_id}
        )
        raise


def record_payment(fact: PaymentFact, *, orders: OrderStore, now: datetime) -> Order:
    """Apply what a provider says; saying it twice, or two ways, changes nothing more.

    Raises OrderNotFound or PaymentMismatch where the money and our books disagree: the provider keeps
    asking then, and the log says it loudly.
    """

    def change() -> Order:
        story = orders.get_order(fact.order_id)
        if story is None:
            raise OrderNotFound
        changed = rules.apply(story.order, fact, ledger=story.ledger, now=now)
        if changed is None:
            return story.order
        orders.commit(changed)
        log.info(
            "payment recorded",
            extra={
                "order_id": fact.order_id,
                "status": changed.order.status,
                "event_id": changed.event.id if changed.event else "",
            },
        )
        return changed.order

    return until_settled(change)
