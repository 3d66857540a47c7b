"""One attempt to deliver one event to one endpoint: whether to make it, making it, and what follows."""

from __future__ import annotations

import logging
from datetime import timedelta

from msgspec.structs import replace

from chalicelib.domain.deliveries import Delivery, delivery_id, given_up, hold, record
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Message
from chalicelib.domain.errors import EventNotFound
from chalicelib.domain.events import Event
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.obituaries import obituary
from chalicelib.domain.retries import Decision, asked_delay, decide
from chalicelib.ports import ExpressionFailed, Moved

from .circuits import note_outcome
from .contention import until_settled
from .outbound import Outbound
from .shaping import render

log = logging.getLogger(__name__)

WAIT_HERE = timedelta(seconds=10)
"""A turn at a limited endpoint that is so near is waited for in the worker."""

ALL_TAKEN = timedelta(minutes=10)
"""Tickets are given out for so long ahead; who gets none asks again after that."""

_MOMENT = 0.1  # seconds


def deliver(message: Message, *, express: bool, seen_before: bool, out: Outbound) -> Delivery | None:
    """Make the attempt that the message asks for; None if it has been made, or nobody wants it any more.

    `express` says that the message came by the queue of those in a hurry, `seen_before` that the queue gave
    it out earlier; only then, or past the first attempt, is the delivery's row worth a read.
    """
    try:
        return _deliver(message, express=express, seen_before=seen_before, out=out)
    except (
        Moved
    ):  # its endpoint holds deliveries no more, or it was recorded before, or many are held at once
        _look_anew(out)
        return until_settled(
            lambda: _deliver(message, express=express, seen_before=True, out=out),
            between=lambda: _look_anew(out),
        )


def _look_anew(out: Outbound) -> None:
    out.endpoints.expire()
    _wait_a_moment(out)


def _deliver(message: Message, *, express: bool, seen_before: bool, out: Outbound) -> Delivery | None:
    endpoint = out.endpoints.get_endpoint(message.endpoint_id)
    if endpoint is None:
        # Nothing is dropped on a cached word. It is held on one, but only if its epoch is the endpoint's.
        endpoint = out.endpoint_store.get_endpoint(message.endpoint_id)
    if endpoint is None:
        log.info("endpoint is gone", extra=_ids(message))
        return None
    if express and not _hurries(endpoint, out=out):
        out.queue.send([replace(message, waited=message.waited or seen_before)])
        return None
    previous = None
    if seen_before or not message.is_first:
        previous = out.deliveries.get_delivery(message.event_id, message.endpoint_id)
        if previous is not None and not previous.awaits(message):
            log.info("attempt was made before, or is not wanted any more", extra=_ids(message))
            return None
    if endpoint.holds and not message.insist:
        held = hold(previous, message, now=out.clock())
        out.deliveries.hold_delivery(held, endpoint=endpoint)
        log.info("delivery held: endpoint is %s", endpoint.status, extra=_ids(message))
        return held
    if endpoint.rate_limit is not None and not _has_turn(message, endpoint.rate_limit, out=out):
        return None
    return _attempt(message, endpoint, previous, out=out)


def _hurries(endpoint: Endpoint, *, out: Outbound) -> bool:
    """Whether the endpoint may use the express queue: it answers promptly, and need not be waited for."""
    if endpoint.rate_limit is not None:
        return False
    if not out.endpoints.get_health(endpoint.id).prompt:
        # The relay, who sent the message by the express queue, may know more than a worker's memory.
        out.endpoints.learn(endpoint.id, out.health.get_health(endpoint.id))
    return out.endpoints.get_health(endpoint.id).prompt


def _has_turn(message: Message, per_second: int, *, out: Outbound) -> bool:
    """Wait for the message's turn at a limited endpoint; False if it waits in the queue instead.

    Turns are for those who are here: the queue is late as often as not, and a turn that nobody takes is lost.
    Who has to go back gets a ticket, which says when it is worth asking again.
    """
    now = out.clock()
    turn = out.slots.reserve(message.endpoint_id, per_second=per_second, now=now, ahead=WAIT_HERE)
    if turn is not None:
        out.pause(max((turn - now).total_seconds(), 0))  # turns are whole milliseconds
        return True
    if message.has_ticket:
        out.queue.send_later(replace(message, waited=True), WAIT_HERE)
        return False
    line = f"{message.endpoint_id}#TICKETS"
    ticket = out.slots.reserve(line, per_second=per_second, now=now, ahead=ALL_TAKEN)
    wait = ALL_TAKEN if ticket is None else ticket - now
    out.queue.send_later(replace(message, waited=True, has_ticket=ticket is not None), wait)
    return False


