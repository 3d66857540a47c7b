"""One event to one endpoint: trying, recording, and looking at what was tried."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.domain.deliveries import (
    Delivery,
    DeliverySummary,
    Message,
    Reply,
    asked_delay,
    decide,
    delivery_id,
    parse_delivery_id,
    record,
)
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import DeliveryNotFound, EventNotFound
from chalicelib.domain.identifiers import Entropy, is_id
from chalicelib.domain.signing import signed_headers
from chalicelib.ports import (
    Clock,
    DeliveryQueue,
    DeliveryStore,
    EndpointReader,
    EndpointStore,
    EventStore,
    Moved,
    Page,
    SecretStore,
    Sender,
)

from .contention import until_settled
from .endpoints import disable_endpoint, read_endpoint

log = logging.getLogger(__name__)


def attempt(
    message: Message,
    *,
    seen_before: bool,
    endpoints: EndpointReader,
    endpoint_store: EndpointStore,
    secrets: SecretStore,
    events: EventStore,
    deliveries: DeliveryStore,
    queue: DeliveryQueue,
    sender: Sender,
    clock: Clock,
    entropy: Entropy,
) -> Delivery | None:
    """Make the attempt that the message asks for; None if it has been made, or nobody wants it any more.

    The order of the effects is what makes a crash harmless: the next attempt is enqueued, then this one
    is recorded, then the caller deletes the message. `seen_before` says that the queue gave this message
    out earlier; only then, or past the first attempt, is the delivery's row worth a read. `endpoints` may
    be some seconds old; `endpoint_store` is where an endpoint that is gone is disabled.
    """
    endpoint = endpoints.get_endpoint(message.endpoint_id)
    if endpoint is None or not endpoint.enabled:
        # A message is dropped on the owner's last word only, never on a cached one.
        endpoint = endpoint_store.get_endpoint(message.endpoint_id)
    if endpoint is None or not endpoint.enabled:
        log.info("endpoint is gone or disabled", extra=_ids(message))
        return None
    previous = None
    if seen_before or message.attempt > 1:
        previous = deliveries.get_delivery(message.event_id, message.endpoint_id)
        if previous is not None and not previous.awaits(message.attempt):
            log.info("attempt was made before, or is not wanted any more", extra=_ids(message))
            return None
    at = clock()
    reply = _post(message, endpoint, secrets=secrets, events=events, sender=sender, clock=clock)
    now = clock()
    decision = decide(
        status=reply.status,
        attempt=message.attempt,
        spread=_spread(entropy),
        asked=asked_delay(reply.retry_after, now=now),
    )
    if decision.endpoint_gone:
        disable_endpoint(endpoint, "It answered 410 Gone.", endpoints=endpoint_store, now=now)
    delivery = record(previous, message, reply, decision, at=at, now=now)
    _record(delivery, previous, message, deliveries=deliveries, queue=queue)
    return delivery


def _spread(entropy: Entropy) -> float:
    """An attempt's share of the jitter, from -1 to 1."""
    return int.from_bytes(entropy(4), "big") / (2**31) - 1


def _post(
    message: Message,
    endpoint: Endpoint,
    *,
    secrets: SecretStore,
    events: EventStore,
    sender: Sender,
    clock: Clock,
) -> Reply:
    body = _payload(message, events=events).encode()
    now = clock()
    signed = signed_headers(
        message_id=message.event_id,
        payload=body,
        secrets=secrets.get_secrets(endpoint.id, endpoint.secret_version).at(now),
        now=now,
    )
    return sender.post(endpoint.url, headers={"content-type": "application/json", **signed}, body=body)


def _payload(message: Message, *, events: EventStore) -> str:
    if message.payload is not None:
        return message.payload
    event = events.get_event(message.event_id)
    if event is None:
        raise EventNotFound
    return event.payload


def _record(
    delivery: Delivery,
    previous: Delivery | None,
    message: Message,
    *,
    deliveries: DeliveryStore,
    queue: DeliveryQueue,
) -> None:
    if delivery.next_attempt_at is not None:
        queue.send_later(_next(message), delivery.next_attempt_at - delivery.updated_at)
    try:
        deliveries.save_delivery(delivery, previous=previous)
    except Moved:
        # A second copy of this message was faster. Its record stands, unless only ours arrived.
        log.info("attempt was recorded by another", extra=_ids(message))
        if delivery.status == "delivered":
            until_settled(lambda: _insist(delivery, deliveries=deliveries))
        return
    outcome = {"status": delivery.status, "http_status": delivery.attempts[-1].status}
    log.info("attempt made", extra=_ids(message) | outcome)


def _insist(delivery: Delivery, *, deliveries: DeliveryStore) -> None:
    """Have it recorded that the webhook arrived, beside what a slower or unluckier copy recorded."""
    there = deliveries.get_delivery(delivery.event_id, delivery.endpoint_id)
    if there is not None and there.status == "delivered":
        return
    attempts = [*(there.attempts if there else ()), delivery.attempts[-1]]
    attempt = max(delivery.attempt, there.attempt if there else 0)
    deliveries.save_delivery(replace(delivery, attempts=attempts, attempt=attempt), previous=there)


def _next(message: Message) -> Message:
    return Message(
        event_id=message.event_id,
        event_type=message.event_type,
        order_id=message.order_id,
        endpoint_id=message.endpoint_id,
        attempt=message.attempt + 1,
        payload=message.payload,
    )


def _ids(message: Message) -> dict[str, object]:
    return {
        "delivery_id": delivery_id(message.event_id, message.endpoint_id),
        "event_id": message.event_id,
        "endpoint_id": message.endpoint_id,
        "order_id": message.order_id,
        "attempt": message.attempt,
    }


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
    tried = deliveries.list_of_event(event_id)
    return EventDeliveries(deliveries=tried, waiting=_waiting(events.get_fan_out(event_id), tried))


def _waiting(matched: Sequence[str] | None, tried: Sequence[Delivery]) -> list[str]:
    done = {delivery.endpoint_id for delivery in tried}
    return [endpoint_id for endpoint_id in matched or () if endpoint_id not in done]


def list_of_endpoint(
    endpoint_id: str,
    *,
    limit: int,
    cursor: str | None,
    endpoints: EndpointStore,
    deliveries: DeliveryStore,
) -> Page[DeliverySummary]:
    read_endpoint(endpoint_id, endpoints=endpoints)
    return deliveries.list_of_endpoint(endpoint_id, limit=limit, cursor=cursor)
