"""Reading orders: the shopper her own, the owner all."""

from __future__ import annotations

from chalicelib.domain.errors import OrderNotFound
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.orders import OrderSummary, token_opens
from chalicelib.ports import OrderStore, OrderStory, Page

_REFERENCE_LENGTH = 255  # Stripe's own limit of an id; no provider's is longer


def read_own_order(order_id: str, token: str, *, orders: OrderStore) -> OrderStory:
    """The order that `token` opens. A wrong token and a missing order look the same."""
    story = read_story(order_id, orders=orders)
    if not token_opens(story.order, token):
        raise OrderNotFound
    return story


def read_story(order_id: str, *, orders: OrderStore) -> OrderStory:
    story = orders.get_order(order_id) if is_id("ord", order_id) else None
    if story is None:
        raise OrderNotFound
    return story


def find_story(*, provider: str, reference: str, orders: OrderStore) -> OrderStory:
    """The order behind a payment as the provider's own dashboard names it."""
    if len(provider) + len(reference) > _REFERENCE_LENGTH:
        raise OrderNotFound
    order_id = orders.find_order_id(provider=provider, reference=reference)
    if order_id is None:
        raise OrderNotFound
    return read_story(order_id, orders=orders)


def list_orders(month: str, *, limit: int, cursor: str | None, orders: OrderStore) -> Page[OrderSummary]:
    return orders.list_orders(month, limit=limit, cursor=cursor)
