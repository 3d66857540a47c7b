"""EVENT#id / EVENT, the frozen event; / FAN_OUT, whom it goes to. Deliveries lie beside them.

The stream carries EVENT rows to the relay, which knows them by their `kind`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.events import Event, EventSummary
from chalicelib.ports import Moved, Unreadable

from .items import Row, from_row, from_value, key_row, sortable, to_row
from .table import Key, Table

_POSITION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z#(evt_[a-z2-7]{26})", re.ASCII)

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""Before Tillhook was, nothing happened; each month that is asked for costs a request."""


class DynamoEvents:
    """Keeps chalicelib.ports.EventStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_event(self, event_id: str) -> Event | None:
        row = self._table.get(_event_key(event_id))
        return from_row(row, Event) if row else None

    def get_events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        rows = self._table.get_many(_event_key(event_id) for event_id in event_ids)
        events = [from_row(row, Event) for row in rows.values()]
        return {event.id: event for event in events}

    def put_event(self, event: Event) -> None:
        with suppress(Moved):
            self._table.put(event_row(event), condition="attribute_not_exists(pk)")

    def rewrite_event(self, event: Event) -> None:
        self._table.update(_event_key(event.id), "SET payload = :payload", values={"payload": event.payload})

    def event_of(self, image: Row) -> Event:
        """The event of a stream record's new image; Unreadable if it is none."""
        try:
            return from_row(image, Event)
        except (msgspec.ValidationError, ValueError, TypeError, AttributeError) as error:
            raise Unreadable(
                str(image.get("pk", {}).get("S", "")).removeprefix(event_partition(""))
            ) from error

    def list_events(
        self, *, since: datetime, until: datetime, position: str, limit: int, newest_first: bool = False
    ) -> tuple[list[EventSummary], str | None]:
        low, high = sortable(since), sortable(until)
        start = _start(position)
        if position and not low <= position < high:
            return (
                [],
                None,
            )  # the range has moved on, past the page before; DynamoDB would refuse such a start
        found: list[EventSummary] = []
        begun_in = position[:7]
        for month in _months(since, until, newest_first=newest_first):
            if begun_in and (month > begun_in if newest_first else month < begun_in):
                continue
            rows, last = self._table.query_page(
                _listing(month),
                index="listing",
                between=("listed_at", low, high),
                limit=limit - len(found),
                start=start if month == begun_in else None,
                newest_first=newest_first,
            )
            found += [from_row(row, EventSummary) for row in rows]
            if last is not None or len(found) == limit:
                return found, rows[-1]["listed_at"]["S"]
        return found, None

    def record_fan_out(self, event_id: str, endpoint_ids: Sequence[str], *, now: datetime) -> list[str]:
        row = key_row(_fan_out_key(event_id), endpoints=list(endpoint_ids), at=sortable(now))
        try:
            self._table.put(row, condition="attribute_not_exists(pk)")
        except Moved:
            return self.get_fan_outs([event_id]).get(event_id, [])
        return list(endpoint_ids)

    def get_fan_outs(self, event_ids: Iterable[str]) -> dict[str, list[str]]:
        rows = self._table.get_many(_fan_out_key(event_id) for event_id in event_ids)
        return {pk.removeprefix(event_partition("")): _endpoint_ids(row) for (pk, _), row in rows.items()}


def event_row(event: Event) -> Row:
    created = sortable(event.created_at)
    # A test is looked at by its id; it is not part of what happened.
    listed = {} if event.only_to else {"listing": _listing(created[:7]), "listed_at": f"{created}#{event.id}"}
    return to_row(event, pk=event_partition(event.id), sk="EVENT", kind="event", **listed)


def event_partition(event_id: str) -> str:
    return f"EVENT#{event_id}"


def _event_key(event_id: str) -> Key:
    return event_partition(event_id), "EVENT"


def _fan_out_key(event_id: str) -> Key:
    return event_partition(event_id), "FAN_OUT"


def _endpoint_ids(row: Row) -> list[str]:
    endpoint_ids = from_value(row["endpoints"])
    return [str(endpoint_id) for endpoint_id in endpoint_ids] if isinstance(endpoint_ids, list) else []


def _listing(month: str) -> str:
    return f"EVENTS#{month}"


def _start(position: str) -> Row | None:
    """The index's own key of the event at this position."""
    if not position:
        return None
    match = _POSITION.fullmatch(position)
    if match is None:
        raise InvalidCursor("That cursor is not one of this list's. Begin again without it.")
    pk, sk = _event_key(match[1])
    return key_row((pk, sk), listing=_listing(position[:7]), listed_at=position)


def _month_number(moment: datetime) -> int:
    there = moment.astimezone(UTC)
    return there.year * 12 + there.month - 1


def _months(since: datetime, until: datetime, *, newest_first: bool) -> Iterator[str]:
    """The months ("2026-11") that the time between the two touches."""
    months = range(max(_month_number(since), _month_number(_BEGINNING)), _month_number(until) + 1)
    for number in reversed(months) if newest_first else months:
        yield f"{number // 12:04d}-{number % 12 + 1:02d}"
