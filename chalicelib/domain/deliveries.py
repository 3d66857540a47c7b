"""A delivery: one event to one endpoint, tried until it is delivered or given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct

from .errors import DeliveryNotFound
from .identifiers import is_id

DeliveryStatus = Literal["delivered", "failing", "dead"]

RETRY_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long to wait after the first, second, … failure; after the last one the delivery is dead.

Standard Webhooks' advice: a receiver has some three days to come back.
"""

JITTER = 0.2
"""By how much of itself each delay varies, so that what failed together does not come back together."""

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""A receiver that asks for more patience gets this much."""

_WAIT_AS_ASKED = frozenset({429, 503})
_GONE = 410

EXCERPT_BYTES = 1024
"""How much of an answer is kept."""


class Reply(Struct, frozen=True, kw_only=True):
    """What came of one HTTP request: a status with an excerpt, or an error in plain words.

    `retry_after` is the header of that name, as it came.
    """

    duration_ms: int
    status: int | None = None
    excerpt: str = ""
    error: str = ""
    retry_after: str = ""


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP try; `number` counts from 1."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None = None
    error: str = ""
    excerpt: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    """One row, which its first attempt creates; `attempt` is the number of the last one."""

    id: str
    event_id: str
    endpoint_id: str
    event_type: str
    order_id: str
    status: DeliveryStatus
    attempt: int
    attempts: list[Attempt]
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None = None

    def awaits(self, attempt: int) -> bool:
        """Whether this attempt is still to be made: not if it, or a later one, has been, or all is done."""
        return self.status == "failing" and self.attempt < attempt


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


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the queue carries: attempt number `attempt` of an event to an endpoint.

    `payload` is the event's own, inline; absent where it is too large for that, to be read by its id.
    """

    event_id: str
    event_type: str
    order_id: str
    endpoint_id: str
    attempt: int = 1
    payload: str | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """`endpoint_gone` says that the receiver wants nothing more, of this or of anything."""

    status: DeliveryStatus
    retry_in: timedelta | None = None
    endpoint_gone: bool = False


def decide(
    *, status: int | None, attempt: int, spread: float = 0.0, asked: timedelta | None = None
) -> Decision:
    """Judge attempt number `attempt` (from 1); `status` is None if nobody answered in time.

    2xx is success and nothing else is; whatever fails is tried again as long as RETRY_DELAYS go. `spread`,
    from -1 to 1, is this attempt's share of the jitter. `asked` is what the receiver's Retry-After asks
    for: with 429 and 503 it lengthens the delay, and never shortens it.
    """
    if status is not None and 200 <= status < 300:  # noqa: PLR2004 (HTTP's own classes)
        return Decision(status="delivered")
    if status == _GONE:
        return Decision(status="dead", endpoint_gone=True)
    if attempt > len(RETRY_DELAYS):
        return Decision(status="dead")
    delay = RETRY_DELAYS[attempt - 1] * (1 + JITTER * spread)
    if asked is not None and status in _WAIT_AS_ASKED:
        delay = max(delay, min(asked, LONGEST_RETRY_AFTER))
    return Decision(status="failing", retry_in=delay)


def asked_delay(retry_after: str, *, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for, in seconds or as a date (RFC 9110, 10.2.3); None if nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=int(text[:9]))  # beyond, it is years in any case
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(until - now, timedelta())


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
        number=message.attempt,
        at=at,
        duration_ms=reply.duration_ms,
        status=reply.status,
        error=reply.error,
        excerpt=reply.excerpt,
    )
    return Delivery(
        id=delivery_id(message.event_id, message.endpoint_id),
        event_id=message.event_id,
        endpoint_id=message.endpoint_id,
        event_type=message.event_type,
        order_id=message.order_id,
        status=decision.status,
        attempt=message.attempt,
        attempts=[*(previous.attempts if previous else ()), attempt],
        created_at=previous.created_at if previous else at,
        updated_at=now,
        next_attempt_at=now + decision.retry_in if decision.retry_in else None,
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
