from __future__ import annotations

import pytest

from chalicelib.domain.errors import OrderNotFound
from chalicelib.domain.orders import order_token
from chalicelib.services.orders import find_story, list_orders, read_own_order, read_story
from tests.fakes import interrupt
from tests.making import an_id, an_order
from tests.unit.services.shop import Shop


def test_a_shopper_reads_her_order_with_the_token_of_her_checkout(shop: Shop) -> None:
    cart = shop.cart("mug")
    done = shop.check_out(cart.id, total=1200)
    assert read_own_order(done.order.id, done.token, orders=shop.world) == shop.world.get_order(done.order.id)


@pytest.mark.parametrize("token", ["", "tok_", "tök", an_id("tok"), order_token(an_order(seed="another"))])
def test_a_wrong_token_and_a_missing_order_look_the_same(shop: Shop, token: str) -> None:
    order = shop.order()
    with pytest.raises(OrderNotFound) as wrong:
        read_own_order(order.id, token, orders=shop.world)
    with pytest.raises(OrderNotFound) as missing:
        read_own_order(an_id("ord", "missing"), token, orders=shop.world)
    assert str(wrong.value) == str(missing.value)


def test_the_token_of_another_order_of_the_same_cart_does_not_open_it(shop: Shop) -> None:
    cart = shop.cart("mug")
    first = shop.check_out(cart.id, total=1200)
    shop.set_quantity(cart.id, "mug", 2)
    second = shop.check_out(cart.id, total=2400)
    with pytest.raises(OrderNotFound):
        read_own_order(first.order.id, second.token, orders=shop.world)


@pytest.mark.parametrize("order_id", ["", "ord_", "x", an_id("cart")])
def test_what_cannot_be_an_id_never_reaches_the_table(shop: Shop, order_id: str) -> None:
    interrupt(shop.world, "get_order", AssertionError("asked the table"))
    with pytest.raises(OrderNotFound):
        read_story(order_id, orders=shop.world)


def test_an_owner_finds_an_order_by_its_payment(shop: Shop) -> None:
    order = shop.order()
    story = find_story(provider="fake", reference=f"pay_{order.id}", orders=shop.world)
    assert story.order.id == order.id
    with pytest.raises(OrderNotFound):
        find_story(provider="fake", reference="pay_of_nobody", orders=shop.world)


def test_an_owner_lists_the_orders_of_a_month(shop: Shop) -> None:
    placed = {shop.order().id for _ in range(3)}
    page = list_orders("2026-11", limit=2, cursor=None, orders=shop.world)
    rest = list_orders("2026-11", limit=2, cursor=page.cursor, orders=shop.world)
    assert {summary.id for summary in (*page.items, *rest.items)} == placed
