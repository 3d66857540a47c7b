"""How far the clock's work is, so that a run that was cut off is gone on with by the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from .event_types import Mismatch
from .events import Event, announce

DAILY = timedelta(hours=24)
LOOK_BACK = timedelta(days=3)
"""Each reconciliation looks at so much of the past: a notice may fail for days before its sender gives up."""

IN_FLIGHT = timedelta(minutes=15)
"""What is younger may still be on its way by itself."""

ACKNOWLEDGED_WITHIN = timedelta(hours=1)

Stage = Literal["payments", "refunds", "done"]


class SweepReport(Struct, frozen=True, kw_only=True):
    """The last look at what was due: `is_complete` unless its time was over first."""

    at: datetime
    settled: int
    failed: int
    is_complete: bool


class Reconciliation(Struct, frozen=True, kw_only=True):
    """The provider's books from `since` until `until`, compared as far as `stage` and `cursor`.

    `repaired` counts what only the provider knew, `mismatches` what could not be mended.
    """

    version: int
    since: datetime
    until: datetime
    started_at: datetime
    updated_at: datetime
    stage: Stage = "payments"
    cursor: str | None = None
    examined: int = 0
    repaired: int = 0
    mismatches: int = 0

    @property
    def is_done(self) -> bool:
        return self.stage == "done"


class Acknowledgements(Struct, frozen=True, kw_only=True):
    """Whether sales were taken notice of: all that happened before `until` was looked at.

    `position` says how far behind it was looked. `unacknowledged` counts the sales of which no endpoint had
    taken notice within ACKNOWLEDGED_WITHIN; `last_at` is when one was found last.
    """

    version: int
    until: datetime
    position: str = ""
    unacknowledged: int = 0
    last_at: datetime | None = None


def next_reconciliation(last: Reconciliation | None, *, now: datetime) -> Reconciliation | None:
    """The one to go on with: the unfinished one, or a new one once a day; None if that is not over."""
    if last is not None and (not last.is_done or now - last.started_at < DAILY):
        return None if last.is_done else last
    return Reconciliation(
        version=last.version if last else 0,
        since=now - LOOK_BACK,
        until=now - IN_FLIGHT,
        started_at=now,
        updated_at=now,
    )


def after_page(
    done: Reconciliation, *, cursor: str | None, examined: int, repaired: int, mismatches: int, now: datetime
) -> Reconciliation:
    """After one more page; behind the last one of a list comes the next list."""
    stages: dict[Stage, Stage] = {"payments": "refunds", "refunds": "done", "done": "done"}
    return replace(
        done,
        version=done.version + 1,
        stage=done.stage if cursor else stages[done.stage],
        cursor=cursor,
        examined=done.examined + examined,
        repaired=done.repaired + repaired,
        mismatches=done.mismatches + mismatches,
        updated_at=now,
    )


def after_events(
    done: Acknowledgements, *, until: datetime, position: str | None, lost: int, now: datetime
) -> Acknowledgements:
    """After one more page; `position` is where it ended, None if there was no more before `until`."""
    return replace(
        done,
        version=done.version + 1,
        until=done.until if position else max(until, done.until),
        position=position or "",
        unacknowledged=done.unacknowledged + lost,
        last_at=now if lost else done.last_at,
    )


def mismatch(found: Mismatch, *, about: str, now: datetime) -> Event:
    """What tells a difference to the world, once for each thing that it is about."""
    return announce(
        "reconciliation.mismatch",
        order_id=found.order_id,
        about=about,
        data={"mismatch": found},
        now=now,
    )
