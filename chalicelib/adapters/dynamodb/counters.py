"""LIMIT#what#visitor#hour / LIMIT: how often somebody did it in that hour; gone soon after it."""

from __future__ import annotations

from typing import TypedDict

from chalicelib.domain.limits import Tally
from chalicelib.ports import LimitReached, Moved

from .items import sortable
from .table import Action, Key, Table


class _Update(TypedDict):
    update: str
    condition: str
    values: dict[str, object]


class DynamoCounters:
    """Keeps chalicelib.ports.Counters."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, tally: Tally) -> None:
        try:
            self._table.update(_key(tally), **_one_more(tally))
        except Moved:
            raise LimitReached(tally) from None


def count_action(table: Table, tally: Tally) -> Action:
    """The same as a part of a transaction."""
    return table.update_action(_key(tally), **_one_more(tally))


def _one_more(tally: Tally) -> _Update:
    return {
        "update": "SET expires_at = :ends ADD counted :one",
        "condition": "attribute_not_exists(counted) OR counted < :most",
        "values": {"ends": int(tally.ends_at.timestamp()), "one": 1, "most": tally.most},
    }


def _key(tally: Tally) -> Key:
    return f"LIMIT#{tally.what}#{tally.visitor}#{sortable(tally.ends_at)[:13]}", "LIMIT"
