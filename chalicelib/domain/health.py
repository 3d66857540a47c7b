"""How an endpoint has been doing: whether it answers promptly, and since when it fails."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from .exchanges import Reply
from .retries import is_success

FAILURES_TO_OPEN = 5
"""So many deliveries must fail, with no success between them, before an endpoint's circuit opens.

Deliveries, not attempts: where one delivery alone fails, it goes on by its schedule.
"""

PROBE_DELAYS = (
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=15),
)
"""How long an open circuit waits for its first, second, … probe; then always as long as the last."""

DISABLED_AFTER = timedelta(days=5)
"""An endpoint that has failed for so long, without one success, is disabled."""

FORGOTTEN_AFTER = timedelta(days=2)
"""A failure so long after the last one begins the count anew: in between nobody had anything to deliver."""

_PROMPT_MS = 1000
_SLOW_MS = 2000


class Health(Struct, frozen=True, kw_only=True):
    """`failures` are deliveries that failed at first, since `failing_since`; a success ends both.

    `failed_at` is when an attempt last failed.

    A `prompt` endpoint has answered fast of late.
    """

    failures: int = 0
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    prompt: bool = False

    @property
    def calls_for_holding(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN

    def calls_for_disabling(self, now: datetime) -> bool:
        return self.failing_since is not None and now - self.failing_since >= DISABLED_AFTER


def is_prompt(reply: Reply, *, was_prompt: bool) -> bool:
    """Whether the endpoint may share workers with others who are in a hurry.

    Trust is given for one fast success, and lost by one slow answer or by waiting in vain; what lies between
    changes nothing.
    """
    is_fast = reply.duration_ms <= _PROMPT_MS
    if reply.duration_ms > _SLOW_MS or (reply.status is None and not is_fast):
        return False
    return was_prompt or (is_fast and is_success(reply.status))


def succeeded(*, prompt: bool) -> Health:
    return Health(prompt=prompt)


def failed(health: Health, *, at_first: bool, prompt: bool, now: datetime) -> Health:
    """After one more attempt that failed, the first of its delivery or a later one."""
    if health.failed_at is None or now - health.failed_at > FORGOTTEN_AFTER:
        health = Health()
    return replace(
        health,
        failures=health.failures + at_first,
        failing_since=health.failing_since or now,
        failed_at=now,
        prompt=prompt,
    )


def probe_delay(number: int) -> timedelta:
    """How long to wait for probe `number`, from 1."""
    return PROBE_DELAYS[min(number, len(PROBE_DELAYS)) - 1]
