from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Conflict, KeyReused, OutOfStock
from chalicelib.services.stock import adjust_stock
from tests.fakes import NOW, interrupt
from tests.unit.services.shop import Shop

SALES = st.integers(1, 4)
ADJUSTMENTS = st.tuples(st.integers(-5, 5), st.integers(0, 4))


@given(st.integers(0, 12), st.lists(st.one_of(SALES, ADJUSTMENTS), max_size=20))
def test_stock_is_never_negative_and_none_is_lost(start: int, steps: list[int | tuple[int, int]]) -> None:
    """Sales (quantity) and adjustments (by, key); the next of them gets in before each sale's transaction."""
    shop = Shop()
    shop.world.set_stock("tea", start)
    sold: list[int] = []
    added: dict[int, int] = {}

    def sell(quantity: int) -> None:
        cart = shop.set_quantity(shop.cart().id, "tea", quantity)
        interrupt(shop.world, "place_order", step)
        with suppress(OutOfStock):
            order = shop.check_out(cart.id, total=cart.amount).order
            sold.append(order.lines[0].quantity)

    def adjust(by: int, key: int) -> None:
        with suppress(Conflict, KeyReused):
            adjust_stock("tea", by, key=str(key), stock=shop.world, now=NOW)
            added.setdefault(key, by)

    todo = list(steps)

    def step() -> None:
        if todo:
            match todo.pop():
                case (by, key):
                    adjust(by, key)
                case quantity:
                    sell(quantity)
            assert shop.world.stock["tea"] >= 0

    while todo:
        step()
    assert shop.world.stock["tea"] == start - sum(sold) + sum(added.values())
