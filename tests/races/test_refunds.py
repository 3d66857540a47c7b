from __future__ import annotations

from functools import partial

from chalicelib.domain.errors import RefundRefused
from chalicelib.domain.orders import Order
from chalicelib.domain.refunds import WantedRefund
from chalicelib.ports import OrderStory
from chalicelib.services.refunds import refund_order
from tests.fakes import NOW
from tests.races.shop import TEA, Shop, at_once, refusals


def a_paid_order(shop: Shop, *, pieces: int) -> Order:
    shop.stock.set_stock("tea", pieces)
    order = shop.check_out(shop.cart({"tea": pieces})).order
    shop.pay(order)
    return order


def refund(shop: Shop, order: Order, key: object, wanted: WantedRefund) -> OrderStory:
    return refund_order(
        order.id, wanted, key=str(key), by="key_test", orders=shop.orders, provider=shop.provider, now=NOW
    )


def given_back(shop: Shop) -> int:
    return sum(fact.amount for fact in shop.provider.refunds.values())


def test_twenty_refunds_at_once_never_give_back_more_than_was_captured(shop: Shop) -> None:
    order = a_paid_order(shop, pieces=3)
    wanted = WantedRefund(amount=300, lines={})
    outcomes = at_once([partial(refund, shop, order, key, wanted) for key in range(20)])
    assert refusals(outcomes) == {RefundRefused: 13}
    payment = shop.story(order.id).order.payment
    assert (payment.amount_received, payment.amount_refunded, given_back(shop)) == (2100, 2100, 2100)
    assert (payment.status, shop.told(order).count("order.refunded")) == ("refunded", 7)


def test_a_refund_asked_for_twenty_times_under_one_key_is_made_once(shop: Shop) -> None:
    order = a_paid_order(shop, pieces=3)
    wanted = WantedRefund(amount=300, lines={})
    outcomes = at_once([partial(refund, shop, order, "one", wanted)] * 20)
    assert refusals(outcomes) == {}
    assert (given_back(shop), len(shop.story(order.id).refunds)) == (300, 1)
    assert shop.told(order) == ["order.paid", "order.refunded"]


def test_pieces_that_are_refunded_come_back_once_for_each_key(shop: Shop) -> None:
    order = a_paid_order(shop, pieces=4)
    wanted = WantedRefund(lines={"tea": 1}, restock=True)
    outcomes = at_once([partial(refund, shop, order, number % 4, wanted) for number in range(20)])
    assert refusals(outcomes) == {}
    assert (shop.stock_of(TEA), given_back(shop)) == (4, 2800)
    assert shop.story(order.id).order.status == "refunded"
