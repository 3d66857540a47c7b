from __future__ import annotations

import pytest

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import InvalidCursor
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
