"""A table as it is after so many sales: of each order what lists and indexes hold, and a catalogue."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.client import BaseClient

from chalicelib.adapters.dynamodb.catalog import DynamoCatalog
from chalicelib.adapters.dynamodb.items import Row
from chalicelib.adapters.dynamodb.orders import DynamoOrders
from chalicelib.adapters.dynamodb.table import Action, Table
from chalicelib.domain import payments
from tests.making import a_fact, a_product, an_id, an_order

AT_ONCE = 2000  # orders between two words of progress
WRITERS = 4


@dataclass(frozen=True, kw_only=True)
class Size:
    orders: int
    products: int

    def __str__(self) -> str:
        return f"{self.orders:,} orders and {self.products:,} products"


class _Notes(Table):
    """Keeps what would be put into a table."""

    def __init__(self) -> None:
        super().__init__(None, "notes")
        self.rows: list[Row] = []

    def transact(self, actions: Sequence[Action]) -> None:
        self.rows += [action["Put"]["Item"] for action in actions if "Put" in action]


def fill(client: BaseClient, name: str, size: Size, *, say: Callable[[str], object]) -> None:
    """Write so many paid orders of this month, and so many products."""
    table, header = Table(client, name), _header()
    DynamoCatalog(table).put_products(a_product(f"filling-{number:06}") for number in range(size.products))
    with ThreadPoolExecutor(WRITERS) as writers:
        for begin in range(0, size.orders, AT_ONCE):
            say(f" {begin:,} of {size.orders:,} orders")
            numbers = range(begin, min(begin + AT_ONCE, size.orders))
            shares = [
                [_numbered(header, number) for number in numbers[start::WRITERS]] for start in range(WRITERS)
            ]
            list(writers.map(lambda rows: table.write_many(puts=rows), shares))


def _header() -> Row:
    """The header of a paid order, as the adapter writes it."""
    now = datetime.now(UTC)
    order = an_order(a_product("one"), a_product("other"), now=now)
    paid = payments.apply(order, a_fact(order), ledger=(), now=now)
    if paid is None:
        raise ValueError("A payment is news to a new order.")
    notes = _Notes()
    DynamoOrders(notes).commit(paid)
    return notes.rows[0]


def _numbered(header: Row, number: int) -> Row:
    order_id = an_id("ord", f"filling {number}")
    listed_at = header["listed_at"]["S"].partition("#")[0]
    return {
        **header,
        "pk": {"S": f"ORDER#{order_id}"},
        "id": {"S": order_id},
        "listed_at": {"S": f"{listed_at}#{order_id}"},
    }
