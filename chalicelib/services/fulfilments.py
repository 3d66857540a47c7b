"""Marking what has been sent."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from chalicelib.domain import fulfilments as rules
from chalicelib.domain.orders import Fulfilment
from chalicelib.ports import OrderStore, OrderStory

from .contention import until_settled
from .orders import read_story


def fulfil_order(
    order_id: str, wanted: Fulfilment, *, key: str, orders: OrderStore, now: datetime
) -> OrderStory:
    """Note what has left for the shopper; one key, once. NotFulfillable for what can't be sent."""

    def change() -> None:
        story = read_story(order_id, orders=orders)
        fulfilment = replace(wanted, id=rules.fulfilment_id_for(story.order, key))
        known = next((there for there in story.fulfilments if there.id == fulfilment.id), None)
        if known is not None:
            rules.require_same(known, fulfilment)
            return
        orders.commit(rules.fulfil(story.order, fulfilment, now=now))

    until_settled(change)
    return read_story(order_id, orders=orders)
