"""EVENT#id / EVENT, the frozen event; / FAN_OUT, whom it goes to; / DELIVERY#endpoint, one row each.

The stream carries EVENT rows to the relay, which knows them by their `kind`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from chalicelib.domain.deliveries import Delivery, DeliverySummary
from chalicelib.domain.events import Event
from chalicelib.ports import Moved, Page, Unreadable

from .items import Row, from_row, from_value, key_row, sortable, to_row
from .listing import listed
from .table import Key, Table


class DynamoEvents:
    """Keeps chalicelib.ports.EventStore and DeliveryStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_event(self, event_id: str) -> Event | None:
        row = self._table.get((_partition(event_id), "EVENT"))
        return from_row(row, Event) if row else None

    def event_of(self, image: Row) -> Event:
        """The event of a stream record's new image; Unreadable if it is none."""
        try:
            return from_row(image, Event)
        except (msgspec.ValidationError, ValueError, TypeError, AttributeError) as error:
            raise Unreadable(str(image.get("pk", {}).get("S", "")).removeprefix(_partition(""))) from error

    def record_fan_out(self, event_id: str, endpoint_ids: Sequence[str], *, now: datetime) -> list[str]:
        row = key_row((_partition(event_id), "FAN_OUT"), endpoints=list(endpoint_ids), at=sortable(now))
        try:
            self._table.put(row, condition="attribute_not_exists(pk)")
        except Moved:
            return self.get_fan_out(event_id) or []
        return list(endpoint_ids)

    def get_fan_out(self, event_id: str) -> list[str] | None:
        row = self._table.get((_partition(event_id), "FAN_OUT"))
        if row is None:
            return None
        endpoint_ids = from_value(row["endpoints"])
        return list(endpoint_ids) if isinstance(endpoint_ids, list) else None

    def get_delivery(self, event_id: str, endpoint_id: str) -> Delivery | None:
        row = self._table.get(_delivery_key(event_id, endpoint_id))
        return from_row(row, Delivery) if row else None

    def save_delivery(self, delivery: Delivery, *, previous: Delivery | None) -> None:
        row = _delivery_row(delivery)
        if previous is None:
            self._table.put(row, condition="attribute_not_exists(pk)")
        else:
            self._table.put(row, condition="attempt = :read", values={"read": previous.attempt})

    def list_of_event(self, event_id: str) -> list[Delivery]:
        rows = self._table.query(_partition(event_id), begins_with="DELIVERY#")
        return [from_row(row, Delivery) for row in rows]

    def list_of_endpoint(self, endpoint_id: str, *, limit: int, cursor: str | None) -> Page[DeliverySummary]:
        return listed(self._table, _listing(endpoint_id), DeliverySummary, limit=limit, cursor=cursor)


def event_row(event: Event) -> Row:
    return to_row(event, pk=_partition(event.id), sk="EVENT", kind="event")


def _partition(event_id: str) -> str:
    return f"EVENT#{event_id}"


def _delivery_key(event_id: str, endpoint_id: str) -> Key:
    return _partition(event_id), f"DELIVERY#{endpoint_id}"


def _listing(endpoint_id: str) -> str:
    return f"ENDPOINT#{endpoint_id}"


def _delivery_row(delivery: Delivery) -> Row:
    pk, sk = _delivery_key(delivery.event_id, delivery.endpoint_id)
    return to_row(
        delivery,
        pk=pk,
        sk=sk,
        kind="delivery",
        listing=_listing(delivery.endpoint_id),
        listed_at=f"{sortable(delivery.created_at)}#{delivery.event_id}",
    )