def _attempt(message: Message, endpoint: Endpoint, previous: Delivery | None, *, out: Outbound) -> Delivery:
    """The order of the effects makes a crash harmless: the next attempt is enqueued, then this one is
    recorded, then the caller deletes the message.
    """
    at = out.clock()
    payload = _payload(message, out=out)
    reply = exchange(endpoint, message.event_id, payload, out=out)
    now = out.clock()
    decision = judge(reply, message, out=out)
    delivery = record(previous, message, reply, decision, at=at, now=now)
    if decision.retry_in is not None:
        out.queue.send_later(_next(message), decision.retry_in)
    notice = None
    if _is_lost(decision, message):
        notice = obituary(delivery, endpoint, _kept(message.event_id, payload, out=out), now=now)
    if notice is not None:
        delivery = given_up(delivery, notice.id)
    save(delivery, notice, out=out)
    outcome = {"status": delivery.status, "http_status": reply.status}
    log.info("attempt made", extra=_ids(message) | outcome)
    if reply.made and (decision.status == "delivered" or not message.once):
        note_outcome(endpoint, reply, decision, at_first=message.attempt == 1, out=out)
    return delivery


def exchange(endpoint: Endpoint, event_id: str, payload: str, *, out: Outbound) -> Reply:
    """Send the event as the endpoint wants it, signed now."""
    secrets = out.secrets.get_secrets(endpoint.id, endpoint.secret_version)
    try:
        request = render(
            endpoint, event_id, payload, secrets=secrets, expressions=out.expressions, now=out.clock()
        )
    except ExpressionFailed as problem:
        return Reply(duration_ms=0, made=False, error=f"not sent: {problem}")
    return out.sender.send(request)


def judge(reply: Reply, message: Message, *, out: Outbound) -> Decision:
    return decide(
        status=reply.status,
        attempt=message.attempt,
        spread=_spread(out),
        asked=asked_delay(reply.headers.get("retry-after", ""), now=out.clock()),
        once=message.once,
    )


def _spread(out: Outbound) -> float:
    """An attempt's share of the jitter, from -1 to 1."""
    return int.from_bytes(out.entropy(4), "big") / (2**31) - 1


def _payload(message: Message, *, out: Outbound) -> str:
    if message.payload is not None:
        return message.payload
    event = out.events.get_event(message.event_id)
    if event is None:
        raise EventNotFound
    return event.payload


def _kept(event_id: str, payload: str, *, out: Outbound) -> str:
    """The payload as it is kept by now: while its message waited, its person may have been erased."""
    event = out.events.get_event(event_id)
    return payload if event is None else event.payload


def _is_lost(decision: Decision, message: Message) -> bool:
    return decision.status == "dead" and not message.once


def save(delivery: Delivery, notice: Event | None, *, out: Outbound) -> None:
    """Record the delivery over what was read of it; in a crowd, as it has to be then."""
    try:
        out.deliveries.save_delivery(delivery, event=notice)
    except Moved:
        until_settled(lambda: _settle(delivery, notice, out=out), between=lambda: _wait_a_moment(out))


def _settle(delivery: Delivery, notice: Event | None, *, out: Outbound) -> None:
    """Record it beside what is there by now.

    Where nothing has been recorded meanwhile, a transaction was merely in the way. Where a second copy of the
    message was faster, its record stands, unless only ours arrived. What merely lost its excerpts, since a
    person was erased, still awaits this attempt.
    """
    there = out.deliveries.get_delivery(delivery.event_id, delivery.endpoint_id)
    if (there.version if there else 0) == delivery.version - 1:
        out.deliveries.save_delivery(delivery, event=notice)
    elif there is None:
        out.deliveries.save_delivery(replace(delivery, version=1), event=notice)
    elif _is_news(delivery, there):
        out.deliveries.save_delivery(_beside(there, delivery), event=notice)
    else:
        log.info("attempt was recorded by another", extra={"delivery_id": delivery.id})


def _is_news(delivery: Delivery, there: Delivery) -> bool:
    if delivery.status == "delivered":
        return there.status != "delivered" or there.generation < delivery.generation
    return (there.generation, there.attempt) < (delivery.generation, delivery.attempt)


def _beside(there: Delivery, delivery: Delivery) -> Delivery:
    """The delivery that arrived, with the attempt of a slower or unluckier copy kept."""
    return replace(
        delivery,
        version=there.version + 1,
        generation=max(delivery.generation, there.generation),
        attempt=max(delivery.attempt, there.attempt),
        attempts=[*there.attempts, replace(delivery.attempts[-1], number=there.tries + 1)],
        notices=list(dict.fromkeys([*there.notices, *delivery.notices])),
    )


def _wait_a_moment(out: Outbound) -> None:
    out.pause(_MOMENT * abs(_spread(out)))


def _next(message: Message) -> Message:
    return replace(message, attempt=message.attempt + 1, insist=False, waited=False, has_ticket=False)


def _ids(message: Message) -> dict[str, object]:
    return {
        "delivery_id": delivery_id(message.event_id, message.endpoint_id),
        "event_id": message.event_id,
        "endpoint_id": message.endpoint_id,
        "order_id": message.order_id,
        "attempt": message.attempt,
    }
