from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.adapters.dynamodb.stock import DynamoStock, stock_key
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain.catalog import MAX_SHARDS
from chalicelib.domain.errors import KeyReused
from chalicelib.domain.stock import Glimpse, Stock, row_name, tell_low
from chalicelib.ports import Moved, StockShort, Unreadable
from tests.fakes import NOW, interrupt
from tests.integration.adapters.conftest import Stores
from tests.making import a_cart, a_product, an_order, glimpses

MUG, TEA = a_product("mug"), a_product("tea", tracked=True)
LATER = NOW + timedelta(minutes=1)


def mugs(available: int, *, low_at: int | None = 5, low_since: datetime | None = None) -> Stock:
    return Stock(sku="mug", rows={"mug": available}, low_at=low_at, low_since=low_since)


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
    return stores.stock.get_stock_rows(["mug"])["mug"]


def test_a_threshold_stays_until_it_is_taken_away(stores: Stores) -> None:
    assert watched(stores, 9) == mugs(9)
    stores.stock.set_stock("mug", 3)
    assert stores.stock.get_stock_rows(["mug", "tea"]) == {"mug": mugs(3)}
    assert stores.stock.adjust_stock("mug", 1, key="a", now=NOW) == mugs(4)
    stores.stock.set_stock("mug", 3, low_at=None)
    assert stores.stock.get_stock_rows(["mug"]) == {"mug": mugs(3, low_at=None)}


def test_an_episode_begins_with_its_event_and_once(stores: Stores) -> None:
    low = watched(stores, 4)
    event = tell_low(low, name="A mug", now=NOW)
    stores.stock.begin_low(low, event=event)
    marked = mugs(4, low_since=NOW)
    assert stores.stock.get_stock_rows(["mug"]) == {"mug": marked}
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
    assert stores.stock.get_stock_rows(["mug"]) == {"mug": now}
    assert stores.events.get_event(event.id) is None


def test_an_episode_ends_by_its_own_name_alone(stores: Stores) -> None:
    low = watched(stores, 4)
    stores.stock.end_low("mug", since=NOW)
    stores.stock.begin_low(low, event=tell_low(low, name="", now=NOW))
    stores.stock.end_low("mug", since=LATER)
    assert stores.stock.get_stock_rows(["mug"])["mug"].low_since == NOW
    stores.stock.end_low("mug", since=NOW)
    stores.stock.end_low("mug", since=NOW)
    assert stores.stock.get_stock_rows(["mug"]) == {"mug": low}


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
        store.get_stock_rows(["mug"])["mug"],
        event=tell_low(mugs(3), name="", now=NOW),
    )
    row = table.get(stock_key("mug"))
    assert row is not None
    assert [store.glimpse_of(row)] == glimpses(mugs(3, low_since=NOW))
    with pytest.raises(Unreadable) as refusal:
        store.glimpse_of({name: value for name, value in row.items() if name != "available"})
    assert refusal.value.row_id == "STOCK#mug"


SPREAD = {"mug": 4, "mug#1": 3, "mug#2": 3}


def rows(stores: Stores) -> dict[str, int]:
    return stores.stock.get_stock_rows(["mug"])["mug"].rows


def test_stock_in_shards_is_spread_evenly_and_read_as_their_sum(stores: Stores) -> None:
    stores.stock.set_stock("mug", 10, shards=3)
    stores.stock.set_stock("tea", 2)
    assert stores.stock.get_stock(["mug", "tea", "pot"]) == {"mug": 10, "tea": 2}
    assert stores.stock.get_stock_rows(["mug"]) == {"mug": Stock(sku="mug", rows=SPREAD)}
    stores.catalog.put_products([MUG, TEA])
    found = stores.stock.get_products_and_stock(["mug", "tea"])
    assert found == ({"mug": MUG, "tea": TEA}, {"mug": 10, "tea": 2})


@pytest.mark.parametrize("shards", [1, 2, 3, 5, MAX_SHARDS])
def test_setting_stock_anew_forgets_every_row_however_many_there_were(stores: Stores, shards: int) -> None:
    stores.stock.set_stock("mug", 10, shards=3)
    stores.stock.set_stock("mug", 40, shards=shards, low_at=5)
    found = stores.stock.get_stock_rows(["mug"])["mug"]
    assert (found.available, found.low_at) == (40, 5)
    spread = [found.rows[row_name("mug", shard)] for shard in range(shards)]
    assert max(spread) - min(spread) <= 1
    assert sum(spread) == 40


