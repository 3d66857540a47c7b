"""Erasing a person, page by page: first her orders and what they told, then what receivers answered.

In between, attempts that were under way, or wait in a queue with what was told before, come to their end and
write what came of it; whatever waits longer reads the event anew. The orders stay in the person's list until
all is done, so whatever is cut off is found again.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from chalicelib.domain.deliveries import Delivery
from chalicelib.domain.jobs import Job, advanced, finished
from chalicelib.domain.persons import (
    event_without_person,
    is_open,
    person_id,
    without_excerpts,
    without_person,
)
from chalicelib.ports import OrderStory

from .contention import until_settled
from .outbound import Outbound
from .persons import told_of

PAGE = 10
"""So many orders are erased by one page of a job."""

ATTEMPTS_END = timedelta(minutes=15)
"""SQS delays a message for so long at most, and only what waits there carries its event."""

AT_ONCE = timedelta()
_ORDERS, _ANSWERS = "orders", "answers"


def erase(job: Job, *, out: Outbound) -> tuple[Job, timedelta]:
    """A page of the person's orders. The job's position is what is being erased, a colon, and the place."""
    part, _, place = job.position.partition(":")
    page = out.orders.list_orders_of_person(job.person, limit=PAGE, cursor=place or None)
    order_ids = [summary.id for summary in page.items]
    if part == _ANSWERS:
        for order_id in order_ids:
            _erase_answers(order_id, out=out)
        if page.cursor:
            return advanced(job, now=out.clock(), position=f"{_ANSWERS}:{page.cursor}"), AT_ONCE
        return _finished(job, out=out), AT_ONCE
    erased = sum([_is_erased(order_id, job.person, out=out) for order_id in order_ids])
    position = f"{_ORDERS}:{page.cursor}" if page.cursor else f"{_ANSWERS}:"
    after = advanced(job, now=out.clock(), examined=len(order_ids), sent=erased, position=position)
    if page.cursor:
        return after, AT_ONCE
    return (after, ATTEMPTS_END) if after.sent else (_finished(after, out=out), AT_ONCE)


def _finished(job: Job, *, out: Outbound) -> Job:
    """The job, which has forgotten whom it was about."""
    left = job.examined - job.sent
    note = f"Orders that are still open and were left as they are: {left}. Ask again later." if left else ""
    after = replace(job, page=job.page + 1, position="", person="")
    return finished(after, now=out.clock(), note=note)


def _is_erased(order_id: str, person: str, *, out: Outbound) -> bool:
    """Whether the order has no person any more; an open one keeps hers."""
    story = until_settled(lambda: _without_person(order_id, person, out=out))
    if story is None:
        return False
    for told in told_of(story, events=out.events, deliveries=out.deliveries):
        out.events.rewrite_event(event_without_person(told.event, story.order.contact))
    return True


def _without_person(order_id: str, person: str, *, out: Outbound) -> OrderStory | None:
    story = out.orders.get_order(order_id)
    if story is None or is_open(story.order):
        return None
    if story.order.contact.erased_at is not None:
        return story
    if person_id(story.order.contact.email) != person:
        return None  # the list is a moment behind a corrected address
    nobody = without_person(story.order, now=out.clock())
    out.orders.save_order(nobody)
    return replace(story, order=nobody)


def _erase_answers(order_id: str, *, out: Outbound) -> None:
    story = out.orders.get_order(order_id)
    if story is None or story.order.contact.erased_at is None:
        return
    for told in told_of(story, events=out.events, deliveries=out.deliveries):
        # Notices of deliveries that were given up meanwhile may still have her.
        out.events.rewrite_event(event_without_person(told.event, story.order.contact))
        for delivery in told.deliveries:
            _blank(delivery, out=out)
    out.orders.forget_person(order_id)


def _blank(delivery: Delivery, *, out: Outbound) -> None:
    def change() -> None:
        there = out.deliveries.get_delivery(delivery.event_id, delivery.endpoint_id)
        if there is not None and any(attempt.excerpt for attempt in there.attempts):
            out.deliveries.save_delivery(without_excerpts(there))

    until_settled(change)
