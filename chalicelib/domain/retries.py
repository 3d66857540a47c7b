"""Trying again: when, how often, and when to give up. One pure decision over policy data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct

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


class Decision(Struct, frozen=True, kw_only=True):
    """`asked` is the patience that the receiver asks for, as far as it is granted.

    `endpoint_gone` says that the receiver wants nothing more, of this or of anything.
    """

    status: Literal["delivered", "failing", "dead"]
    retry_in: timedelta | None = None
    asked: timedelta | None = None
    endpoint_gone: bool = False


def decide(
    *,
    status: int | None,
    attempt: int,
    spread: float = 0.0,
    asked: timedelta | None = None,
    once: bool = False,
) -> Decision:
    """Judge attempt number `attempt` (from 1); `status` is None if nobody answered in time.

    2xx is success and nothing else is; whatever fails is tried again as long as RETRY_DELAYS go. `spread`,
    from -1 to 1, is this attempt's share of the jitter. `asked` is what the receiver's Retry-After asks
    for: with 429 and 503 it lengthens the delay, and never shortens it. `once` makes a failure final.
    """
    if is_success(status):
        return Decision(status="delivered")
    if status == _GONE:
        return Decision(status="dead", endpoint_gone=True)
    granted = None
    if asked is not None and status in _WAIT_AS_ASKED:
        granted = min(asked, LONGEST_RETRY_AFTER)
    if once or attempt > len(RETRY_DELAYS):
        return Decision(status="dead", asked=granted)
    delay = RETRY_DELAYS[attempt - 1] * (1 + JITTER * spread)
    return Decision(status="failing", retry_in=max(delay, granted or delay), asked=granted)


def is_success(status: int | None) -> bool:
    """2xx is, and nothing else."""
    return status is not None and 200 <= status < 300  # noqa: PLR2004 (HTTP's own classes)


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
