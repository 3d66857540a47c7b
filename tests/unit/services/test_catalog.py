from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from chalicelib.domain.catalog import Availability, CatalogChange, Product
from chalicelib.domain.errors import InvalidCursor, InvalidRequest, ProductNotFound
from chalicelib.services.catalog import delete_product, list_offers, push_catalog, put_product, read_offer
from tests.fakes import interrupt
from tests.making import a_product
from tests.unit.services.shop import MUG, TEA, Shop

POT = a_product("pot")


def push(shop: Shop, products: Sequence[Product]) -> CatalogChange:
    return push_catalog(products, catalog=shop.world)


def test_offers_say_what_is_left_only_where_it_is_counted(shop: Shop) -> None:
    page = list_offers(limit=10, cursor=None, catalog=shop.world, stock=shop.world)
    assert [(offer.product, offer.availability) for offer in page.items] == [
        (MUG, Availability(in_stock=True, left=None)),
        (TEA, Availability(in_stock=True, left=3)),
    ]
    assert page.cursor is None


def test_offers_are_paged(shop: Shop) -> None:
    first = list_offers(limit=1, cursor=None, catalog=shop.world, stock=shop.world)
    second = list_offers(limit=1, cursor=first.cursor, catalog=shop.world, stock=shop.world)
    assert [page.items[0].product.sku for page in (first, second)] == ["mug", "tea"]
    with pytest.raises(InvalidCursor):
        list_offers(limit=1, cursor="broken", catalog=shop.world, stock=shop.world)


def test_a_page_without_counted_products_asks_for_no_stock(shop: Shop) -> None:
    shop.world.delete_products(["tea"])
    interrupt(shop.world, "get_stock", AssertionError("a round trip for nothing"))
    list_offers(limit=10, cursor=None, catalog=shop.world, stock=shop.world)


@pytest.mark.parametrize(("available", "left"), [(0, 0), (5, 5)])
def test_an_offer_says_what_is_left(shop: Shop, available: int, left: int) -> None:
    shop.world.set_stock("tea", available)
    assert read_offer("tea", stock=shop.world).availability == Availability(in_stock=left > 0, left=left)


def test_a_counted_product_without_stock_is_sold_out(shop: Shop) -> None:
    shop.world.stock.clear()
    assert read_offer("tea", stock=shop.world).availability == Availability(in_stock=False, left=0)


def test_a_product_that_is_not_sold_has_no_offer(shop: Shop) -> None:
    with pytest.raises(ProductNotFound):
        read_offer("pot", stock=shop.world)


def test_putting_a_product_adds_or_replaces_it(shop: Shop) -> None:
    assert put_product(POT, catalog=shop.world) == POT
    dearer = a_product("pot", amount=9)
    put_product(dearer, catalog=shop.world)
    assert read_offer("pot", stock=shop.world).product == dearer


@pytest.mark.parametrize("currency", ["xxx", "eur ", "EUR", "btc"])
def test_a_currency_that_nobody_charges_is_refused(shop: Shop, currency: str) -> None:
    odd = a_product("pot", currency=currency)
    with pytest.raises(InvalidRequest, match="no currency"):
        put_product(odd, catalog=shop.world)
    with pytest.raises(InvalidRequest, match="no currency"):
        push(shop, [odd])
    assert shop.world.products == {"mug": MUG, "tea": TEA}


def test_deleting_a_product_keeps_its_stock(shop: Shop) -> None:
    delete_product("tea", catalog=shop.world)
    assert (shop.world.products, shop.world.stock) == ({"mug": MUG}, {"tea": 3})
    with pytest.raises(ProductNotFound):
        delete_product("tea", catalog=shop.world)


def test_a_push_makes_the_catalogue_exactly_what_it_says(shop: Shop) -> None:
    dearer = a_product("mug", amount=1300)
    assert push(shop, [POT, dearer]) == CatalogChange(
        added=["pot"], changed=["mug"], removed=["tea"], unchanged=0
    )
    assert shop.world.products == {"pot": POT, "mug": dearer}
    assert shop.world.stock == {"tea": 3}


def test_a_push_of_the_same_changes_nothing(shop: Shop) -> None:
    assert push(shop, [TEA, MUG]) == CatalogChange(unchanged=2)
    assert shop.world.products == {"mug": MUG, "tea": TEA}


def test_an_empty_push_takes_everything_out(shop: Shop) -> None:
    assert push(shop, []) == CatalogChange(removed=["mug", "tea"])
    assert shop.world.products == {}


def test_a_push_with_a_sku_twice_is_refused_by_name_and_changes_nothing(shop: Shop) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        push(shop, [POT, MUG, POT, TEA, TEA])
    assert refusal.value.details == {"skus": ["pot", "tea"]}
    assert shop.world.products == {"mug": MUG, "tea": TEA}


def test_a_push_sees_the_whole_of_a_large_catalogue(shop: Shop) -> None:
    many = [a_product(f"sku-{number:04}") for number in range(1200)]
    push(shop, many)
    assert push(shop, many[:-1]) == CatalogChange(removed=["sku-1199"], unchanged=1199)


def test_a_push_that_crashed_halfway_is_mended_by_the_next(shop: Shop) -> None:
    interrupt(shop.world, "delete_products", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        push(shop, [POT])
    assert push(shop, [POT]) == CatalogChange(removed=["mug", "tea"], unchanged=1)


@pytest.mark.parametrize(
    ("currency", "amount", "can_be_charged"),
    [
        ("kwd", 5120, True),
        ("kwd", 5124, False),
        ("isk", 40_00, True),
        ("isk", 40_10, False),
        ("ugx", 1050, False),
        ("jpy", 501, True),
        ("eur", 501, True),
    ],
)
def test_a_price_is_one_that_can_be_charged(
    shop: Shop,
    currency: str,
    amount: int,
    can_be_charged: bool,  # noqa: FBT001 (a case)
) -> None:
    """Stripe refuses a third decimal, and fractions of what has none any more; at checkout it is too late."""
    product = replace(a_product("rug", amount=amount), currency=currency)
    if can_be_charged:
        assert put_product(product, catalog=shop.world) == product
        return
    with pytest.raises(InvalidRequest, match="multiple of"):
        put_product(product, catalog=shop.world)
    assert "rug" not in shop.world.get_products(["rug"])
