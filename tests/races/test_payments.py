from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from chalicelib.domain.orders import Order
from chalicelib.domain.refunds import WantedRefund
from chalicelib.services.refunds import refund_order
from tests.making import a_fact
from tests.races.shop import Shop, at_once, held_by, refusals


def an_order(shop: Shop) -> Order:
    shop.stock.set_stock("tea", 1)
    return shop.check_out(shop.cart({"tea": 1})).order


def test_the_same_notice_twenty_times_at_once_is_one_entry_and_one_event(shop: Shop) -> None:
    order = an_order(shop)
    assert refusals(at_once([partial(shop.record, a_fact(order))] * 20)) == {}
    story = shop.story(order.id)
    assert (story.order.status, story.order.version) == ("paid", order.version + 1)
    assert [entry.what for entry in story.ledger] == ["order.placed", "payment.succeeded"]
    assert shop.told(order) == ["order.paid"]


def test_different_notices_of_one_payment_at_once_are_one_event(shop: Shop) -> None:
    order = an_order(shop)
    notices = [a_fact(order, key=f"notice_{number}") for number in range(20)]
    assert refusals(at_once([partial(shop.record, notice) for notice in notices])) == {}
    assert shop.story(order.id).order.status == "paid"
    assert shop.told(order) == ["order.paid"]


def test_a_payment_that_fails_and_succeeds_at_once_is_paid(shop: Shop) -> None:
    order = an_order(shop)
    failed = [a_fact(order, "failed", key=f"failed_{number}") for number in range(5)]
    paid = [a_fact(order, key=f"paid_{number}") for number in range(5)]
    assert refusals(at_once([partial(shop.record, fact) for fact in (*failed, *paid)])) == {}
    found = shop.story(order.id).order
    assert (found.status, held_by(found)) == ("paid", {"tea": 1})
    assert shop.told(order).count("order.paid") == 1


def test_the_news_of_one_refund_at_once_are_one_refund(shop: Shop) -> None:
    order = an_order(shop)
    shop.pay(order)
    paid = shop.story(order.id).order
    wanted = WantedRefund(amount=300, lines={})
    refund_order(
        order.id,
        wanted,
        key="one",
        by="key_test",
        orders=shop.orders,
        provider=shop.provider,
        now=paid.updated_at,
    )
    (fact,) = shop.provider.refunds.values()
    notices = [replace(fact, key=f"notice_{number}") for number in range(20)]
    assert refusals(at_once([partial(shop.record, notice) for notice in notices])) == {}
    assert shop.story(order.id).order.payment.amount_refunded == 300
    assert shop.told(order) == ["order.paid", "order.refunded"]
