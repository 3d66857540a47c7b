from __future__ import annotations

import pytest

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import InvalidCursor, KeyReused
from chalicelib.ports import StockShort
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_product

MUG, TEA = a_product("mug"), a_product("tea", tracked=True)


def test_products_are_read_as_they_were_written(stores: Stores) -> None:
    full = Product(
        sku="A.b_c~d-9",
        name="Théière 茶壺",
        amount=0,
        currency="jpy",
        description='"quoted"\n',
        image="https://cdn.example.com/pot.svg",
        stock="tracked",
    )
    stores.catalog.put_products([full, MUG])
    assert stores.catalog.get_products([full.sku, MUG.sku]) == {full.sku: full, MUG.sku: MUG}


def test_reading_products_leaves_out_what_does_not_exist(stores: Stores) -> None:
    stores.catalog.put_products([MUG])
    assert stores.catalog.get_products(["mug", "tea"]) == {"mug": MUG}
    assert stores.catalog.get_products([]) == {}


def test_putting_a_product_again_replaces_it(stores: Stores) -> None:
    stores.catalog.put_products([MUG])
    dearer = a_product("mug", amount=1300)
    stores.catalog.put_products([dearer])
    assert stores.catalog.get_products(["mug"]) == {"mug": dearer}


def test_deleted_products_are_gone_and_deleting_what_is_not_there_is_no_error(stores: Stores) -> None:
    stores.catalog.put_products([MUG, TEA])
    stores.catalog.delete_products(["mug", "nothing"])
    stores.catalog.delete_products([])
    assert stores.catalog.get_products(["mug", "tea"]) == {"tea": TEA}


def test_a_catalogue_larger_than_any_batch_goes_in_and_out_whole(stores: Stores) -> None:
    products = {f"sku-{number:03}": a_product(f"sku-{number:03}") for number in range(130)}
    stores.catalog.put_products(products.values())
    assert stores.catalog.get_products(products) == products
    stores.catalog.delete_products(products)
    assert stores.catalog.get_products(products) == {}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_paging_shows_every_product_once_by_sku(stores: Stores, limit: int) -> None:
    stores.catalog.put_products(a_product(sku) for sku in "gcaebfd")
    seen: list[str] = []
    cursor = None
    while True:
        page = stores.catalog.list_products(limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        seen += [product.sku for product in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == list("abcdefg")


def test_a_cursor_goes_on_behind_its_place_whatever_came_before(stores: Stores) -> None:
    stores.catalog.put_products([a_product("b"), a_product("d")])
    cursor = stores.catalog.list_products(limit=1, cursor=None).cursor
    stores.catalog.put_products([a_product("a"), a_product("c")])
    stores.catalog.delete_products(["b"])
    page = stores.catalog.list_products(limit=5, cursor=cursor)
    assert [product.sku for product in page.items] == ["c", "d"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!", "é", "e30", "bnVsbA", "eyJzayI6IiJ9", "eyJzayI6MX0", "a" * 5000]
)
def test_a_broken_cursor_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        stores.catalog.list_products(limit=5, cursor=cursor)


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
    assert stores.stock.adjust_stock("mug", 4, key="a", now=NOW) == 7
    assert stores.stock.adjust_stock("mug", -7, key="b", now=NOW) == 0
    assert stores.stock.adjust_stock("mug", 1, key="c", now=NOW) == 1
    assert stores.stock.get_stock(["mug"]) == {"mug": 1}


def test_the_same_adjustment_again_adds_nothing(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    assert stores.stock.adjust_stock("mug", -3, key="a", now=NOW) == 0
    assert stores.stock.adjust_stock("mug", -3, key="a", now=NOW) == 0
    stores.stock.set_stock("mug", 5)
    assert stores.stock.adjust_stock("mug", -3, key="a", now=NOW) == 5


def test_one_key_may_serve_two_products(stores: Stores) -> None:
    stores.stock.set_stock("mug", 1)
    stores.stock.set_stock("tea", 1)
    assert stores.stock.adjust_stock("mug", 1, key="a", now=NOW) == 2
    assert stores.stock.adjust_stock("tea", 5, key="a", now=NOW) == 6


def test_a_key_that_was_used_for_another_adjustment_is_refused(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    stores.stock.adjust_stock("mug", 1, key="a", now=NOW)
    with pytest.raises(KeyReused):
        stores.stock.adjust_stock("mug", 2, key="a", now=NOW)
    assert stores.stock.get_stock(["mug"]) == {"mug": 4}


def test_no_adjustment_leaves_less_than_nothing(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    with pytest.raises(StockShort):
        stores.stock.adjust_stock("mug", -4, key="a", now=NOW)
    assert stores.stock.get_stock(["mug"]) == {"mug": 3}
    # What was refused used up no key.
    assert stores.stock.adjust_stock("mug", -3, key="a", now=NOW) == 0


def test_adjusting_what_has_no_stock_is_none_and_makes_none(stores: Stores) -> None:
    assert stores.stock.adjust_stock("mug", 4, key="a", now=NOW) is None
    assert stores.stock.adjust_stock("mug", -4, key="b", now=NOW) is None
    assert stores.stock.get_stock(["mug"]) == {}
