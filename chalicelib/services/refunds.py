"""Giving money back: first the row that speaks for it, then the provider, then what the provider said."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain import refunds as rules
from chalicelib.domain.errors import RefundRefused
from chalicelib.domain.orders import Order, Refund
from chalicelib.domain.refunds import RefundFact, WantedRefund
from chalicelib.ports import OrderStore, OrderStory, PaymentProvider

from .contention import until_settled
from .orders import read_story
from .payments import record


def refund_order(
    order_id: str,
    wanted: WantedRefund,
    *,
    key: str,
    by: str,
    orders: OrderStore,
    provider: PaymentProvider,
    now: datetime,
) -> OrderStory:
    """Refund an order; one key, once. RefundRefused if the provider will not, or there is not so much left.

    What the provider could not be asked now is asked again by housekeeping.
    """

    def ask() -> tuple[Order, Refund, bool]:
        story = read_story(order_id, orders=orders)
        refund_id = rules.refund_id_for(story.order, key)
        known = next((refund for refund in story.refunds if refund.id == refund_id), None)
        if known is not None:
            return story.order, rules.require_same(known, wanted), False
        change, refund = rules.request(
            story.order, story.refunds, wanted, refund_id=refund_id, by=by, now=now
        )
        orders.commit(change)
        return change.order, refund, True

    order, refund, is_new = until_settled(ask)
    if refund.status == "requested":
        settle_refund(order, refund, is_new=is_new, orders=orders, provider=provider, now=now)
    elif refund.status == "failed":
        raise RefundRefused(refund.failure)
    return read_story(order_id, orders=orders)


def settle_refund(
    order: Order,
    refund: Refund,
    *,
    is_new: bool,
    orders: OrderStore,
    provider: PaymentProvider,
    now: datetime,
) -> None:
    """Have the provider make a refund that was asked for, unless it has; and record what it says.

    RefundRefused, which is recorded too, if it will not.
    """
    made = None if is_new else provider.find_refund(order.payment.reference, refund.id)
    try:
        fact = made or provider.refund_payment(order, refund)
    except RefundRefused as refusal:
        record(_refused(order, refund, str(refusal), now=now), orders=orders, now=now)
        raise
    record(fact, orders=orders, now=now)


def _refused(order: Order, refund: Refund, why: str, *, now: datetime) -> RefundFact:
    return RefundFact(
        provider=order.payment.provider,
        key=f"{refund.id}#refused",
        state="failed",
        reference=order.payment.reference,
        object_id="",
        amount=refund.amount,
        currency=refund.currency,
        livemode=order.livemode,
        occurred_at=now,
        refund_id=refund.id,
        order_id=order.id,
        failure=why,
    )
