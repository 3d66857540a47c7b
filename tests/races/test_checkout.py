from __future__ import annotations

from functools import partial

from chalicelib.domain.carts import Cart, with_quantity
from chalicelib.domain.errors import OrderNotPayable, TotalChanged
from chalicelib.ports import OrderStory
from chalicelib.services.carts import set_quantity
from chalicelib.services.checkout import Checkout
from tests.fakes import NOW
from tests.races.shop import TEA, Shop, at_once, refusals


def change(shop: Shop, cart: Cart, quantity: int) -> None:
    set_quantity(cart.id, "tea", quantity, carts=shop.carts, catalog=shop.catalog, now=NOW)


def require_one_open_order(shop: Shop, cart_id: str) -> OrderStory:
    """The one order of the cart that can be paid; it has the one payment that is left."""
    stories = [story for story in shop.stories() if story.order.cart_id == cart_id]
    (still_open,) = [story for story in stories if story.order.is_payable]
    payable = {
        reference
        for reference, order in shop.provider.orders.items()
        if order.cart_id == cart_id and shop.provider.states.get(reference) != "canceled"
    }
    assert payable == {still_open.order.payment.reference}
    cart = shop.carts.get_cart(cart_id)
    assert cart is not None
    assert cart.order_id == still_open.order.id
    return still_open


def test_one_cart_checked_out_twenty_times_at_once_is_one_order_and_one_payment(shop: Shop) -> None:
    shop.catalog.set_stock("tea", 5)
    cart = shop.cart({"tea": 2})
    outcomes = at_once([partial(shop.check_out, cart)] * 20)
    assert refusals(outcomes) == {}
    assert len({outcome.order.id for outcome in outcomes if isinstance(outcome, Checkout)}) == 1
    assert (shop.stock_of(TEA), len(shop.stories()), len(shop.provider.sessions)) == (3, 1, 1)


def test_the_last_pieces_go_to_the_cart_that_took_them_however_often_it_asks(shop: Shop) -> None:
    shop.catalog.set_stock("tea", 2)
    cart = shop.cart({"tea": 2})
    assert refusals(at_once([partial(shop.check_out, cart)] * 20)) == {}
    assert (shop.stock_of(TEA), len(shop.stories())) == (0, 1)


def test_two_tabs_with_two_versions_of_a_cart_leave_one_open_order(shop: Shop) -> None:
    shop.catalog.set_stock("tea", 100)
    before = [shop.cart({"tea": 1}, seed=number) for number in range(8)]
    tabs = []
    for cart in before:
        now_two = with_quantity(cart, TEA, 2, now=NOW)
        tabs += [partial(shop.check_out, cart), partial(_change_and_check_out, shop, cart, now_two)]
    assert set(refusals(at_once(tabs))) <= {TotalChanged}
    for cart in before:
        assert require_one_open_order(shop, cart.id).order.takes == {"tea": 2}
    assert (shop.stock_of(TEA), shop.held()["tea"]) == (84, 16)


def _change_and_check_out(shop: Shop, cart: Cart, changed: Cart) -> Checkout:
    change(shop, cart, 2)
    return shop.check_out(changed)


def test_a_cart_that_changes_while_it_is_checked_out_has_at_most_one_open_order(shop: Shop) -> None:
    shop.catalog.set_stock("tea", 100)
    cart = shop.cart({"tea": 1})
    versions = [with_quantity(cart, TEA, pieces, now=NOW) for pieces in range(1, 7)]
    changing = [partial(change, shop, cart, pieces) for pieces in range(1, 7)]
    outcomes = at_once([*changing, *(partial(shop.check_out, version) for version in versions)])
    assert set(refusals(outcomes)) <= {TotalChanged}
    last = shop.carts.get_cart(cart.id)
    assert last is not None
    shop.check_out(last)
    story = require_one_open_order(shop, cart.id)
    assert story.order.takes == {"tea": last.quantity_of("tea")}
    assert shop.stock_of(TEA) + story.order.reserved["tea"] == 100


def test_an_order_paid_while_its_cart_is_ordered_anew_is_paid_or_replaced_never_both(shop: Shop) -> None:
    shop.catalog.set_stock("tea", 100)
    carts = [shop.cart({"tea": 1}, seed=number) for number in range(8)]
    orders = [shop.check_out(cart).order for cart in carts]
    for cart in carts:
        change(shop, cart, 3)
    anew = [partial(shop.check_out, with_quantity(cart, TEA, 3, now=NOW)) for cart in carts]
    outcomes = at_once([*anew, *(partial(shop.pay, order) for order in orders)])
    assert set(refusals(outcomes)) <= {OrderNotPayable}
    for order in orders:
        found = shop.story(order.id).order
        assert (found.status, found.reserved) in [("paid", {"tea": 1}), ("canceled", {})]
        others = [story for story in shop.stories() if story.order.cart_id == order.cart_id]
        assert len(others) == (1 if found.is_paid else 2)
    assert shop.stock_of(TEA) + shop.held()["tea"] == 100
