from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.domain.errors import OutOfStock
from chalicelib.domain.reserving import MOST_ROWS, first_choice, from_what_is_left
from chalicelib.domain.stock import Stock, row_name
from tests.making import an_id

ORDER = an_id("ord")


def stock(sku: str, *rows: int) -> Stock:
    return Stock(sku=sku, rows={row_name(sku, shard): available for shard, available in enumerate(rows)})


def test_an_order_takes_first_from_one_row_of_each_sku() -> None:
    found = first_choice(ORDER, {"mug": 2, "tea": 3}, shards={"mug": 4, "tea": 1})
    (of_mugs,) = found.keys() - {"tea"}
    assert found == {of_mugs: 2, "tea": 3}
    assert of_mugs in {"mug", "mug#1", "mug#2", "mug#3"}


def test_one_order_always_chooses_the_same_row_and_many_choose_them_all() -> None:
    def chosen() -> list[str]:
        return [
            next(iter(first_choice(an_id("ord", number), {"mug": 1}, shards={"mug": 4})))
            for number in range(200)
        ]

    assert chosen() == chosen()
    assert len(set(chosen())) == 4
    assert min(Counter(chosen()).values()) > 25


def test_a_row_that_has_enough_is_taken_before_several() -> None:
    takes = {"mug": 4}
    assert from_what_is_left(ORDER, takes, {"mug": stock("mug", 3, 3, 9, 3)}) == {"mug#2": 4}
    assert from_what_is_left(ORDER, takes, {"mug": stock("mug", 1, 3, 0, 2)}) == {"mug#1": 3, "mug#3": 1}


def test_what_is_short_is_named_with_what_is_left_of_it() -> None:
    with pytest.raises(OutOfStock) as refusal:
        from_what_is_left(
            ORDER, {"mug": 7, "tea": 7, "pot": 1}, {"mug": stock("mug", 3, 3), "pot": stock("pot", 1)}
        )
    assert refusal.value.details == {
        "items": [{"sku": "mug", "wanted": 7, "left": 6}, {"sku": "tea", "wanted": 7, "left": 0}]
    }


def test_last_pieces_in_more_rows_than_a_transaction_takes_are_refused_with_what_to_do() -> None:
    stocks = {sku: stock(sku, *[1] * 32) for sku in ("mug", "tea", "pot")}
    with pytest.raises(OutOfStock, match="Take fewer"):
        from_what_is_left(ORDER, dict.fromkeys(stocks, 32), stocks)
    assert len(from_what_is_left(ORDER, dict.fromkeys(stocks, MOST_ROWS // 3), stocks)) <= MOST_ROWS
