"""What leaves a shop as text and comes back into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from .catalog import Product, Sku
from .identifiers import is_id
from .orders import Fulfilment, LedgerEntry, Order, Refund, placing

Subject = Literal["products", "stock", "orders"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Orders of before are in no month that can be listed."""

_KEY_BYTES = 900  # DynamoDB takes 1024 as a sort key
_REFERENCE_LENGTH = 255


class StockRecord(Struct, frozen=True, kw_only=True):
    sku: Sku
    available: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    low_at: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None


class OrderRecord(Order, frozen=True, kw_only=True):
    """An order with all that belongs to it. Whatever an order gains, its record has as well.

    Its being placed, with which every ledger begins, is in the order itself.
    """

    ledger: list[LedgerEntry] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    fulfilments: list[Fulfilment] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        order: Order,
        ledger: Iterable[LedgerEntry],
        refunds: Iterable[Refund] = (),
        fulfilments: Iterable[Fulfilment] = (),
    ) -> OrderRecord:
        """The record in which everything stands in one order, however it came."""
        entries = [entry for entry in ledger if entry != placing(order)]
        return cls(
            **asdict(order),
            ledger=sorted(entries, key=lambda entry: (entry.at, entry.key)),
            refunds=sorted(refunds, key=lambda refund: (refund.created_at, refund.id)),
            fulfilments=sorted(fulfilments, key=lambda left: (left.created_at, left.id)),
        )

    @property
    def order(self) -> Order:
        return Order(**{name: getattr(self, name) for name in Order.__struct_fields__})


RECORDS: Mapping[Subject, type[Struct]] = {"products": Product, "stock": StockRecord, "orders": OrderRecord}


def order_problem(record: OrderRecord, *, now: datetime) -> str:
    """Why the record can't be an order of a shop's past; '' if it can."""
    kinds = [
        [entry.key for entry in record.ledger],
        [refund.id for refund in record.refunds],
        [fulfilment.id for fulfilment in record.fulfilments],
    ]
    names = (record.payment.provider, record.payment.reference)
    if not is_id("ord", record.id):
        return "id must be ord_ and 26 letters or digits, as orders have them here."
    if not EARLIEST <= record.created_at <= now:
        return "created_at must be after 2000 and not in the future."
    if record.version < 1 or record.amount < 0 or not _is_currency(record.currency):
        return "version must be 1 or more, amount 0 or more, and currency three small letters."
    if not all(map(_are_keys, kinds)) or placing(record).key in kinds[0]:
        return (
            "In ledger, refunds and fulfilments each entry must have a key or id of its own, "
            f"of up to {_KEY_BYTES} bytes, which is not 'placed'."
        )
    if bool(names[0]) != bool(names[1]) or sum(map(len, names)) > _REFERENCE_LENGTH:
        return "payment must have both provider and reference, short ones, or neither."
    return ""


def _are_keys(keys: Sequence[str]) -> bool:
    return len(set(keys)) == len(keys) and all(0 < len(key.encode()) <= _KEY_BYTES for key in keys)


def _is_currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.islower()  # noqa: PLR2004 (ISO 4217)
