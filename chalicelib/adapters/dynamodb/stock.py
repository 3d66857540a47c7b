"""STOCK#sku / STOCK: how many are available, and when that is few.  STOCK#sku / ADJUSTMENT#key.

Stock is an item of its own, since each sale writes it; one item takes about 500 transactions a second. That
of a very hot SKU is in several: STOCK#sku#1 / STOCK and so on; the first one has in `shards` how many there
are. The stream carries watched stock to the relay, which knows it by its `kind`; other stock has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import KeyReused
from chalicelib.domain.events import Event
from chalicelib.domain.stock import Glimpse, Stock, adjustment, row_name, shared_out, sku_of
from chalicelib.ports import Moved, StockShort, Unreadable

from .catalog import product_key, product_of
from .events import event_row
from .items import Row, from_row, key_row, sortable
from .table import Action, Key, Table, TransactionRefused

_KEY_LIFETIME = timedelta(days=7)
_WATCHED = "stock"


class _Base(Struct, frozen=True, kw_only=True):
    """The first row of a SKU's stock; of the others, which have no more, only `available`."""

    available: int
    shards: int = 1
    low_at: int | None = None
    low_since: datetime | None = None

    def names(self, sku: str) -> list[str]:
        return [row_name(sku, shard) for shard in range(self.shards)]


