"""An order's rows, all in one partition so that one query tells the whole story.

ORDER#id / ORDER        the small header, rewritten with each change on condition of its version
ORDER#id / LINES        what was bought: written once; listed by the person, so again with a corrected address
ORDER#id / PAYMENT      which payment of which provider: written once
ORDER#id / LEDGER#key   one entry each; the key also marks a provider's notice as seen
PAYMENT#provider#ref    / POINTER: from a provider's payment to the order
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.domain.carts import Cart
from chalicelib.domain.orders import (
    LedgerEntry,
    LineItem,
    Order,
    OrderChange,
    OrderSummary,
)
from chalicelib.domain.persons import person_id
from chalicelib.ports import AlreadyPlaced, Moved, OrderStory, Page, StockShort

from .carts import cart_key
from .catalog import stock_key
from .events import event_row
from .items import Row, from_row, key_row, sortable, to_row
from .listing import listed
from .table import Key, Table, TransactionRefused

_BESIDE_A_CHECK = 99  # a transaction takes 100 actions


class _Lines(Struct, frozen=True):
    lines: list[LineItem]


class _Place(Struct, frozen=True):
    """Where a listed row is."""

    pk: str


class _Reference(Struct, frozen=True):
    provider: str
    reference: str


class DynamoOrders:
    """Keeps chalicelib.ports.OrderStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def place_order(self, order: Order, *, cart: Cart, reserve: Mapping[str, int]) -> None:
        actions = [
            self._table.put_action(_header_row(order), condition="attribute_not_exists(pk)"),
            self._table.put_action(_lines_row(order)),
            self._table.update_action(
                cart_key(cart.id),
                "SET order_id = :order",
                condition="version = :read",
                values={"order": order.id, "read": cart.version},
            ),
        ]
        actions += [
            self._table.update_action(
                stock_key(sku),
                "SET available = available - :quantity",
                condition="available >= :quantity",
                values={"quantity": quantity},
            )
            for sku, quantity in reserve.items()
        ]
        try:
            self._table.transact(actions)
        except TransactionRefused as refusal:
            if refusal.failed(0):
                raise AlreadyPlaced from None
            raise (Moved if refusal.failed(2) else StockShort) from None

    def get_order(self, order_id: str) -> OrderStory | None:
        rows = {row["sk"]["S"]: row for row in self._table.query(_partition(order_id))}
        if "ORDER" not in rows:
            return None
        ledger = [from_row(row, LedgerEntry) for sk, row in rows.items() if sk.startswith("LEDGER#")]
        return OrderStory(order=_order(rows), ledger=sorted(ledger, key=lambda entry: entry.at))

    def find_order_id(self, *, provider: str, reference: str) -> str | None:
        row = self._table.get(_pointer_key(provider, reference))
        return row["order_id"]["S"] if row else None

    def save_reference(self, order_id: str, *, provider: str, reference: str) -> None:
        self._table.write_many(puts=_payment_rows(order_id, provider, reference))

    def save_contact(self, order: Order) -> None:
        header = self._table.put_action(
            _header_row(order), condition="version = :read", values={"read": order.version - 1}
        )
        try:
            self._table.transact([header, self._table.put_action(_lines_row(order))])
        except TransactionRefused:
            raise Moved from None

    def commit(self, change: OrderChange) -> None:
        order = change.order
        actions = [
            self._table.put_action(
                _header_row(order), condition="version = :read", values={"read": order.version - 1}
            ),
            self._table.put_action(_entry_row(order.id, change.entry), condition="attribute_not_exists(pk)"),
        ]
        if change.event is not None:
            actions.append(
                self._table.put_action(event_row(change.event), condition="attribute_not_exists(pk)")
            )
        try:
            self._table.transact(actions)
        except TransactionRefused:
            # Each condition says the same: somebody has told this order something since it was read.
            raise Moved from None

    def list_orders_of_person(self, person: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        # What is listed says nothing of a status: it is the lines, which never change.
        found = listed(self._table, _person(person), _Place, limit=limit, cursor=cursor)
        headers = self._table.get_many((place.pk, "ORDER") for place in found.items)
        rows = [headers.get((place.pk, "ORDER")) for place in found.items]
        return Page([from_row(row, OrderSummary) for row in rows if row], found.cursor)

    def erase_contact(self, order: Order) -> None:
        self._table.put(_header_row(order), condition="version = :read", values={"read": order.version - 1})

    def forget_person(self, order_id: str) -> None:
        self._table.update((_partition(order_id), "LINES"), "REMOVE listing, listed_at", values={})

    def restore_order(self, story: OrderStory) -> None:
        order = story.order
        header_key = _partition(order.id), "ORDER"
        is_new = self._table.check_action(header_key, condition="attribute_not_exists(pk)", values={})
        rows = [_lines_row(order), *(_entry_row(order.id, entry) for entry in story.ledger)]
        if order.payment.reference:
            rows += _payment_rows(order.id, order.payment.provider, order.payment.reference)
        try:
            for start in range(0, len(rows), _BESIDE_A_CHECK):
                puts = [self._table.put_action(row) for row in rows[start : start + _BESIDE_A_CHECK]]
                self._table.transact([is_new, *puts])
            # Last, since it is what makes an order one.
            header = self._table.put_action(_header_row(order), condition="attribute_not_exists(pk)")
            self._table.transact([header])
        except TransactionRefused:
            raise AlreadyPlaced from None

    def list_orders(self, month: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        return listed(self._table, _listing(month), OrderSummary, limit=limit, cursor=cursor)


def _partition(order_id: str) -> str:
    return f"ORDER#{order_id}"


def _payment_rows(order_id: str, provider: str, reference: str) -> list[Row]:
    pointer = key_row(_pointer_key(provider, reference), order_id=order_id)
    payment = key_row((_partition(order_id), "PAYMENT"), provider=provider, reference=reference)
    return [pointer, payment]


def _pointer_key(provider: str, reference: str) -> Key:
    return f"PAYMENT#{provider}#{reference}", "POINTER"


def _listing(month: str) -> str:
    return f"ORDERS#{month}"


def _person(person: str) -> str:
    return f"PERSON#{person}"


def _header_row(order: Order) -> Row:
    created = sortable(order.created_at)
    return to_row(
        order,
        pk=_partition(order.id),
        sk="ORDER",
        kind="order",
        status=order.status,
        listing=_listing(created[:7]),
        listed_at=f"{created}#{order.id}",
        lines=None,
    )


def _lines_row(order: Order) -> Row:
    person = person_id(order.contact.email)
    return to_row(
        _Lines(order.lines),
        pk=_partition(order.id),
        sk="LINES",
        listing=_person(person) if person else None,
        listed_at=f"{sortable(order.created_at)}#{order.id}" if person else None,
    )


def _entry_row(order_id: str, entry: LedgerEntry) -> Row:
    return to_row(entry, pk=_partition(order_id), sk=f"LEDGER#{entry.key}")


def _order(rows: Mapping[str, Row]) -> Order:
    order = from_row(rows["ORDER"] | {"lines": rows["LINES"]["lines"]}, Order)
    if order.payment.reference or "PAYMENT" not in rows:
        return order
    # Known since checkout; the header says it only once the provider has called.
    known = from_row(rows["PAYMENT"], _Reference)
    payment = replace(order.payment, provider=known.provider, reference=known.reference)
    return replace(order, payment=payment)
