from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.carts import LIFETIME, MAX_SKUS, with_quantity, without
from chalicelib.domain.errors import CartFull, CurrencyMixed, ItemNotInCart
from tests.fakes import NOW
from tests.making import a_cart, a_product

MUG, TEA = a_product("mug", amount=1200), a_product("tea", amount=700)


def test_an_item_keeps_its_place_when_its_quantity_changes() -> None:
    cart = with_quantity(a_cart(MUG, TEA), MUG, 5, now=NOW)
    assert [(line.sku, line.quantity) for line in cart.lines] == [("mug", 5), ("tea", 1)]
    assert (cart.quantity_of("mug"), cart.quantity_of("pot")) == (5, 0)


def test_each_change_raises_the_version_by_one_and_prolongs_the_cart() -> None:
    cart, later = a_cart(MUG), NOW + timedelta(days=1, microseconds=5)
    for changed in (with_quantity(cart, TEA, 1, now=later), without(cart, "mug", now=later)):
        assert changed.version == cart.version + 1
        assert changed.expires_at == NOW + timedelta(days=1) + LIFETIME


def test_a_cart_expires_at_its_last_moment() -> None:
    cart = a_cart()
    assert not cart.is_expired(NOW + LIFETIME - timedelta(microseconds=1))
    assert cart.is_expired(NOW + LIFETIME)


def test_a_cart_has_one_currency_until_it_is_empty() -> None:
    dollars = a_product("pot", currency="usd")
    with pytest.raises(CurrencyMixed):
        with_quantity(a_cart(MUG), dollars, 1, now=NOW)
    assert with_quantity(without(a_cart(MUG), "mug", now=NOW), dollars, 1, now=NOW).currency == "usd"


def test_a_full_cart_takes_no_other_product_but_any_quantity_of_its_own() -> None:
    products = [a_product(f"sku-{number}") for number in range(MAX_SKUS)]
    cart = a_cart(*products)
    assert with_quantity(cart, products[3], 1000, now=NOW).quantity_of("sku-3") == 1000
    with pytest.raises(CartFull):
        with_quantity(cart, MUG, 1, now=NOW)


def test_what_is_not_in_the_cart_cannot_be_taken_out() -> None:
    with pytest.raises(ItemNotInCart):
        without(a_cart(MUG), "tea", now=NOW)
