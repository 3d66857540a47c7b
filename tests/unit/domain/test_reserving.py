from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.domain.errors import OutOfStock
from chalicelib.domain.reserving import MOST_ROWS, first_choice, from_what_is_left
from chalicelib.domain.stock import Stock, row_name
from tests.making import a_product, an_order

MUG, TEA = a_product("mug", tracked=True, shards=4), a_product("tea", tracked=True)
PIN = a_product("pin")
PRODUCTS = {product.sku: product for product in (MUG, TEA, PIN)}


def stock(sku: str, *rows: int) -> Stock:
    return Stock(sku=sku, rows={row_name(sku, shard): available for shard, available in enumerate(rows)})


def test_an_order_takes_first_from_one_row_of_each_sku_that_is_counted() -> None:
    found = first_choice(an_order(MUG, TEA, PIN, quantity=2), PRODUCTS)
    assert list(found.values()) == [2, 2]
    assert found.keys() <= {"mug", "mug#1", "mug#2", "mug#3", "tea"}
    assert "tea" in found


def test_one_order_always_chooses_the_same_row_and_many_choose_them_all() -> None:
    chosen = [next(iter(first_choice(an_order(MUG, seed=number), PRODUCTS))) for number in range(200)]
    again = [next(iter(first_choice(an_order(MUG, seed=number), PRODUCTS))) for number in range(200)]
    assert chosen == again
    assert min(Counter(chosen).values()) > 25
    assert len(set(chosen)) == 4


def test_a_row_that_has_enough_is_taken_before_several() -> None:
    order = an_order(MUG, quantity=4)
    assert from_what_is_left(order, PRODUCTS, {"mug": stock("mug", 3, 3, 9, 3)}) == {"mug#2": 4}
    assert from_what_is_left(order, PRODUCTS, {"mug": stock("mug", 1, 3, 0, 2)}) == {"mug#1": 3, "mug#3": 1}


def test_what_is_short_is_named_with_what_is_left_of_it() -> None:
    order = an_order(MUG, TEA, quantity=7)
    with pytest.raises(OutOfStock) as refusal:
        from_what_is_left(order, PRODUCTS, {"mug": stock("mug", 3, 3)})
    assert refusal.value.details == {
        "items": [{"sku": "mug", "wanted": 7, "left": 6}, {"sku": "tea", "wanted": 7, "left": 0}]
    }


def test_last_pieces_in_more_rows_than_a_transaction_takes_are_refused_with_what_to_do() -> None:
    products = {f"sku-{number}": a_product(f"sku-{number}", tracked=True) for number in range(3)}
    stocks = {sku: stock(sku, *[1] * 32) for sku in products}
    order = an_order(*products.values(), quantity=32)
    with pytest.raises(OutOfStock, match="Take fewer"):
        from_what_is_left(order, products, stocks)
    order = an_order(*products.values(), quantity=MOST_ROWS // 3)
    assert len(from_what_is_left(order, products, stocks)) <= MOST_ROWS
