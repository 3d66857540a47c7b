"""An order's rows, all in one partition so that one query tells the whole story.

ORDER#id / ORDER          the small header, rewritten with each change on condition of its version
ORDER#id / LINES          what was bought and how its total came about: written once; listed by the person,
                          so again with another address
ORDER#id / PAYMENT        which payment of which provider: written once
ORDER#id / LEDGER#key     one entry each; the key also marks a provider's notice as seen
ORDER#id / REFUND#id      one refund each; FULFILMENT#id one fulfilment: written with the header
PAYMENT#provider#ref      / POINTER: from a provider's payment to the order

`due` says in which of the clock's lists an order stands: those to be looked at, or those that wait for their
owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import fields, replace

from chalicelib.domain.carts import Cart
from chalicelib.domain.coupons import Coupon
from chalicelib.domain.limits import Tally
from chalicelib.domain.orders import (
    Fulfilment,
    LedgerEntry,
    Order,
    OrderChange,
    OrderSummary,
    Refund,
    placing,
)
from chalicelib.domain.persons import person_id
from chalicelib.domain.totals import Breakdown
from chalicelib.ports import (
    AlreadyPlaced,
    CartSpent,
    CouponSpent,
    LimitReached,
    Moved,
    OrderAge,
    OrderStory,
    Page,
    StockShort,
)

from . import cursors
from .carts import cart_key
from .counters import count_action
from .events import event_row
from .items import Record, Row, from_row, key_row, sortable, to_row
from .listing import listed
from .pricing import counting_action, use_action
from .stock import stock_key
from .table import Action, Key, Table, TransactionRefused

_AT_ONCE = 100  # actions of a transaction
_CART = 2  # the cart's place among those that place an order
_WITHOUT_LIMIT = 2**53
_EVER, _FOR_EVER = "0", "~"  # before and after every time


_FROZEN = frozenset({"lines", "takes", "computed_for", *(known.name for known in fields(Breakdown))}) - {
    "amount"
}
"""Kept apart from the header, which is written again and again; the header needs the amount for the list."""


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

    def place_order(
        self,
        order: Order,
        *,
        cart: Cart,
        tally: Tally | None = None,
        most_per_cart: int = 0,
        coupon: Coupon | None = None,
        replaces: OrderChange | None = None,
        paid: OrderChange | None = None,
    ) -> None:
        freed = replaces.stock if replaces else {}
        actions = [
            self._table.put_action(_header_row(order), condition="attribute_not_exists(pk)"),
            self._table.put_action(_frozen_row(order)),
            self._table.update_action(
                cart_key(cart.id),
                "SET order_id = :order, coupon_counted = :counted ADD checkouts :one",
                condition="version = :read AND (attribute_not_exists(checkouts) OR checkouts < :most)",
                values={
                    "order": order.id,
                    "counted": order.coupon is not None,
                    "read": cart.version,
                    "one": 1,
                    "most": most_per_cart or _WITHOUT_LIMIT,
                },
            ),
            *(self._telling(paid) if paid else []),
        ]
        others = self._changing(replaces) if replaces else []
        uses = self._using(order, coupon, replaces)
        stock = self._moving(_difference(freed, order.reserved))
        count = len(actions) + len(others) + len(uses) + len(stock) + 1
        if replaces and (count > _AT_ONCE or replaces.order.currency != order.currency):
            # Two carts' worth of different things, or two counts of one coupon: then the earlier order ends
            # first, and this one takes what others have left.
            self.commit(replaces)
            others, uses = [], self._using(order, coupon, None)
            stock = self._moving(_difference({}, order.reserved))
        own = [*actions, *others]
        tallies = [count_action(self._table, tally)] if tally else []
        try:
            self._table.transact([*own, *tallies, *uses, *stock])
        except TransactionRefused as refusal:
            if refusal.failed(0):
                raise AlreadyPlaced from None
            if refusal.failed(_CART) and 0 < most_per_cart <= cart.checkouts:
                # What was read is reason enough: a cart never has fewer checkouts later.
                raise CartSpent from None
            if refusal.any_failed(range(1, len(own))):
                raise Moved from None
            if tally is not None and refusal.failed(len(own)):
                raise LimitReached(tally) from None
            before_stock = len(own) + len(tallies)
            spent = refusal.any_failed(range(before_stock, before_stock + len(uses)))
            raise (CouponSpent if spent else StockShort) from None

    def get_order(self, order_id: str) -> OrderStory | None:
        rows = {row["sk"]["S"]: row for row in self._table.query(_partition(order_id))}
        if "ORDER" not in rows:
            return None
        order = _order(rows)
        ledger = [placing(order), *_records(rows, "LEDGER#", LedgerEntry)]
        return OrderStory(
            order=order,
            ledger=sorted(ledger, key=lambda entry: entry.at),
            refunds=sorted(_records(rows, "REFUND#", Refund), key=lambda refund: refund.created_at),
            fulfilments=sorted(
                _records(rows, "FULFILMENT#", Fulfilment), key=lambda fulfilment: fulfilment.created_at
            ),
        )

    def find_order_id(self, *, provider: str, reference: str) -> str | None:
        row = self._table.get(_pointer_key(provider, reference))
        return row["order_id"]["S"] if row else None

    def save_reference(self, order_id: str, *, provider: str, reference: str) -> None:
        self._table.write_many(puts=_payment_rows(order_id, provider, reference))

    def save_order(self, order: Order) -> None:
        self._table.put(_header_row(order), condition="version = :read", values={"read": order.version - 1})

    def commit(self, change: OrderChange) -> None:
        changing = self._changing(change)
        beside = [*self._counting(change), *self._moving(change.stock)]
        try:
            self._table.transact([*changing, *beside])
        except TransactionRefused as refusal:
            # Each condition of the order's own rows says the same: somebody has told it something since it
            # was read.
            raise (Moved if refusal.any_failed(range(len(changing))) else StockShort) from None

    def list_due(self, now: datetime, *, limit: int, cursor: str | None) -> Page[OrderAge]:
        return self._waiting(_TO_LOOK_AT, until=sortable(now), limit=limit, cursor=cursor)

    def list_in_review(self, *, limit: int, cursor: str | None) -> Page[OrderAge]:
        return self._waiting(_IN_REVIEW, until=_FOR_EVER, limit=limit, cursor=cursor)

    def list_orders_of_person(self, person: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        # What is listed says nothing of a status: it is the lines, which never change.
        found = listed(self._table, _person(person), _Place, limit=limit, cursor=cursor)
        headers = self._table.get_many((place.pk, "ORDER") for place in found.items)
        rows = [headers.get((place.pk, "ORDER")) for place in found.items]
        return Page([from_row(row, OrderSummary) for row in rows if row], found.cursor)

    def forget_person(self, order_id: str) -> None:
        key = _partition(order_id), "LINES"
        frozen = self._table.get(key) or {}
        # Country and state stay: the books must say why this tax was due.
        has_place = "computed_for" in frozen
        more = ", computed_for.postal_code" if has_place else ""
        self._table.update(key, f"REMOVE listing, listed_at{more}", values={})

    def restore_order(self, story: OrderStory) -> None:
        order = story.order
        header_key = _partition(order.id), "ORDER"
        is_new = self._table.check_action(header_key, condition="attribute_not_exists(pk)", values={})
        rows = [_frozen_row(order)]
        rows += [_entry_row(order.id, entry) for entry in story.ledger if entry != placing(order)]
        rows += [_row(order.id, "REFUND", refund) for refund in story.refunds]
        rows += [_row(order.id, "FULFILMENT", fulfilment) for fulfilment in story.fulfilments]
        if order.payment.reference:
            rows += _payment_rows(order.id, order.payment.provider, order.payment.reference)
        try:
            for start in range(0, len(rows), _AT_ONCE - 1):
                puts = [self._table.put_action(row) for row in rows[start : start + _AT_ONCE - 1]]
                self._table.transact([is_new, *puts])
            # Last, since it is what makes an order one.
            header = self._table.put_action(_header_row(order), condition="attribute_not_exists(pk)")
            self._table.transact([header])
        except TransactionRefused:
            raise AlreadyPlaced from None

    def list_orders(self, month: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        return listed(self._table, _listing(month), OrderSummary, limit=limit, cursor=cursor)

    def _waiting(self, name: str, *, until: str, limit: int, cursor: str | None) -> Page[OrderAge]:
        start = cursors.decode(cursor, partition="due", value=name, names={"pk", "sk", "due_at"})
        rows, last = self._table.query_page(
            name, index="due", between=("due_at", _EVER, until), limit=limit, start=start
        )
        ages = [
            OrderAge(order_id=_order_id(row), since=datetime.fromisoformat(row["due_at"]["S"]))
            for row in rows
        ]
        return Page(items=ages, cursor=cursors.encode(last, partition="due"))

    def _changing(self, change: OrderChange) -> list[Action]:
        """The order's own rows, over the version before."""
        order = change.order
        header = self._table.put_action(
            _header_row(order), condition="version = :read", values={"read": order.version - 1}
        )
        return [header, *self._telling(change)]

    def _telling(self, change: OrderChange) -> list[Action]:
        """What stands beside the header of a change."""
        order_id = change.order.id
        rows = [_entry_row(order_id, change.entry)]
        rows += [event_row(change.event)] if change.event else []
        new = [self._table.put_action(row, condition="attribute_not_exists(pk)") for row in rows]
        beside = [_row(order_id, "REFUND", change.refund)] if change.refund else []
        beside += [_row(order_id, "FULFILMENT", change.fulfilment)] if change.fulfilment else []
        beside += [_frozen_row(change.order)] if change.relists else []
        return [*new, *(self._table.put_action(row) for row in beside)]

    def _using(self, order: Order, coupon: Coupon | None, replaces: OrderChange | None) -> list[Action]:
        """The order's use of its coupon, in place of the use of the order that it replaces."""
        given_back = self._counting(replaces) if replaces else []
        if coupon is None or order.coupon is None:
            return given_back
        before = replaces.order.coupon if replaces else None
        if before is not None and before.code == coupon.code:
            return [use_action(self._table, coupon, order.coupon, currency=order.currency, before=before)]
        return [use_action(self._table, coupon, order.coupon, currency=order.currency), *given_back]

    def _counting(self, change: OrderChange) -> list[Action]:
        """Uses of the order's coupon, counted or (below 0) given back."""
        used = change.order.coupon
        if used is None or not change.coupon_uses:
            return []
        return [counting_action(self._table, used, uses=change.coupon_uses, currency=change.order.currency)]

    def _moving(self, stock: Mapping[str, int]) -> list[Action]:
        """Pieces given to stock rows, or taken from them where there are enough."""
        return [
            self._table.update_action(stock_key(name), "ADD available :pieces", values={"pieces": pieces})
            if pieces > 0
            else self._table.update_action(
                stock_key(name),
                "SET available = available - :pieces",
                condition="available >= :pieces",
                values={"pieces": -pieces},
            )
            for name, pieces in stock.items()
            if pieces
        ]


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


