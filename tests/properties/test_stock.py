from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.errors import Conflict, KeyReused, OutOfStock
from chalicelib.domain.stock import adjustment, row_name
from chalicelib.services.stock import adjust_stock
from tests.fakes import NOW, interrupt
from tests.unit.services.shop import TEA, Shop

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


CHANGES = st.one_of(
    st.tuples(st.just("sell"), st.integers(1, 6)),
    st.tuples(st.just("adjust"), st.integers(-6, 6)),
    st.tuples(st.just("sell in"), st.integers(1, 5)),
    st.tuples(st.just("set with"), st.integers(1, 5)),
)


@given(st.integers(0, 20), st.lists(CHANGES, max_size=20))
def test_shards_hold_exactly_what_was_not_sold_and_refuse_nothing_that_is_there(
    start: int, changes: list[tuple[str, int]]
) -> None:
    """Sales, adjustments, another number of shards from now on, and stock set anew, spread over so many."""
    shop = Shop()
    expected = start
    shop.world.set_stock("tea", start)
    for number, (what, count) in enumerate(changes):
        match what:
            case "sell":
                cart = shop.set_quantity(shop.cart().id, "tea", count)
                enough = expected >= count
                with nullcontext() if enough else pytest.raises(OutOfStock):
                    shop.check_out(cart.id, total=cart.amount)
                expected -= count if enough else 0
            case "adjust":
                enough = expected + count >= 0
                with nullcontext() if enough else pytest.raises(Conflict):
                    adjust_stock("tea", count, key=str(number), stock=shop.world, now=NOW)
                expected += count if enough else 0
            case "sell in":
                shop.sell(replace(TEA, stock_shards=count))
            case _:
                shop.world.set_stock("tea", expected, shards=count)
        assert min(shop.world.stock.values()) >= 0
        assert sum(shop.world.stock.values()) == expected


@given(st.lists(st.integers(0, 30), min_size=1, max_size=32), st.integers(-300, 300))
def test_an_adjustment_adds_exactly_that_and_leaves_no_row_below_nothing(rows: list[int], by: int) -> None:
    named = {row_name("tea", shard): available for shard, available in enumerate(rows)}
    changes = adjustment(named, by)
    if changes is None:
        assert sum(rows) + by < 0
        return
    after = {name: available + changes.get(name, 0) for name, available in named.items()}
    assert sum(after.values()) == sum(rows) + by
    assert min(after.values()) >= 0