class DynamoStock:
    """Keeps chalicelib.ports.StockStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_stock(self, skus: Iterable[str]) -> dict[str, int]:
        return {sku: stock.available for sku, stock in self.get_stock_rows(skus).items()}

    def get_stock_rows(self, skus: Iterable[str]) -> dict[str, Stock]:
        return self._stocks(self._table.get_many(stock_key(sku) for sku in skus))

    def get_products_and_stock(self, skus: Iterable[str]) -> tuple[dict[str, Product], dict[str, int]]:
        wanted = list(skus)
        keys = {stock_key(sku) for sku in wanted}
        rows = self._table.get_many([*(product_key(sku) for sku in wanted), *keys])
        stocks = self._stocks({key: row for key, row in rows.items() if key in keys})
        products = [product_of(row) for key, row in rows.items() if key not in keys]
        return (
            {product.sku: product for product in products},
            {sku: stock.available for sku, stock in stocks.items()},
        )

    def _stocks(self, first: Mapping[Key, Row]) -> dict[str, Stock]:
        """From the first row of each SKU, which says how many rows there may be, and from those."""
        bases = {_name(row): from_row(row, _Base) for row in first.values()}
        more = [stock_key(name) for sku, base in bases.items() for name in base.names(sku)[1:]]
        others = self._table.get_many(more) if more else {}
        counts = {_name(row): int(row["available"]["N"]) for row in (*first.values(), *others.values())}
        return {
            sku: Stock(
                sku=sku,
                rows={name: counts[name] for name in base.names(sku) if name in counts},
                low_at=base.low_at,
                low_since=base.low_since,
            )
            for sku, base in bases.items()
        }

    def glimpse_of(self, image: Row) -> Glimpse:
        """The row of stock in a stream record's new image; Unreadable if it is none."""
        try:
            name = _name(image)
            row = from_row(image, _Base)
            return Glimpse(
                sku=sku_of(name),
                alone=row.shards == 1 and name == sku_of(name),
                available=row.available,
                low_at=row.low_at,
                low_since=row.low_since,
            )
        except (msgspec.ValidationError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise Unreadable(str(image.get("pk", {}).get("S", ""))) from error

    def set_stock(
        self, sku: str, available: int, *, shards: int = 1, low_at: int | UnsetType | None = UNSET
    ) -> None:
        row = self._table.get(stock_key(sku))
        base = from_row(row, _Base) if row else _Base(available=0)
        watched = (base.low_at if low_at is UNSET else low_at) is not None
        # An emptied row stays one of the stock's: what an order took from it may come back to it.
        shares = shared_out(sku, available, shards=shards, rows=base.shards)
        actions = [self._set_base_action(sku, shares.pop(sku), base, rows=1 + len(shares), low_at=low_at)]
        actions += [self._set_action(name, share, watched=watched) for name, share in shares.items()]
        try:
            self._table.transact(actions)
        except TransactionRefused:
            raise Moved from None

    def _set_base_action(
        self, sku: str, available: int, base: _Base, *, rows: int, low_at: int | UnsetType | None
    ) -> Action:
        """The first row, on condition that it says of the others what was read."""
        update = "SET available = :available"
        condition = "attribute_not_exists(shards)"
        values: dict[str, object] = {"available": available}
        if rows > 1:
            update += ", shards = :rows"
            values |= {"rows": rows}
        if base.shards > 1:
            condition = "shards = :shards"
            values |= {"shards": base.shards}
        if low_at is None:
            update += " REMOVE low_at, low_since, kind"
        elif low_at is not UNSET:
            update += ", low_at = :low_at, kind = :kind"
            values |= {"low_at": low_at, "kind": _WATCHED}
        return self._table.update_action(stock_key(sku), update, condition=condition, values=values)

    def _set_action(self, name: str, available: int, *, watched: bool) -> Action:
        update = "SET available = :available"
        values: dict[str, object] = {"available": available}
        if watched:
            update += ", kind = :kind"
            values |= {"kind": _WATCHED}
        else:
            update += " REMOVE kind"
        return self._table.update_action(stock_key(name), update, values=values)

    def adjust_stock(self, sku: str, by: int, *, key: str, now: datetime) -> Stock | None:
        stock = self.get_stock_rows([sku]).get(sku)
        if stock is None:
            return None
        changes = adjustment(stock.rows, by)
        if changes is None:
            if not self._is_made(sku, by, key):
                raise StockShort
            return stock
        expires_at = int((now + _KEY_LIFETIME).timestamp())
        mark = key_row(_adjustment_key(sku, key), by=by, expires_at=expires_at)
        actions = [self._table.put_action(mark, condition="attribute_not_exists(pk)")]
        actions += [self._add_action(name, change) for name, change in changes.items()]
        try:
            self._table.transact(actions)
        except TransactionRefused as refusal:
            if not refusal.failed(0) or not self._is_made(sku, by, key):
                raise Moved from None
        return self.get_stock_rows([sku]).get(sku)

    def _add_action(self, name: str, change: int) -> Action:
        return self._table.update_action(
            stock_key(name),
            "SET available = available + :change",
            condition="available >= :least",
            values={"change": change, "least": max(-change, 0)},
        )

    def _is_made(self, sku: str, by: int, key: str) -> bool:
        """Whether this adjustment has been made; KeyReused if it was another one."""
        mark = self._table.get(_adjustment_key(sku, key))
        if mark is not None and int(mark["by"]["N"]) != by:
            raise KeyReused("That Idempotency-Key has been used for another adjustment. Use a new one.")
        return mark is not None

    def begin_low(self, stock: Stock, *, event: Event) -> None:
        mark = self._table.update_action(
            stock_key(stock.sku),
            "SET low_since = :since",
            condition="available = :available AND low_at = :low_at AND attribute_not_exists(low_since)",
            values={
                "since": sortable(event.created_at),
                "available": stock.rows[stock.sku],
                "low_at": stock.low_at,
            },
        )
        told = self._table.put_action(event_row(event), condition="attribute_not_exists(pk)")
        try:
            self._table.transact([mark, told])
        except TransactionRefused:
            raise Moved from None

    def end_low(self, sku: str, *, since: datetime) -> None:
        unmark = self._table.update_action(
            stock_key(sku),
            "REMOVE low_since",
            condition="low_since = :since",
            values={"since": sortable(since)},
        )
        with suppress(TransactionRefused):  # another episode's mark, or none
            self._table.transact([unmark])


def stock_key(name: str) -> Key:
    """Of a row of stock by its name, which for the first one is the SKU."""
    return f"STOCK#{name}", "STOCK"


def _adjustment_key(sku: str, key: str) -> Key:
    return f"STOCK#{sku}", f"ADJUSTMENT#{key}"


def _name(row: Row) -> str:
    return str(row["pk"]["S"]).removeprefix("STOCK#")