_TO_LOOK_AT = "ORDER"
_IN_REVIEW = "REVIEW"


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
        **dict.fromkeys(_FROZEN),
        check_at=None,
        **_waiting(order),
    )


def _waiting(order: Order) -> dict[str, str]:
    """In which of the clock's lists the order stands, and since or until when."""
    if order.check_at is not None:
        return {"due": _TO_LOOK_AT, "due_at": sortable(order.check_at)}
    if order.open_review is not None:
        return {"due": _IN_REVIEW, "due_at": sortable(order.open_review.since)}
    return {}


def _frozen_row(order: Order) -> Row:
    person = person_id(order.contact.email)
    frozen = {name: value for name, value in to_row(order).items() if name in _FROZEN}
    listing = {"listing": _person(person), "listed_at": f"{sortable(order.created_at)}#{order.id}"}
    return key_row((_partition(order.id), "LINES"), **(listing if person else {})) | frozen


def _entry_row(order_id: str, entry: LedgerEntry) -> Row:
    return to_row(entry, pk=_partition(order_id), sk=f"LEDGER#{entry.key}")


def _row(order_id: str, kind: str, record: Refund | Fulfilment) -> Row:
    return to_row(record, pk=_partition(order_id), sk=f"{kind}#{record.id}")


def _records(rows: Mapping[str, Row], prefix: str, kind: type[Record]) -> Iterable[Record]:
    return [from_row(row, kind) for sk, row in rows.items() if sk.startswith(prefix)]


def _order_id(row: Row) -> str:
    return str(row["pk"]["S"]).removeprefix(_partition(""))


def _difference(freed: Mapping[str, int], taken: Mapping[str, int]) -> dict[str, int]:
    """What is left for the stock after one order took over from another."""
    difference = Counter(freed)
    difference.subtract(taken)
    return dict(difference)


def _order(rows: Mapping[str, Row]) -> Order:
    header = rows["ORDER"]
    check_at = {"check_at": header["due_at"]} if header.get("due") == {"S": _TO_LOOK_AT} else {}
    order = from_row(rows["LINES"] | header | check_at, Order)
    if order.payment.reference or "PAYMENT" not in rows:
        return order
    # Known since checkout; the header says it only once the provider has called.
    known = from_row(rows["PAYMENT"], _Reference)
    payment = replace(order.payment, provider=known.provider, reference=known.reference)
    return replace(order, payment=payment)
