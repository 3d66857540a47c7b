from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.errors import Conflict, KeyReused, ProductNotFound, StockNotTracked
from chalicelib.ports import Moved
from chalicelib.services.stock import adjust_stock, read_stock, set_stock
from tests.fakes import NOW, interrupt
from tests.unit.services.shop import Shop


def adjust(shop: Shop, by: int, *, sku: str = "tea", key: str = "k") -> int:
    return adjust_stock(sku, by, key=key, stock=shop.world, now=NOW)


def test_stock_is_read_as_it_was_set(shop: Shop) -> None:
    assert set_stock("tea", 9, stock=shop.world, catalog=shop.world) == 9
    assert read_stock("tea", stock=shop.world) == 9


def test_stock_of_what_is_not_sold_cannot_be_set(shop: Shop) -> None:
    with pytest.raises(ProductNotFound):
        set_stock("pot", 9, stock=shop.world, catalog=shop.world)
    assert shop.world.stock == {"tea": 3}


def test_what_has_no_stock_can_be_neither_read_nor_adjusted(shop: Shop) -> None:
    with pytest.raises(StockNotTracked):
        read_stock("mug", stock=shop.world)
    with pytest.raises(StockNotTracked):
        adjust(shop, 1, sku="mug")


def test_adjusting_adds_and_takes(shop: Shop) -> None:
    assert adjust(shop, 4, key="a") == 7
    assert adjust(shop, -7, key="b") == 0


def test_the_same_adjustment_again_changes_nothing(shop: Shop) -> None:
    assert [adjust(shop, -2), adjust(shop, -2)] == [1, 1]
    with pytest.raises(KeyReused):
        adjust(shop, -1)


def test_taking_more_than_there_is_is_refused(shop: Shop) -> None:
    with pytest.raises(Conflict, match="fewer than 4"):
        adjust(shop, -4)
    assert shop.world.stock == {"tea": 3}


def test_adjusting_is_safe_beside_sales(shop: Shop) -> None:
    shop.world.set_stock("tea", 10)
    carts = [shop.cart("tea").id for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        sales = [pool.submit(shop.check_out, cart_id, total=700) for cart_id in carts]
        for number in range(5):
            adjust(shop, 2, key=str(number))
    assert all(sale.exception() is None for sale in sales)
    assert shop.world.stock == {"tea": 10 - 8 + 10}


def test_an_adjustment_that_a_sale_got_in_the_way_of_is_made_all_the_same(shop: Shop) -> None:
    """DynamoDB refuses one of two transactions on one item."""
    interrupt(shop.world, "adjust_stock", Moved())
    assert adjust(shop, 1) == 4


def test_setting_stock_that_a_sale_got_in_the_way_of_is_done_all_the_same(shop: Shop) -> None:
    interrupt(shop.world, "set_stock", Moved())
    assert set_stock("tea", 9, stock=shop.world, catalog=shop.world) == 9
