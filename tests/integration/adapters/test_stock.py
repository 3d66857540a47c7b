from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb.stock import DynamoStock, stock_key
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain.errors import KeyReused
from chalicelib.domain.stock import Stock, tell_low
from chalicelib.ports import Moved, StockShort, Unreadable
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_product

MUG, TEA = a_product("mug"), a_product("tea", tracked=True)
LATER = NOW + timedelta(minutes=1)


def adjusted(stores: Stores, sku: str, by: int, *, key: str) -> int | None:
    """What is left then."""
    found = stores.stock.adjust_stock(sku, by, key=key, now=NOW)
    return found.available if found else None


def test_stock_that_was_never_set_is_left_out(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    assert stores.stock.get_stock(["mug", "tea"]) == {"mug": 3}
    assert stores.stock.get_stock([]) == {}


def test_setting_stock_forgets_what_was_there(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    stores.stock.set_stock("mug", 0)
    assert stores.stock.get_stock(["mug"]) == {"mug": 0}


def test_stock_outlives_its_product(stores: Stores) -> None:
    stores.catalog.put_products([MUG])
    stores.stock.set_stock("mug", 3)
    stores.catalog.delete_products(["mug"])
    assert stores.stock.get_products_and_stock(["mug"]) == ({}, {"mug": 3})


def test_products_and_stock_are_read_together(stores: Stores) -> None:
    stores.catalog.put_products([MUG, TEA])
    stores.stock.set_stock("tea", 2)
    found = stores.stock.get_products_and_stock(["mug", "tea", "pot"])
    assert found == ({"mug": MUG, "tea": TEA}, {"tea": 2})


def test_products_and_stock_of_a_full_cart_are_read_together(stores: Stores) -> None:
    skus = [f"sku-{number}" for number in range(50)]
    stores.catalog.put_products(a_product(sku) for sku in skus)
    for sku in skus:
        stores.stock.set_stock(sku, 1)
    products, stock = stores.stock.get_products_and_stock(skus)
    assert set(products) == set(skus)
    assert stock == dict.fromkeys(skus, 1)


def test_adjusting_adds_and_takes(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    assert adjusted(stores, "mug", 4, key="a") == 7
    assert adjusted(stores, "mug", -7, key="b") == 0
    assert adjusted(stores, "mug", 1, key="c") == 1
    assert stores.stock.get_stock(["mug"]) == {"mug": 1}


def test_the_same_adjustment_again_adds_nothing(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    assert adjusted(stores, "mug", -3, key="a") == 0
    assert adjusted(stores, "mug", -3, key="a") == 0
    stores.stock.set_stock("mug", 5)
    assert adjusted(stores, "mug", -3, key="a") == 5


def test_one_key_may_serve_two_products(stores: Stores) -> None:
    stores.stock.set_stock("mug", 1)
    stores.stock.set_stock("tea", 1)
    assert adjusted(stores, "mug", 1, key="a") == 2
    assert adjusted(stores, "tea", 5, key="a") == 6


def test_a_key_that_was_used_for_another_adjustment_is_refused(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    adjusted(stores, "mug", 1, key="a")
    with pytest.raises(KeyReused):
        adjusted(stores, "mug", 2, key="a")
    assert stores.stock.get_stock(["mug"]) == {"mug": 4}


def test_no_adjustment_leaves_less_than_nothing(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    with pytest.raises(StockShort):
        adjusted(stores, "mug", -4, key="a")
    assert stores.stock.get_stock(["mug"]) == {"mug": 3}
    # What was refused used up no key.
    assert adjusted(stores, "mug", -3, key="a") == 0


def test_adjusting_what_has_no_stock_is_none_and_makes_none(stores: Stores) -> None:
    assert adjusted(stores, "mug", 4, key="a") is None
    assert adjusted(stores, "mug", -4, key="b") is None
    assert stores.stock.get_stock(["mug"]) == {}


def watched(stores: Stores, available: int, *, low_at: int = 5) -> Stock:
    stores.stock.set_stock("mug", available, low_at=low_at)
    return stores.stock.get_watched_stock(["mug"])["mug"]


def test_a_threshold_stays_until_it_is_taken_away(stores: Stores) -> None:
    assert watched(stores, 9) == Stock(sku="mug", available=9, low_at=5)
    stores.stock.set_stock("mug", 3)
    assert stores.stock.get_watched_stock(["mug", "tea"]) == {"mug": Stock(sku="mug", available=3, low_at=5)}
    assert stores.stock.adjust_stock("mug", 1, key="a", now=NOW) == Stock(sku="mug", available=4, low_at=5)
    stores.stock.set_stock("mug", 3, low_at=None)
    assert stores.stock.get_watched_stock(["mug"]) == {"mug": Stock(sku="mug", available=3)}


def test_an_episode_begins_with_its_event_and_once(stores: Stores) -> None:
    low = watched(stores, 4)
    event = tell_low(low, name="A mug", now=NOW)
    stores.stock.begin_low(low, event=event)
    marked = Stock(sku="mug", available=4, low_at=5, low_since=NOW)
    assert stores.stock.get_watched_stock(["mug"]) == {"mug": marked}
    assert stores.events.get_event(event.id) == event
    again = tell_low(low, name="A mug", now=LATER)
    with pytest.raises(Moved):
        stores.stock.begin_low(low, event=again)
    assert stores.events.get_event(again.id) is None


@pytest.mark.parametrize(("available", "low_at"), [(3, 5), (4, 6), (9, 5)])
def test_an_episode_does_not_begin_if_the_stock_is_not_as_it_was_read(
    stores: Stores, available: int, low_at: int
) -> None:
    low = watched(stores, 4)
    now = watched(stores, available, low_at=low_at)
    event = tell_low(low, name="", now=NOW)
    with pytest.raises(Moved):
        stores.stock.begin_low(low, event=event)
    assert stores.stock.get_watched_stock(["mug"]) == {"mug": now}
    assert stores.events.get_event(event.id) is None


def test_an_episode_ends_by_its_own_name_alone(stores: Stores) -> None:
    low = watched(stores, 4)
    stores.stock.end_low("mug", since=NOW)
    stores.stock.begin_low(low, event=tell_low(low, name="", now=NOW))
    stores.stock.end_low("mug", since=LATER)
    assert stores.stock.get_watched_stock(["mug"])["mug"].low_since == NOW
    stores.stock.end_low("mug", since=NOW)
    stores.stock.end_low("mug", since=NOW)
    assert stores.stock.get_watched_stock(["mug"]) == {"mug": low}


def test_who_is_not_watched_any_more_is_not_low_when_watched_again(stores: Stores) -> None:
    low = watched(stores, 4)
    stores.stock.begin_low(low, event=tell_low(low, name="", now=NOW))
    stores.stock.set_stock("mug", 4, low_at=None)
    assert watched(stores, 4) == low


def test_only_watched_stock_has_a_kind_by_which_the_stream_carries_it(table: Table) -> None:
    store = DynamoStock(table)

    def kind() -> object:
        row = table.get(stock_key("mug"))
        return row.get("kind") if row else None

    store.set_stock("mug", 3)
    assert kind() is None
    store.set_stock("mug", 3, low_at=0)
    assert kind() == {"S": "stock"}
    store.adjust_stock("mug", -1, key="a", now=NOW)
    assert kind() == {"S": "stock"}
    store.set_stock("mug", 3, low_at=None)
    assert kind() is None


def test_an_image_is_read_as_the_stock_it_shows(table: Table) -> None:
    store = DynamoStock(table)
    store.set_stock("mug", 3, low_at=5)
    store.begin_low(
        store.get_watched_stock(["mug"])["mug"],
        event=tell_low(Stock(sku="mug", available=3, low_at=5), name="", now=NOW),
    )
    row = table.get(stock_key("mug"))
    assert row is not None
    assert store.stock_of(row) == Stock(sku="mug", available=3, low_at=5, low_since=NOW)
    with pytest.raises(Unreadable) as refusal:
        store.stock_of({name: value for name, value in row.items() if name != "available"})
    assert refusal.value.row_id == "STOCK#mug"
