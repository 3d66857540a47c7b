"""A delivery: one event to one endpoint, tried until it is delivered or given up."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from .errands import Message
from .errors import DeliveryNotFound
from .exchanges import Reply
from .identifiers import is_id
from .retries import Decision

DeliveryStatus = Literal["held", "delivered", "failing", "dead"]

ATTEMPTS_KEPT = 20
"""The latest ones. The usual schedule makes ten; replays and probes of a dead endpoint make more."""


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP try; `number` counts from 1, over all generations. `headers` are the answer's."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None = None
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    excerpt: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    """One row, which its first attempt (or being held before that) creates.

    `attempt` is the number of the last one within its `generation`, 0 before the first. `version` rises with
    every write. `next_attempt_at` is None where nothing is scheduled. `notices` are the events that told of
    its being given up, with all that it said.
    """

    id: str
    version: int
    event_id: str
    endpoint_id: str
    event_type: str
    order_id: str
    status: DeliveryStatus
    generation: int
    attempt: int
    attempts: list[Attempt]
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None = None
    notices: list[str] = field(default_factory=list)

    def awaits(self, message: Message) -> bool:
        """Whether this attempt is still to be made.

        Not if it, or a later one, has been made, if all is done, or if a later replay has taken over.
        """
        if message.generation != self.generation:
            return message.generation > self.generation and (message.again or self.status != "delivered")
        return self.status == "failing" and self.attempt < message.attempt

    @property
    def tries(self) -> int:
        """How often it has been tried, over all generations."""
        return self.attempts[-1].number if self.attempts else 0


class DeliverySummary(Struct, frozen=True, kw_only=True):
    """A line of the owner's list; the attempts themselves are read with the one delivery."""

    id: str
    event_id: str
    endpoint_id: str
    event_type: str
    order_id: str
    status: DeliveryStatus
    attempt: int
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None = None


class HeldDelivery(Struct, frozen=True, kw_only=True):
    """A place in an endpoint's line, taken at `epoch`. The line goes by epoch, then by age.

    `generation` and `version` are the delivery's when it took the place. A delivery that left the line and
    comes back takes another place, so that giving up the one does not give up the other.
    """

    event_id: str
    event_type: str
    order_id: str
    endpoint_id: str
    epoch: int
    generation: int
    version: int
    created_at: datetime


def record(
    previous: Delivery | None,
    message: Message,
    reply: Reply,
    decision: Decision,
    *,
    at: datetime,
    now: datetime,
) -> Delivery:
    """The delivery after one more attempt, begun `at`, ended `now`, and judged by `decision`."""
    attempt = Attempt(
        number=(previous.tries if previous else 0) + 1,
        at=at,
        duration_ms=reply.duration_ms,
        status=reply.status,
        error=reply.error,
        headers=reply.headers,
        excerpt=reply.excerpt,
    )
    retry_in = decision.retry_in
    return replace(
        _begun(previous, message, at=at),
        status=decision.status,
        generation=message.generation,
        attempt=message.attempt,
        attempts=[*(previous.attempts if previous else ()), attempt][-ATTEMPTS_KEPT:],
        updated_at=now,
        next_attempt_at=now + retry_in if retry_in is not None else None,
    )


def hold(previous: Delivery | None, message: Message, *, now: datetime) -> Delivery:
    """The delivery, waiting without an attempt until its endpoint has better times."""
    begun = _begun(previous, message, at=now)
    return replace(begun, status="held", generation=message.generation, updated_at=now, next_attempt_at=None)


def still_held(delivery: Delivery) -> Delivery:
    """A held delivery whose probe failed: it keeps its place, and its schedule has not begun."""
    return replace(delivery, status="held", next_attempt_at=None)


def given_up(delivery: Delivery, notice_id: str) -> Delivery:
    return replace(delivery, notices=[*delivery.notices, notice_id])


def place_in_line(delivery: Delivery, *, epoch: int) -> HeldDelivery:
    return HeldDelivery(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        order_id=delivery.order_id,
        endpoint_id=delivery.endpoint_id,
        epoch=epoch,
        generation=delivery.generation,
        version=delivery.version,
        created_at=delivery.created_at,
    )


def _begun(previous: Delivery | None, message: Message, *, at: datetime) -> Delivery:
    if previous is not None:
        return replace(previous, version=previous.version + 1)
    return Delivery(
        id=delivery_id(message.event_id, message.endpoint_id),
        version=1,
        event_id=message.event_id,
        endpoint_id=message.endpoint_id,
        event_type=message.event_type,
        order_id=message.order_id,
        status="held",
        generation=message.generation,
        attempt=0,
        attempts=[],
        created_at=at,
        updated_at=at,
    )


def delivery_id(event_id: str, endpoint_id: str) -> str:
    """`dlv_` with both ids' bodies in it: one event to one endpoint is one delivery, readable as such."""
    return f"dlv_{event_id.removeprefix('evt_')}_{endpoint_id.removeprefix('ep_')}"


def parse_delivery_id(text: str) -> tuple[str, str]:
    """The event's and the endpoint's id; DeliveryNotFound for anything that is no delivery's id."""
    prefix, _, rest = text.partition("_")
    event, _, endpoint = rest.partition("_")
    event_id, endpoint_id = f"evt_{event}", f"ep_{endpoint}"
    if prefix != "dlv" or not is_id("evt", event_id) or not is_id("ep", endpoint_id):
        raise DeliveryNotFound
    return event_id, endpoint_id
