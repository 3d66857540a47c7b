"""What is held of one person: finding it, giving it out, and asking for its erasure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from chalicelib.domain.deliveries import Delivery
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.events import Event
from chalicelib.domain.jobs import Job, job_id
from chalicelib.domain.orders import OrderSummary
from chalicelib.domain.persons import person_id
from chalicelib.ports import DeliveryStore, EventStore, JobStore, OrderStore, OrderStory, Page

_ORDERS_AT_ONCE = (20, 5, 1)
"""What is tried until a page is not too large."""

_MOST_BYTES = 4_500_000  # Lambda answers with 6 MB at most, as JSON in JSON


class Told(Struct, frozen=True, kw_only=True):
    """An event, and what became of it at each endpoint."""

    event: Event
    deliveries: list[Delivery]


class Dossier(Struct, frozen=True, kw_only=True):
    """All that is held of a person by one of her orders."""

    story: OrderStory
    told: list[Told]


def require_person(email: str) -> str:
    person = person_id(email)
    if not person:
        raise InvalidRequest("Say whose: email must be an address.")
    return person


def list_orders_of(email: str, *, limit: int, cursor: str | None, orders: OrderStore) -> Page[OrderSummary]:
    """Newest first."""
    return orders.list_orders_of_person(require_person(email), limit=limit, cursor=cursor)


def export_person(
    email: str, *, cursor: str | None, orders: OrderStore, events: EventStore, deliveries: DeliveryStore
) -> Page[Dossier]:
    """A page of all that is held of a person, newest order first."""
    for limit in _ORDERS_AT_ONCE:
        found = list_orders_of(email, limit=limit, cursor=cursor, orders=orders)
        stories = [orders.get_order(summary.id) for summary in found.items]
        page = Page(
            [
                Dossier(story=story, told=told_of(story, events=events, deliveries=deliveries))
                for story in stories
                if story is not None
            ],
            found.cursor,
        )
        if len(msgspec.json.encode(page)) <= _MOST_BYTES:
            break
    return page


def told_of(story: OrderStory, *, events: EventStore, deliveries: DeliveryStore) -> list[Told]:
    """What the order has told, and what was told of deliveries of that which were given up."""
    first = _told([entry.event_id for entry in story.ledger], events=events, deliveries=deliveries)
    lost = [notice for told in first for delivery in told.deliveries for notice in delivery.notices]
    return first + _told(lost, events=events, deliveries=deliveries)


def _told(event_ids: Iterable[str], *, events: EventStore, deliveries: DeliveryStore) -> list[Told]:
    wanted = dict.fromkeys(event_id for event_id in event_ids if event_id)
    found = events.get_events(wanted) if wanted else {}
    return [
        Told(event=found[event_id], deliveries=deliveries.list_of_event(event_id))
        for event_id in wanted
        if event_id in found
    ]


def ask_erasure(email: str, *, key: str, jobs: JobStore, now: datetime) -> Job:
    """Have all orders of a person, and what they told, lose her. One key, once."""
    person = require_person(email)
    job = Job(
        id=job_id("erase", person, key),
        kind="erase",
        endpoint_id="",
        person=person,
        created_at=now,
        updated_at=now,
    )
    return jobs.create_job(job)
