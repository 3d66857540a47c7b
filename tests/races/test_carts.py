from __future__ import annotations

from functools import partial

from chalicelib.domain.carts import Cart, with_quantity
from chalicelib.domain.errors import TotalChanged
from chalicelib.services.carts import set_quantity
from tests.fakes import NOW
from tests.making import a_product
from tests.races.shop import TEA, Shop, at_once, held_by, needed_by, refusals


def change(shop: Shop, cart: Cart, sku: str, quantity: int) -> None:
    set_quantity(
        cart.id, sku, quantity, carts=shop.carts, prices=shop.prices, ask_tax=shop.provider.ask_tax, now=NOW
    )


def test_what_several_tabs_put_into_one_cart_at_once_is_all_in_it(shop: Shop) -> None:
    skus = [f"sku-{number:02}" for number in range(12)]
    shop.catalog.put_products(a_product(sku) for sku in skus)
    cart = shop.cart({})
    assert refusals(at_once([partial(change, shop, cart, sku, 2) for sku in skus])) == {}
    found = shop.carts.get_cart(cart.id)
    assert found is not None
    assert (sorted(found.skus()), found.version) == (skus, 12)


def test_a_cart_that_changes_while_it_becomes_an_order_does_not_forget_it(shop: Shop) -> None:
    shop.stock.set_stock("tea", 1000)
    carts = [shop.cart({"tea": 1}, seed=number) for number in range(10)]
    changing = [partial(change, shop, cart, "tea", pieces) for cart in carts for pieces in (2, 3)]
    buying = [partial(shop.check_out, cart) for cart in carts]
    assert set(refusals(at_once([*changing, *buying]))) <= {TotalChanged}
    for cart in carts:
        found = shop.carts.get_cart(cart.id)
        assert found is not None
        shop.check_out(found)
        shop.require_one_open_order(cart.id)


def test_every_version_of_a_cart_checked_out_while_it_changes_leaves_one_open_order(shop: Shop) -> None:
    shop.stock.set_stock("tea", 100)
    cart = shop.cart({"tea": 1})
    versions = [with_quantity(cart, TEA, pieces, now=NOW) for pieces in range(1, 7)]
    changing = [partial(change, shop, cart, "tea", pieces) for pieces in range(1, 7)]
    outcomes = at_once([*changing, *(partial(shop.check_out, version) for version in versions)])
    assert set(refusals(outcomes)) <= {TotalChanged}
    last = shop.carts.get_cart(cart.id)
    assert last is not None
    shop.check_out(last)
    story = shop.require_one_open_order(cart.id)
    assert needed_by(story.order) == {"tea": last.quantity_of("tea")}
    assert shop.stock_of(TEA) + held_by(story.order)["tea"] == 100
