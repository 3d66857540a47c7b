from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ItemNotInCart
from tests.fakes import NOW
from tests.making import a_product
from tests.unit.services.shop import Shop

SKUS = [f"sku-{number}" for number in range(6)]
PRICES = st.fixed_dictionaries({sku: st.integers(0, 99_999_999) for sku in SKUS})
CHANGES = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(0, 1000)), max_size=20)


@given(PRICES, CHANGES)
def test_a_cart_holds_what_was_set_last_and_its_total_is_the_sum(
    prices: dict[str, int], changes: list[tuple[str, int]]
) -> None:
    shop = Shop()
    shop.world.put_products(a_product(sku, amount=amount) for sku, amount in prices.items())
    cart_id, expected, done = shop.cart().id, dict[str, int](), 0
    for sku, quantity in changes:
        with suppress(ItemNotInCart):
            shop.set_quantity(cart_id, sku, quantity)
            done += 1
        expected[sku] = quantity
    found = shop.read_cart(cart_id, now=NOW)
    assert {line.sku: line.quantity for line in found.lines} == {
        sku: quantity for sku, quantity in expected.items() if quantity
    }
    assert all(line.amount == prices[line.sku] * line.quantity for line in found.lines)
    assert found.amount == sum(line.amount for line in found.lines)
    assert found.version == done
    assert (found.currency is None) == (not found.lines)


@given(PRICES, CHANGES)
def test_an_order_asks_for_exactly_what_the_cart_showed(
    prices: dict[str, int], changes: list[tuple[str, int]]
) -> None:
    shop = Shop()
    shop.world.put_products(a_product(sku, amount=amount % 100 + 1) for sku, amount in prices.items())
    cart_id = shop.cart("mug").id
    for sku, quantity in changes:
        with suppress(ItemNotInCart):
            shop.set_quantity(cart_id, sku, quantity)
    shown = shop.read_cart(cart_id)
    order = shop.check_out(cart_id, total=shown.amount).order
    assert (order.amount, order.currency) == (shown.amount, shown.currency)
    assert [(line.sku, line.quantity, line.amount) for line in order.lines] == [
        (line.sku, line.quantity, line.amount) for line in shown.lines
    ]
