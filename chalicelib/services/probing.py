"""Probing an endpoint whose circuit is open, with the deliveries that have waited longest."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.deliveries import Delivery, HeldDelivery, given_up, record, still_held
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Message
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.health import is_prompt, succeeded
from chalicelib.domain.jobs import Job, advanced, finished
from chalicelib.domain.obituaries import obituary
from chalicelib.domain.retries import Decision

from .attempts import exchange, judge, save
from .circuits import (
    FAILED_FOR_DAYS,
    GONE,
    close_circuit,
    disable_endpoint,
    probe_pause,
    remember,
)
from .outbound import Outbound

AT_ONCE = timedelta()

LOOK_BACK = 100
"""So many of the line take turns as probes."""


def probe(job: Job, *, out: Outbound) -> tuple[Job, timedelta]:
    """One probe, and how long to wait for the next.

    A probe that fails is an attempt like any other in the record, but it does not wear out the delivery's
    retries: these begin when the endpoint is back. The next probe is made with the next in line, since what
    failed may be the delivery's own fault.
    """
    endpoint = out.endpoint_store.get_endpoint(job.endpoint_id)
    if endpoint is None or not endpoint.circuit_open or endpoint.epoch != job.epoch:
        return finished(job, now=out.clock(), note="The circuit was closed by somebody else."), AT_ONCE
    places = out.deliveries.next_held(endpoint.id, before_epoch=None, limit=min(job.examined + 1, LOOK_BACK))
    if not places:
        # Nobody waits: the next delivery that comes is the probe.
        close_circuit(endpoint.id, epoch=job.epoch, out=out)
        return finished(job, now=out.clock(), note="Nothing was held."), AT_ONCE
    place = places[job.examined % len(places)]
    delivery = out.deliveries.get_delivery(place.event_id, place.endpoint_id)
    event = out.events.get_event(place.event_id)
    if delivery is None or delivery.status != "held" or event is None:
        out.deliveries.leave_line([place])  # it was resent meanwhile, or erased
        return advanced(job, now=out.clock()), AT_ONCE
    return _probe_with(delivery, event.payload, place, endpoint, job, out=out)


def _probe_with(
    delivery: Delivery, payload: str, place: HeldDelivery, endpoint: Endpoint, job: Job, *, out: Outbound
) -> tuple[Job, timedelta]:
    message = _message(delivery)
    at = out.clock()
    reply = exchange(endpoint, delivery.event_id, payload, out=out)
    now = out.clock()
    decision = judge(reply, message, out=out)
    after = record(delivery, message, reply, decision, at=at, now=now)
    if decision.status == "delivered":
        save(after, None, out=out)
        out.deliveries.leave_line([place])
        remember(endpoint.id, succeeded(prompt=is_prompt(reply, was_prompt=False)), out=out)
        close_circuit(endpoint.id, epoch=job.epoch, out=out)
        return finished(advanced(job, now=now, examined=1, sent=1), now=now), AT_ONCE
    if not reply.made and decision.status == "dead":
        # No receiver can mend what can't even be made into a request.
        notice = obituary(after, endpoint, payload, now=now)
        save(given_up(after, notice.id) if notice else after, notice, out=out)
        out.deliveries.leave_line([place])
        return advanced(job, now=now, examined=1), AT_ONCE
    save(still_held(after), None, out=out)
    return _go_on(endpoint, reply, decision, job, out=out)


def _go_on(
    endpoint: Endpoint, reply: Reply, decision: Decision, job: Job, *, out: Outbound
) -> tuple[Job, timedelta]:
    now = out.clock()
    after = advanced(job, now=now, examined=1, sent=int(reply.made))
    if reply.made:
        prompt = is_prompt(reply, was_prompt=False)
        health = out.health.add_failure(endpoint.id, at_first=False, prompt=prompt, now=now)
        if decision.endpoint_gone or health.calls_for_disabling(now):
            reason = GONE if decision.endpoint_gone else FAILED_FOR_DAYS
            disable_endpoint(endpoint, reason, out=out)
            return finished(after, now=now, note=reason), AT_ONCE
    return after, probe_pause(after.examined + 1, decision)


def _message(delivery: Delivery) -> Message:
    return Message(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        order_id=delivery.order_id,
        endpoint_id=delivery.endpoint_id,
        generation=delivery.generation,
        attempt=delivery.attempt + 1,
    )
