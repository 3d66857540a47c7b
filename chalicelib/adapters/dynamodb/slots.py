"""SLOTS / line: when a line in front of an endpoint with a rate limit has time again, in ms since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.domain.errors import Busy
from chalicelib.ports import Moved

from .table import Table

_TRIES = 10
"""Whoever finds neither a next slot nor a first one was overtaken in between, and looks again."""


class DynamoSlots:
    """Keeps chalicelib.ports.Slots: one conditional write, two after a quiet time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def reserve(self, line: str, *, per_second: int, now: datetime, ahead: timedelta) -> datetime | None:
        interval = round(1000 / per_second)
        now_ms = _milliseconds(now)
        latest = now_ms + _milliseconds_of(ahead)
        for _ in range(_TRIES):
            slot = self._next(line, interval, now=now_ms, latest=latest) or self._first(
                line, interval, now=now_ms
            )
            if slot is not None or self._next_at(line) > latest:
                return slot
        raise Busy

    def _next(self, line: str, interval: int, *, now: int, latest: int) -> datetime | None:
        """The slot behind the last one that was taken, if that is not over, nor too far away."""
        return self._take(
            line,
            "SET next_at = next_at + :interval",
            condition="next_at BETWEEN :now AND :latest",
            values={"interval": interval, "now": now, "latest": latest},
            back=interval,
        )

    def _first(self, line: str, interval: int, *, now: int) -> datetime | None:
        """A slot at once, if the last one that was taken is over."""
        return self._take(
            line,
            "SET next_at = :next",
            condition="attribute_not_exists(next_at) OR next_at < :now",
            values={"next": now + interval, "now": now},
            back=interval,
        )

    def _next_at(self, line: str) -> int:
        row = self._table.get(("SLOTS", line))
        return int(row["next_at"]["N"]) if row else 0

    def _take(
        self, line: str, update: str, *, condition: str, values: dict[str, object], back: int
    ) -> datetime | None:
        try:
            row = self._table.update(("SLOTS", line), update, condition=condition, values=values)
        except Moved:
            return None
        return datetime.fromtimestamp((int(row["next_at"]["N"]) - back) / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _milliseconds_of(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
