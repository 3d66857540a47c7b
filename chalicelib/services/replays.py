"""Sending again: one delivery, the events of a range, or what was held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Message
from chalicelib.domain.events import EventSummary
from chalicelib.domain.jobs import Job, advanced, finished

from .outbound import Outbound
from .shaping import wants

PAGE = 50
"""So many deliveries are sent by one page of a job."""

PER_SECOND = 25
"""What an endpoint that was away gets at most, unless its own limit is lower: it has just come back."""

AT_ONCE = timedelta()
_DELETED = "The endpoint was deleted."


def resend(job: Job, *, out: Outbound) -> tuple[Job, timedelta]:
    """One event once more, whatever became of it before."""
    event = out.events.get_event(job.event_id)
    if event is None:
        return finished(job, now=out.clock(), note="The event was erased."), AT_ONCE
    message = Message(
        event_id=event.id,
        event_type=event.type,
        order_id=event.order_id,
        endpoint_id=job.endpoint_id,
        generation=job.generation,
        again=True,
        insist=True,
        once=bool(event.only_to),  # a test stays one
    )
    out.queue.send([message])
    return finished(advanced(job, now=out.clock(), examined=1, sent=1), now=out.clock()), AT_ONCE


def release(job: Job, *, out: Outbound) -> tuple[Job, timedelta]:
    """A page of what was held, oldest first; they begin their schedule anew."""
    endpoint = out.endpoint_store.get_endpoint(job.endpoint_id)
    now = out.clock()
    if endpoint is None:
        return finished(job, now=now, note=_DELETED), AT_ONCE
    if endpoint.holds:
        return finished(job, now=now, note=f"The endpoint is {endpoint.status} again."), AT_ONCE
    places = out.deliveries.next_held(endpoint.id, before_epoch=job.epoch, limit=PAGE)
    if not places:
        return finished(job, now=now), AT_ONCE
    out.queue.send(
        [
            Message(
                event_id=place.event_id,
                event_type=place.event_type,
                order_id=place.order_id,
                endpoint_id=place.endpoint_id,
                # The held one may be of a replay that was asked for by a clock that is ahead.
                generation=max(job.generation, place.generation + 1),
            )
            for place in places
        ]
    )
    out.deliveries.leave_line(places)
    return advanced(job, now=now, examined=len(places), sent=len(places)), _pause(len(places), endpoint)


def replay(job: Job, *, out: Outbound) -> tuple[Job, timedelta]:
    """A page of the events in the job's range: those that the endpoint wants, and that are asked for."""
    endpoint = out.endpoint_store.get_endpoint(job.endpoint_id)
    now = out.clock()
    if endpoint is None:
        return finished(job, now=now, note=_DELETED), AT_ONCE
    events, position = out.events.list_events(
        since=job.since or job.created_at,
        until=min(job.until or job.created_at, job.created_at),  # what comes later comes by itself
        position=job.position,
        limit=PAGE,
    )
    wanted = _asked_for(job, _wanted(events, endpoint, out=out), out=out)
    if not job.dry_run:
        out.queue.send([_message(event, job) for event in wanted])
    done = advanced(job, now=now, examined=len(events), sent=len(wanted), position=position)
    if position is None:
        return finished(done, now=now), AT_ONCE
    return done, AT_ONCE if job.dry_run else _pause(len(wanted), endpoint)


def _wanted(events: Sequence[EventSummary], endpoint: Endpoint, *, out: Outbound) -> list[EventSummary]:
    heard = [event for event in events if endpoint.hears_of(event.type) and event.not_to != endpoint.id]
    if not endpoint.filter:
        return heard
    whole = out.events.get_events(event.id for event in heard)
    return [
        event
        for event in heard
        if event.id in whole
        and wants(
            endpoint,
            event.type,
            msgspec.json.decode(whole[event.id].payload),
            expressions=out.expressions,
        )
    ]


def _asked_for(job: Job, events: Sequence[EventSummary], *, out: Outbound) -> list[EventSummary]:
    if job.mode == "all":
        return list(events)
    there = out.deliveries.get_deliveries([event.id for event in events], job.endpoint_id)
    delivered = {event_id for event_id, delivery in there.items() if delivery.status == "delivered"}
    return [event for event in events if event.id not in delivered]


def _message(event: EventSummary, job: Job) -> Message:
    return Message(
        event_id=event.id,
        event_type=event.type,
        order_id=event.order_id,
        endpoint_id=job.endpoint_id,
        generation=job.generation,
        again=job.mode == "all",
    )


def _pause(sent: int, endpoint: Endpoint) -> timedelta:
    """So that a page's deliveries are about gone before the next one comes."""
    return timedelta(seconds=sent / min(endpoint.rate_limit or PER_SECOND, PER_SECOND))
