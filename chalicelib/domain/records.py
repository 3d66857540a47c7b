"""What leaves a shop as text and comes back into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from .catalog import Product, Sku
from .identifiers import is_id
from .orders import LedgerEntry, Order

Subject = Literal["products", "stock", "orders"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Orders of before are in no month that can be listed."""

_KEY_BYTES = 900  # DynamoDB takes 1024 as a sort key
_REFERENCE_LENGTH = 255


class StockRecord(Struct, frozen=True, kw_only=True):
    sku: Sku
    available: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class OrderRecord(Order, frozen=True, kw_only=True):
    """An order with its ledger, oldest entry first. Whatever an order gains, its record has as well."""

    ledger: list[LedgerEntry] = field(default_factory=list)

    @classmethod
    def of(cls, order: Order, ledger: Sequence[LedgerEntry]) -> OrderRecord:
        return cls(**asdict(order), ledger=list(ledger))

    @property
    def order(self) -> Order:
        return Order(**{name: getattr(self, name) for name in Order.__struct_fields__})


RECORDS: Mapping[Subject, type[Struct]] = {"products": Product, "stock": StockRecord, "orders": OrderRecord}


def order_problem(record: OrderRecord, *, now: datetime) -> str:
    """Why the record can't be an order of a shop's past; '' if it can."""
    keys = [entry.key for entry in record.ledger]
    names = (record.payment.provider, record.payment.reference)
    if not is_id("ord", record.id):
        return "id must be ord_ and 26 letters or digits, as orders have them here."
    if not EARLIEST <= record.created_at <= now:
        return "created_at must be after 2000 and not in the future."
    if record.version < 1 or record.amount < 0 or not _is_currency(record.currency):
        return "version must be 1 or more, amount 0 or more, and currency three small letters."
    if len(set(keys)) < len(keys) or not all(0 < len(key.encode()) <= _KEY_BYTES for key in keys):
        return f"Each entry of the ledger must have a key of its own, of up to {_KEY_BYTES} bytes."
    if bool(names[0]) != bool(names[1]) or sum(map(len, names)) > _REFERENCE_LENGTH:
        return "payment must have both provider and reference, short ones, or neither."
    return ""


def _is_currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.islower()  # noqa: PLR2004 (ISO 4217)
