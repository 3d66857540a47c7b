"""Probing an endpoint whose circuit is open, with the delivery that has waited longest."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.deliveries import Delivery, HeldDelivery, record, still_held
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Message
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.health import is_prompt, succeeded
from chalicelib.domain.jobs import Job, advanced, finished
from chalicelib.domain.retries import Decision
from chalicelib.ports import Moved

from .attempts import exchange, judge
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


def probe(job: Job, *, out: Outbound) -> tuple[Job, timedelta]:
    """One probe, and how long to wait for the next.

    A probe that fails is an attempt like any other in the record, but it does not wear out the delivery's
    retries: these begin when the endpoint is back.
    """
    endpoint = out.endpoint_store.get_endpoint(job.endpoint_id)
    if endpoint is None or not endpoint.circuit_open or endpoint.epoch != job.epoch:
        return finished(job, now=out.clock(), note="The circuit was closed by somebody else."), AT_ONCE
    place = next(iter(out.deliveries.next_held(endpoint.id, before_epoch=None, limit=1)), None)
    if place is None:
        # Nobody waits: the next delivery that comes is the probe.
        close_circuit(endpoint.id, epoch=job.epoch, out=out)
        return finished(job, now=out.clock(), note="Nothing was held."), AT_ONCE
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
    if decision.status != "delivered":
        _save(still_held(after), out=out)
        return _go_on(endpoint, reply, decision, job, out=out)
    _save(after, out=out)
    out.deliveries.leave_line([place])
    remember(endpoint.id, succeeded(prompt=is_prompt(reply, was_prompt=False)), out=out)
    close_circuit(endpoint.id, epoch=job.epoch, out=out)
    return finished(advanced(job, now=now, examined=1, sent=1), now=now), AT_ONCE


def _go_on(
    endpoint: Endpoint, reply: Reply, decision: Decision, job: Job, *, out: Outbound
) -> tuple[Job, timedelta]:
    now = out.clock()
    health = out.health.add_failure(
        endpoint.id, at_first=False, prompt=is_prompt(reply, was_prompt=False), now=now
    )
    reason = GONE if decision.endpoint_gone else FAILED_FOR_DAYS
    if decision.endpoint_gone or health.calls_for_disabling(now):
        disable_endpoint(endpoint, reason, out=out)
        return finished(advanced(job, now=now, examined=1, sent=1), now=now, note=reason), AT_ONCE
    after = advanced(job, now=now, examined=1, sent=1)
    return after, probe_pause(after.examined + 1, decision)


def _save(delivery: Delivery, *, out: Outbound) -> None:
    try:
        out.deliveries.save_delivery(delivery)
    except Moved:
        return  # resent by its owner in this very moment, whose record stands


def _message(delivery: Delivery) -> Message:
    return Message(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        order_id=delivery.order_id,
        endpoint_id=delivery.endpoint_id,
        generation=delivery.generation,
        attempt=delivery.attempt + 1,
    )
