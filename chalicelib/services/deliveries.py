"""Looking at deliveries: of an event, an order, an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    DeliverySummary,
    parse_delivery_id,
)
from chalicelib.domain.errors import DeliveryNotFound, EventNotFound
from chalicelib.domain.events import EventSummary
from chalicelib.domain.identifiers import is_id
from chalicelib.ports import DeliveryStore, EndpointStore, EventStore, OrderStore, OrderStory, Page

from .endpoints import read_endpoint
from .orders import read_story

PENDING_FOR = timedelta(days=14)
"""As long as the queues keep a message: what has not been tried by then never will be by itself."""


class EventDeliveries(Struct, frozen=True, kw_only=True):
    """`waiting` are the endpoints that the event goes to and that have not been tried yet."""

    deliveries: list[Delivery]
    waiting: list[str]


def read_delivery(delivery: str, *, deliveries: DeliveryStore) -> Delivery:
    event_id, endpoint_id = parse_delivery_id(delivery)
    found = deliveries.get_delivery(event_id, endpoint_id)
    if found is None:
        raise DeliveryNotFound
    return found


def list_of_event(event_id: str, *, events: EventStore, deliveries: DeliveryStore) -> EventDeliveries:
    event = events.get_event(event_id) if is_id("evt", event_id) else None
    if event is None:
        raise EventNotFound
    matched = events.get_fan_outs([event_id]).get(event_id, [])
    tried = deliveries.list_of_event(event_id)
    return EventDeliveries(deliveries=tried, waiting=_waiting(matched, tried))


def _waiting(matched: Sequence[str], tried: Sequence[Delivery]) -> list[str]:
    done = {delivery.endpoint_id for delivery in tried}
    return [endpoint_id for endpoint_id in matched if endpoint_id not in done]


def list_of_order(order_id: str, *, orders: OrderStore, deliveries: DeliveryStore) -> list[Delivery]:
    """Of all events that the order has told, newest first."""
    return list_of_story(read_story(order_id, orders=orders), deliveries=deliveries)


def list_of_story(story: OrderStory, *, deliveries: DeliveryStore) -> list[Delivery]:
    told = [entry.event_id for entry in story.ledger if entry.event_id]
    found = [delivery for event_id in told for delivery in deliveries.list_of_event(event_id)]
    return sorted(found, key=lambda delivery: delivery.created_at, reverse=True)


def list_of_endpoint(
    endpoint_id: str,
    *,
    status: DeliveryStatus | None,
    limit: int,
    cursor: str | None,
    endpoints: EndpointStore,
    deliveries: DeliveryStore,
) -> Page[DeliverySummary]:
    read_endpoint(endpoint_id, endpoints=endpoints)
    return deliveries.list_of_endpoint(endpoint_id, status=status, limit=limit, cursor=cursor)


def list_pending(
    endpoint_id: str,
    *,
    limit: int,
    cursor: str | None,
    endpoints: EndpointStore,
    events: EventStore,
    deliveries: DeliveryStore,
    now: datetime,
) -> Page[EventSummary]:
    """Events of late that go to the endpoint and have not been tried there, newest first.

    A page looks at `limit` events, and so may be short, or empty, while there is more.
    """
    read_endpoint(endpoint_id, endpoints=endpoints)
    happened, position = events.list_events(
        since=now - PENDING_FOR, until=now, position=cursor or "", limit=limit, newest_first=True
    )
    event_ids = [event.id for event in happened]
    matched = events.get_fan_outs(event_ids)
    tried = deliveries.get_deliveries(event_ids, endpoint_id)
    pending = [
        event for event in happened if endpoint_id in matched.get(event.id, ()) and event.id not in tried
    ]
    return Page(pending, position)
