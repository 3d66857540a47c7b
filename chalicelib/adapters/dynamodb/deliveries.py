"""EVENT#id / DELIVERY#endpoint, one row for each; HELD#endpoint / epoch#created#event#version, the held.

The line is a row of its own in the table, and not an index, because an index lags: what is released must be
all that was held. Lists for people come from indexes: an endpoint's deliveries from `listing`, those that
have not arrived from `undelivered`, by endpoint and status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chalicelib.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    DeliverySummary,
    HeldDelivery,
    place_in_line,
)
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.ports import Moved, Page

from .endpoints import endpoint_key
from .events import event_partition, event_row
from .items import Row, from_row, sortable, to_row
from .listing import listed
from .table import Action, Key, Table, TransactionRefused


class DynamoDeliveries:
    """Keeps chalicelib.ports.DeliveryStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_delivery(self, event_id: str, endpoint_id: str) -> Delivery | None:
        row = self._table.get(_key(event_id, endpoint_id))
        return from_row(row, Delivery) if row else None

    def get_deliveries(self, event_ids: Iterable[str], endpoint_id: str) -> dict[str, Delivery]:
        rows = self._table.get_many(_key(event_id, endpoint_id) for event_id in event_ids)
        found = [from_row(row, Delivery) for row in rows.values()]
        return {delivery.event_id: delivery for delivery in found}

    def save_delivery(self, delivery: Delivery, *, event: Event | None = None) -> None:
        if event is None:
            condition, values = _over_the_one_before(delivery)
            self._table.put(_row(delivery), condition=condition, values=values)
            return
        announced = self._table.put_action(event_row(event), condition="attribute_not_exists(pk)")
        self._commit([self._put(delivery), announced])

    def hold_delivery(self, delivery: Delivery, *, endpoint: Endpoint) -> None:
        unchanged = self._table.check_action(
            endpoint_key(endpoint.id), condition="epoch = :epoch", values={"epoch": endpoint.epoch}
        )
        place = self._table.put_action(_place_row(place_in_line(delivery, epoch=endpoint.epoch)))
        self._commit([self._put(delivery), place, unchanged])

    def _put(self, delivery: Delivery) -> Action:
        condition, values = _over_the_one_before(delivery)
        return self._table.put_action(_row(delivery), condition=condition, values=values)

    def _commit(self, actions: Sequence[Action]) -> None:
        try:
            self._table.transact(actions)
        except TransactionRefused:
            raise Moved from None

    def next_held(self, endpoint_id: str, *, before_epoch: int | None, limit: int) -> list[HeldDelivery]:
        before = None if before_epoch is None else _epoch(before_epoch)
        rows, _ = self._table.query_page(
            _line(endpoint_id),
            between=None if before is None else ("sk", "0", before),
            limit=limit,
            start=None,
            consistent=True,
        )
        return [from_row(row, HeldDelivery) for row in rows]

    def leave_line(self, places: Sequence[HeldDelivery]) -> None:
        self._table.write_many(deletes=[_place_key(place) for place in places])

    def list_of_event(self, event_id: str) -> list[Delivery]:
        rows = self._table.query(event_partition(event_id), begins_with="DELIVERY#")
        return [from_row(row, Delivery) for row in rows]

    def list_of_endpoint(
        self, endpoint_id: str, *, status: DeliveryStatus | None, limit: int, cursor: str | None
    ) -> Page[DeliverySummary]:
        if status is None or status == "delivered":
            return listed(
                self._table,
                _listing(endpoint_id),
                DeliverySummary,
                limit=limit,
                cursor=cursor,
                only={"status": status} if status else None,
            )
        return listed(
            self._table,
            _undelivered(endpoint_id, status),
            DeliverySummary,
            limit=limit,
            cursor=cursor,
            index="undelivered",
        )


def _key(event_id: str, endpoint_id: str) -> Key:
    return event_partition(event_id), f"DELIVERY#{endpoint_id}"


def _over_the_one_before(delivery: Delivery) -> tuple[str, dict[str, object]]:
    if delivery.version == 1:
        return "attribute_not_exists(pk)", {}
    return "version = :read", {"read": delivery.version - 1}


def _row(delivery: Delivery) -> Row:
    pk, sk = _key(delivery.event_id, delivery.endpoint_id)
    has_arrived = delivery.status == "delivered"
    return to_row(
        delivery,
        pk=pk,
        sk=sk,
        kind="delivery",
        listing=_listing(delivery.endpoint_id),
        listed_at=f"{sortable(delivery.created_at)}#{delivery.event_id}",
        undelivered=None if has_arrived else _undelivered(delivery.endpoint_id, delivery.status),
    )


def _listing(endpoint_id: str) -> str:
    return f"ENDPOINT#{endpoint_id}"


def _undelivered(endpoint_id: str, status: DeliveryStatus) -> str:
    return f"{endpoint_id}#{status}"


def _line(endpoint_id: str) -> str:
    return f"HELD#{endpoint_id}"


def _place_key(place: HeldDelivery) -> Key:
    order = f"{_epoch(place.epoch)}#{sortable(place.created_at)}#{place.event_id}#{place.version}"
    return _line(place.endpoint_id), order


def _epoch(epoch: int) -> str:
    return f"{epoch:010d}"


def _place_row(place: HeldDelivery) -> Row:
    pk, sk = _place_key(place)
    return to_row(place, pk=pk, sk=sk)
