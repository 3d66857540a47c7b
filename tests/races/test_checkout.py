from __future__ import annotations

from functools import partial

from chalicelib.domain.carts import Cart, with_quantity
from chalicelib.domain.errors import OrderNotPayable, TotalChanged
from chalicelib.services.carts import set_quantity
from chalicelib.services.checkout import Checkout
from tests.fakes import NOW
from tests.races.shop import TEA, Shop, at_once, held_by, needed_by, refusals


def change(shop: Shop, cart: Cart, quantity: int) -> None:
    set_quantity(
        cart.id, "tea", quantity, carts=shop.carts, prices=shop.prices, ask_tax=shop.provider.ask_tax, now=NOW
    )


def test_one_cart_checked_out_twenty_times_at_once_is_one_order_and_one_payment(shop: Shop) -> None:
    shop.stock.set_stock("tea", 5)
    cart = shop.cart({"tea": 2})
    outcomes = at_once([partial(shop.check_out, cart)] * 20)
    assert refusals(outcomes) == {}
    assert len({outcome.order.id for outcome in outcomes if isinstance(outcome, Checkout)}) == 1
    assert (shop.stock_of(TEA), len(shop.stories()), len(shop.provider.sessions)) == (3, 1, 1)


def test_the_last_pieces_go_to_the_cart_that_took_them_however_often_it_asks(shop: Shop) -> None:
    shop.stock.set_stock("tea", 2)
    cart = shop.cart({"tea": 2})
    assert refusals(at_once([partial(shop.check_out, cart)] * 20)) == {}
    assert (shop.stock_of(TEA), len(shop.stories())) == (0, 1)


def test_two_tabs_with_two_versions_of_a_cart_leave_one_open_order(shop: Shop) -> None:
    shop.stock.set_stock("tea", 100)
    before = [shop.cart({"tea": 1}, seed=number) for number in range(8)]
    tabs = []
    for cart in before:
        now_two = with_quantity(cart, TEA, 2, now=NOW)
        tabs += [partial(shop.check_out, cart), partial(_change_and_check_out, shop, cart, now_two)]
    assert set(refusals(at_once(tabs))) <= {TotalChanged}
    for cart in before:
        assert needed_by(shop.require_one_open_order(cart.id).order) == {"tea": 2}
    assert (shop.stock_of(TEA), shop.held()["tea"]) == (84, 16)


def _change_and_check_out(shop: Shop, cart: Cart, changed: Cart) -> Checkout:
    change(shop, cart, 2)
    return shop.check_out(changed)


def test_an_order_paid_while_its_cart_is_ordered_anew_is_paid_or_replaced_never_both(shop: Shop) -> None:
    shop.stock.set_stock("tea", 100)
    carts = [shop.cart({"tea": 1}, seed=number) for number in range(8)]
    orders = [shop.check_out(cart).order for cart in carts]
    for cart in carts:
        change(shop, cart, 3)
    anew = [partial(shop.check_out, with_quantity(cart, TEA, 3, now=NOW)) for cart in carts]
    outcomes = at_once([*anew, *(partial(shop.pay, order) for order in orders)])
    assert set(refusals(outcomes)) <= {OrderNotPayable}
    for order in orders:
        found = shop.story(order.id).order
        assert (found.status, held_by(found)) in [("paid", {"tea": 1}), ("canceled", {})]
        others = [story for story in shop.stories() if story.order.cart_id == order.cart_id]
        assert len(others) == (1 if found.is_paid else 2)
    assert shop.stock_of(TEA) + shop.held()["tea"] == 100
