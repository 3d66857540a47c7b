"""An order's rows, all in one partition so that one query tells the whole story.

ORDER#id / ORDER        the small header, rewritten with each change on condition of its version
ORDER#id / LINES        what was bought: written once
ORDER#id / PAYMENT      which payment of which provider: written once
ORDER#id / LEDGER#key   one entry each; the key also marks a provider's notice as seen
PAYMENT#provider#ref    / POINTER: from a provider's payment to the order
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.domain.carts import Cart
from chalicelib.domain.limits import Tally
from chalicelib.domain.orders import (
    LedgerEntry,
    LineItem,
    Order,
    OrderChange,
    OrderSummary,
)
from chalicelib.ports import AlreadyPlaced, CartSpent, LimitReached, Moved, OrderStory, Page, StockShort

from .carts import cart_key
from .counters import count_action
from .events import event_row
from .items import Row, from_row, key_row, sortable, to_row
from .listing import listed
from .stock import stock_key
from .table import Key, Table, TransactionRefused

_WITHOUT_LIMIT = 10**9


class _Lines(Struct, frozen=True):
    lines: list[LineItem]


class _Reference(Struct, frozen=True):
    provider: str
    reference: str


class DynamoOrders:
    """Keeps chalicelib.ports.OrderStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def place_order(
        self,
        order: Order,
        *,
        cart: Cart,
        reserve: Mapping[str, int],
        tally: Tally | None = None,
        most_per_cart: int = 0,
    ) -> None:
        actions = [
            self._table.put_action(_header_row(order), condition="attribute_not_exists(pk)"),
            self._table.put_action(_lines_row(order)),
            self._table.update_action(
                cart_key(cart.id),
                "SET order_id = :order ADD checkouts :one",
                condition="version = :read AND (attribute_not_exists(checkouts) OR checkouts < :most)",
                values={
                    "order": order.id,
                    "read": cart.version,
                    "one": 1,
                    "most": most_per_cart or _WITHOUT_LIMIT,
                },
            ),
        ]
        counted = len(actions)
        actions += [count_action(self._table, tally)] if tally else []
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
            if refusal.failed(2):
                # What was read is reason enough: a cart never has fewer checkouts later.
                raise (CartSpent if 0 < most_per_cart <= cart.checkouts else Moved) from None
            if tally is not None and refusal.failed(counted):
                raise LimitReached(tally) from None
            raise StockShort from None

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
        pointer = key_row(_pointer_key(provider, reference), order_id=order_id)
        payment = key_row((_partition(order_id), "PAYMENT"), provider=provider, reference=reference)
        self._table.write_many(puts=[pointer, payment])

    def save_contact(self, order: Order) -> None:
        self._table.put(_header_row(order), condition="version = :read", values={"read": order.version - 1})

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

    def list_orders(self, month: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        return listed(self._table, _listing(month), OrderSummary, limit=limit, cursor=cursor)


def _partition(order_id: str) -> str:
    return f"ORDER#{order_id}"


def _pointer_key(provider: str, reference: str) -> Key:
    return f"PAYMENT#{provider}#{reference}", "POINTER"


def _listing(month: str) -> str:
    return f"ORDERS#{month}"


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
    return to_row(_Lines(order.lines), pk=_partition(order.id), sk="LINES")


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
