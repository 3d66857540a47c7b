from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import msgspec
import pytest

from chalicelib.domain.errors import Conflict, KeyReused, ProductNotFound, StockNotTracked
from chalicelib.domain.event_types import StockLow
from chalicelib.domain.stock import Stock
from chalicelib.ports import Moved
from chalicelib.services.stock import adjust_stock, read_stock, set_stock, watch
from tests.fakes import NOW, interrupt
from tests.making import a_product, glimpses
from tests.unit.services.shop import Shop


def adjust(shop: Shop, by: int, *, sku: str = "tea", key: str = "k") -> int:
    return adjust_stock(sku, by, key=key, stock=shop.world, now=NOW).available


def test_stock_is_read_as_it_was_set(shop: Shop) -> None:
    nine = Stock(sku="tea", rows={"tea": 9}, low_at=2)
    assert set_stock("tea", 9, low_at=2, stock=shop.world, catalog=shop.world) == nine
    assert read_stock("tea", stock=shop.world) == nine


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
    assert set_stock("tea", 9, stock=shop.world, catalog=shop.world).available == 9


def watched(shop: Shop, available: int, *, low_at: int = 2) -> Stock:
    """Tea as the stream would show it."""
    return set_stock("tea", available, low_at=low_at, stock=shop.world, catalog=shop.world)


def relay(shop: Shop, *seen: Stock, now: datetime = NOW) -> None:
    for glimpse in (glimpse for stock in seen for glimpse in glimpses(stock)):
        watch(glimpse, stock=shop.world, catalog=shop.world, now=now)


def told(shop: Shop) -> list[dict[str, object]]:
    return [msgspec.json.decode(event.payload)["data"]["stock"] for event in shop.world.events.values()]


def test_low_stock_is_told_with_the_products_name(shop: Shop) -> None:
    relay(shop, watched(shop, 3))
    assert told(shop) == []
    relay(shop, watched(shop, 2))
    assert told(shop) == [{"sku": "tea", "name": "Tea", "available": 2, "low_at": 2}]
    (event,) = shop.world.events.values()
    assert (event.type, event.order_id, event.created_at) == ("stock.low", "", NOW)
    record = msgspec.json.decode(event.payload, type=StockLow)
    assert msgspec.to_builtins(record) == msgspec.json.decode(event.payload)


def test_what_is_no_longer_sold_has_no_name(shop: Shop) -> None:
    seen = watched(shop, 2)
    shop.world.delete_products(["tea"])
    relay(shop, seen)
    assert told(shop)[0]["name"] == ""


def test_an_episode_is_told_once_however_often_it_is_seen(shop: Shop) -> None:
    first, second = watched(shop, 2), watched(shop, 1)
    relay(shop, first, first, second, read_stock("tea", stock=shop.world), first)
    assert [stock["available"] for stock in told(shop)] == [1]


def test_relays_that_see_it_at_once_tell_it_once(shop: Shop) -> None:
    seen = watched(shop, 2)
    interrupt(shop.world, "begin_low", *[Barrier(6).wait] * 6)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: relay(shop, seen), range(6)))
    assert len(told(shop)) == 1


def test_a_sale_in_between_is_counted_in_what_is_told(shop: Shop) -> None:
    seen = watched(shop, 2)
    interrupt(shop.world, "begin_low", lambda: adjust(shop, -1))
    relay(shop, seen)
    assert [stock["available"] for stock in told(shop)] == [1]


def test_the_next_episode_is_told_again(shop: Shop) -> None:
    relay(shop, watched(shop, 2))
    relay(shop, watched(shop, 3))
    assert read_stock("tea", stock=shop.world).low_since is None
    relay(shop, watched(shop, 1), now=NOW + timedelta(hours=1))
    assert [stock["available"] for stock in told(shop)] == [2, 1]
    assert len(shop.world.events) == 2


def test_an_episode_that_was_over_for_a_moment_is_over(shop: Shop) -> None:
    """More came, and went before the relay saw it: what it saw is reason enough."""
    relay(shop, watched(shop, 2))
    more, gone = watched(shop, 9), watched(shop, 1)
    relay(shop, more, gone, now=NOW + timedelta(hours=1))
    relay(shop, read_stock("tea", stock=shop.world), now=NOW + timedelta(hours=1))
    assert [stock["available"] for stock in told(shop)] == [2, 1]


def test_what_was_low_for_a_moment_is_not_told_when_there_are_more(shop: Shop) -> None:
    seen = watched(shop, 2)
    watched(shop, 3)
    relay(shop, seen)
    assert told(shop) == []


def test_a_threshold_that_is_lowered_ends_the_episode_and_one_that_is_raised_begins_one(shop: Shop) -> None:
    relay(shop, watched(shop, 2))
    relay(shop, watched(shop, 2, low_at=1))
    assert read_stock("tea", stock=shop.world).low_since is None
    relay(shop, watched(shop, 2, low_at=7), now=NOW + timedelta(hours=1))
    assert [stock["low_at"] for stock in told(shop)] == [2, 7]


def test_stock_in_shards_is_spread_as_the_product_says(shop: Shop) -> None:
    shop.sell(a_product("tea", tracked=True, shards=4))
    assert set_stock("tea", 10, stock=shop.world, catalog=shop.world).available == 10
    assert shop.world.stock == {"tea": 3, "tea#1": 3, "tea#2": 2, "tea#3": 2}


def test_the_sum_of_the_shards_is_what_is_low(shop: Shop) -> None:
    shop.sell(a_product("tea", tracked=True, shards=4, name="Tea"))
    relay(shop, watched(shop, 8, low_at=7))
    assert told(shop) == []
    adjust(shop, -1)
    relay(shop, read_stock("tea", stock=shop.world))
    relay(shop, read_stock("tea", stock=shop.world))
    assert told(shop) == [{"sku": "tea", "name": "Tea", "available": 7, "low_at": 7}]
    adjust(shop, 1, key="more")
    relay(shop, read_stock("tea", stock=shop.world))
    assert read_stock("tea", stock=shop.world).low_since is None