def test_a_row_that_was_given_up_still_counts_what_comes_back_to_it(stores: Stores) -> None:
    stores.stock.set_stock("mug", 10, shards=3)
    stores.stock.set_stock("mug", 10)
    assert rows(stores) == {"mug": 10, "mug#1": 0, "mug#2": 0}
    stores.stock.adjust_stock("mug", -10, key="a", now=NOW)
    stores.stock.adjust_stock("mug", 5, key="b", now=NOW)
    assert rows(stores) == {"mug": 2, "mug#1": 2, "mug#2": 1}
    assert stores.stock.get_stock(["mug"]) == {"mug": 5}


def test_an_adjustment_of_shards_changes_as_few_as_it_can(stores: Stores) -> None:
    stores.stock.set_stock("mug", 10, shards=3)
    assert adjusted(stores, "mug", -2, key="a") == 8
    assert rows(stores) == SPREAD | {"mug": 2}
    assert adjusted(stores, "mug", 1, key="b") == 9
    assert rows(stores) == SPREAD | {"mug": 3}
    assert adjusted(stores, "mug", -7, key="c") == 2
    assert adjusted(stores, "mug", 4, key="d") == 6
    assert rows(stores) == {"mug": 2, "mug#1": 2, "mug#2": 2}
    assert adjusted(stores, "mug", -7, key="c") == 6
    with pytest.raises(KeyReused):
        adjusted(stores, "mug", -6, key="c")
    with pytest.raises(StockShort):
        adjusted(stores, "mug", -8, key="e")
    assert adjusted(stores, "mug", -6, key="f") == 0
    assert adjusted(stores, "mug", -6, key="f") == 0


def test_an_order_takes_from_the_rows_it_names_and_from_no_other(stores: Stores) -> None:
    stores.stock.set_stock("mug", 10, shards=3)
    cart = a_cart(MUG, quantity=5)
    stores.carts.create_cart(cart)
    order = an_order(MUG, quantity=5)
    with pytest.raises(StockShort):
        stores.orders.place_order(replace(order, reserved={"mug#1": 4, "mug#2": 1}), cart=cart)
    with pytest.raises(StockShort):
        stores.orders.place_order(replace(order, reserved={"mug#3": 1}), cart=cart)
    assert rows(stores) == SPREAD
    stores.orders.place_order(replace(order, reserved={"mug#1": 3, "mug#2": 2}), cart=cart)
    assert rows(stores) == {"mug": 4, "mug#1": 0, "mug#2": 1}


def test_an_episode_of_stock_in_shards_is_marked_in_the_first_row(stores: Stores) -> None:
    stores.stock.set_stock("mug", 4, shards=3, low_at=5)
    low = stores.stock.get_stock_rows(["mug"])["mug"]
    assert low.is_low
    stores.stock.begin_low(low, event=tell_low(low, name="", now=NOW))
    with pytest.raises(Moved):
        stores.stock.begin_low(low, event=tell_low(low, name="", now=LATER))
    assert stores.stock.get_stock_rows(["mug"])["mug"].low_since == NOW
    stores.stock.end_low("mug", since=NOW)
    assert stores.stock.get_stock_rows(["mug"])["mug"] == low


def test_each_row_of_watched_stock_is_carried_by_the_stream(table: Table) -> None:
    store = DynamoStock(table)

    def seen() -> list[Glimpse]:
        found = [table.get(stock_key(row_name("mug", shard))) for shard in range(3)]
        return [store.glimpse_of(row) for row in found if row and row.get("kind") == {"S": "stock"}]

    store.set_stock("mug", 10, shards=3, low_at=5)
    assert seen() == glimpses(Stock(sku="mug", rows=SPREAD, low_at=5))
    store.set_stock("mug", 10, shards=3)
    assert len(seen()) == 3
    store.set_stock("mug", 10, shards=3, low_at=None)
    assert seen() == []
    store.set_stock("mug", 10, shards=2, low_at=5)
    assert len(seen()) == 3


def test_setting_stock_whose_rows_became_more_meanwhile_reads_again(table: Table) -> None:
    store, other = DynamoStock(table), DynamoStock(table)
    store.set_stock("mug", 10)
    interrupt(table, "transact", lambda: other.set_stock("mug", 9, shards=3))
    with pytest.raises(Moved):
        store.set_stock("mug", 20)
    assert store.get_stock(["mug"]) == {"mug": 9}


def test_an_adjustment_that_a_sale_was_faster_than_reads_again(table: Table) -> None:
    store, other = DynamoStock(table), DynamoStock(table)
    store.set_stock("mug", 4, shards=2)
    interrupt(table, "transact", lambda: other.adjust_stock("mug", -2, key="sale", now=NOW))
    with pytest.raises(Moved):
        store.adjust_stock("mug", -4, key="a", now=NOW)
    with pytest.raises(StockShort):
        store.adjust_stock("mug", -4, key="a", now=NOW)
    assert store.get_stock(["mug"]) == {"mug": 2}
