"""Whether somebody took notice of each sale: a hook that nobody answers must not go unseen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.domain import bookkeeping as rules
from chalicelib.domain.bookkeeping import ACKNOWLEDGED_WITHIN, Acknowledgements
from chalicelib.domain.event_types import Mismatch
from chalicelib.domain.events import EventSummary
from chalicelib.ports import Bookkeeping, DeliveryStore, EventStore, Moved

log = logging.getLogger(__name__)

PAGE = 100


def check_acknowledgements(
    *,
    events: EventStore,
    deliveries: DeliveryStore,
    progress: Bookkeeping,
    clock: Callable[[], datetime],
    until: datetime,
) -> None:
    """Report the sales of an hour ago that no endpoint has taken notice of, until the time is over.

    A shop where nobody listens to sales has nothing to be told. Done again, or twice at once, each sale is
    told once.
    """
    state = progress.get_acknowledgements()
    if state is None:
        state = Acknowledgements(version=0, until=clock() - ACKNOWLEDGED_WITHIN)
    while clock() < until:
        end = clock() - ACKNOWLEDGED_WITHIN
        page, position = events.list_events(since=state.until, until=end, position=state.position, limit=PAGE)
        lost = _unacknowledged(page, events=events, deliveries=deliveries)
        for event in lost:
            _report(event, events=events, now=clock())
        state = rules.after_events(state, until=end, position=position, lost=len(lost), now=clock())
        try:
            progress.save_acknowledgements(state)
        except Moved:
            return
        if position is None:
            return


def _unacknowledged(
    page: Sequence[EventSummary], *, events: EventStore, deliveries: DeliveryStore
) -> list[EventSummary]:
    sales = [event for event in page if event.type == "order.paid"]
    fan_outs = events.get_fan_outs(event.id for event in sales) if sales else {}
    return [
        event
        for event in sales
        if fan_outs.get(event.id) != [] and not _is_acknowledged(event.id, deliveries=deliveries)
    ]


def _is_acknowledged(event_id: str, *, deliveries: DeliveryStore) -> bool:
    return any(delivery.status == "delivered" for delivery in deliveries.list_of_event(event_id))


def _report(event: EventSummary, *, events: EventStore, now: datetime) -> None:
    found = Mismatch(
        problem="No endpoint has taken notice of this sale within an hour.",
        order_id=event.order_id,
        provider="",
        reference=event.id,
        amount=None,
        currency=None,
    )
    events.put_event(rules.mismatch(found, about=f"unacknowledged#{event.id}", now=now))
    log.error(
        "no endpoint has taken notice of a sale", extra={"order_id": event.order_id, "event_id": event.id}
    )
