from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.carts import restarted
from chalicelib.domain.totals import PriceList
from chalicelib.ports import Moved
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_cart, a_product, an_id, an_order

MUG, TEA = a_product("mug"), a_product("tea", amount=700)


def test_a_cart_is_read_as_it_was_written(stores: Stores) -> None:
    cart = a_cart(MUG, TEA, quantity=3)
    stores.carts.create_cart(cart)
    assert stores.carts.get_cart(cart.id) == cart


def test_an_empty_cart_is_read_as_it_was_written(stores: Stores) -> None:
    cart = a_cart()
    stores.carts.create_cart(cart)
    assert stores.carts.get_cart(cart.id) == cart


def test_a_cart_that_nobody_created_is_none(stores: Stores) -> None:
    assert stores.carts.get_cart(an_id("cart")) is None


def test_a_cart_outlives_its_expiry_until_somebody_deletes_it(stores: Stores) -> None:
    cart = a_cart(MUG, now=NOW - timedelta(days=30))
    stores.carts.create_cart(cart)
    found = stores.carts.get_cart(cart.id)
    assert found is not None
    assert found.is_expired(NOW)


def test_creating_a_cart_twice_is_creating_it_once(stores: Stores) -> None:
    """As botocore does when the first answer is lost."""
    stores.carts.create_cart(a_cart(MUG))
    stores.carts.create_cart(a_cart(MUG))
    assert stores.carts.get_cart(an_id("cart")) == a_cart(MUG)


def test_a_cart_is_replaced_over_the_version_before(stores: Stores) -> None:
    stores.carts.create_cart(a_cart())
    stores.carts.replace_cart(a_cart(MUG))
    assert stores.carts.get_cart(an_id("cart")) == a_cart(MUG)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_cart_is_not_replaced_over_any_other_version(stores: Stores, version: int) -> None:
    there = replace(a_cart(MUG), version=1)
    stores.carts.create_cart(there)
    with pytest.raises(Moved):
        stores.carts.replace_cart(replace(a_cart(TEA), version=version))
    assert stores.carts.get_cart(there.id) == there


def test_a_cart_that_is_gone_is_not_replaced(stores: Stores) -> None:
    with pytest.raises(Moved):
        stores.carts.replace_cart(a_cart(MUG))
    assert stores.carts.get_cart(an_id("cart")) is None


@pytest.mark.parametrize("has_cart", [True, False])
@pytest.mark.parametrize("has_product", [True, False])
def test_a_cart_and_a_price_are_read_together(stores: Stores, has_cart: bool, has_product: bool) -> None:  # noqa: FBT001 (a case)
    if has_cart:
        stores.carts.create_cart(a_cart(MUG))
    if has_product:
        stores.catalog.put_products([TEA])
    expected = (a_cart(MUG) if has_cart else None, PriceList(products={"tea": TEA} if has_product else {}))
    assert stores.carts.get_cart_and_prices(an_id("cart"), TEA.sku) == expected


def test_a_cart_that_became_an_order_since_it_was_read_is_not_replaced(stores: Stores) -> None:
    """Its version is what it was, and a cart that forgot its order could be paid twice."""
    cart = a_cart(MUG)
    stores.carts.create_cart(cart)
    order = an_order(MUG)
    stores.orders.place_order(order, cart=cart)
    with pytest.raises(Moved):
        stores.carts.replace_cart(restarted(cart, now=NOW))
    there = stores.carts.get_cart(cart.id)
    assert there == replace(cart, order_id=order.id, checkouts=1)
    stores.carts.replace_cart(restarted(there, now=NOW))
    assert stores.carts.get_cart(cart.id) == restarted(there, now=NOW)
