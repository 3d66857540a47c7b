from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from msgspec.structs import replace

from chalicelib.domain.catalog import Product, UnavailablePolicy
from chalicelib.domain.errors import NothingToReview, OrderNotFound, ProviderUnavailable, RefundRefused
from chalicelib.domain.orders import Order
from chalicelib.domain.refunds import SOON
from tests.fakes import NOW, interrupt
from tests.making import a_fact, a_product, a_refund_fact, an_order
from tests.unit.services.shop import TEA, Shop

LATER = NOW + timedelta(minutes=1)
DOWN = ProviderUnavailable("down")


def scarce(sku: str, policy: UnavailablePolicy) -> Product:
    return replace(a_product(sku, tracked=True), when_unavailable=policy)


def paid_late_without_stock(shop: Shop, policy: UnavailablePolicy = "ask") -> Order:
    shop.sell(replace(TEA, when_unavailable=policy))
    order = shop.paid_late("tea")
    shop.world.set_stock("tea", 0)
    return order


def in_review(shop: Shop) -> list[str]:
    return [age.order_id for age in shop.world.list_in_review(limit=9, cursor=None).items]


def test_money_that_came_late_is_recorded_and_waits_for_the_shops_rules(shop: Shop) -> None:
    order = shop.paid_late("tea")
    assert (order.status, order.payment.amount_received, order.check_at) == ("needs_review", 700, NOW)
    assert (order.reserved, shop.world.stock) == ({}, {"tea": 3})
    assert shop.told() == {"order.canceled": 1, "order.needs_review": 1}


@pytest.mark.parametrize("policy", ["ask", "backorder", "refund"])
def test_late_money_is_good_if_there_is_enough_again(shop: Shop, policy: UnavailablePolicy) -> None:
    shop.sell(replace(TEA, when_unavailable=policy))
    order = shop.paid_late("tea")
    settled = shop.settle(order, now=LATER)
    assert (settled.status, settled.review, settled.check_at) == ("paid", None, None)
    assert (settled.reserved, settled.backordered, shop.world.stock) == ({"tea": 1}, {}, {"tea": 2})
    assert shop.told()["order.paid"] == 1


def test_late_money_for_what_is_gone_waits_for_the_owner_if_she_wants_to_be_asked(shop: Shop) -> None:
    order = paid_late_without_stock(shop, "ask")
    settled = shop.settle(order, now=LATER)
    assert settled.review is not None
    assert (settled.review.reason, settled.check_at, in_review(shop)) == ("out_of_stock", None, [order.id])
    assert shop.told() == {"order.canceled": 1, "order.needs_review": 2}
    assert shop.settle(order, now=LATER) == settled


def test_late_money_for_what_is_gone_is_a_backorder_if_that_is_the_policy(shop: Shop) -> None:
    order = paid_late_without_stock(shop, "backorder")
    settled = shop.settle(order, now=LATER)
    assert (settled.status, settled.backordered, settled.reserved) == ("paid", {"tea": 1}, {})
    assert (shop.world.stock, shop.told()["order.paid"]) == ({"tea": 0}, 1)


def test_late_money_for_what_is_gone_goes_back_if_that_is_the_policy(shop: Shop) -> None:
    order = paid_late_without_stock(shop, "refund")
    assert shop.settle(order, now=LATER).check_at == LATER + SOON
    settled = shop.settle(order, now=LATER + SOON)
    assert (settled.status, settled.payment.amount_refunded, settled.check_at) == ("refunded", 700, None)
    assert (in_review(shop), shop.world.stock) == ([], {"tea": 0})
    assert [entry.by for entry in shop.story(order.id).ledger if entry.what == "refund.requested"] == [
        "housekeeping"
    ]
    assert shop.told() == {"order.canceled": 1, "order.needs_review": 1, "order.refunded": 1}


def test_a_refund_of_the_policys_that_is_refused_is_left_to_the_owner(shop: Shop) -> None:
    order = paid_late_without_stock(shop, "refund")
    shop.settle(order, now=LATER)
    shop.provider.refuses_refunds = "It has been charged back."
    settled = shop.settle(order, now=LATER + SOON)
    assert (settled.status, settled.check_at, in_review(shop)) == ("needs_review", None, [order.id])


def test_a_refund_of_the_policys_that_comes_back_is_left_to_the_owner(shop: Shop) -> None:
    order = paid_late_without_stock(shop, "refund")
    for minutes in (1, 10):
        shop.settle(order, now=NOW + timedelta(minutes=minutes))
    (refund,) = shop.story(order.id).refunds
    shop.record(a_refund_fact(order, "failed", amount=700, about=refund.reference, of=refund))
    assert (shop.stored(order.id).status, in_review(shop)) == ("needs_review", [order.id])


@pytest.mark.parametrize(
    ("policies", "status"),
    [
        (("backorder", "refund"), "refund"),
        (("backorder", "ask"), "ask"),
        (("refund", "ask"), "ask"),
        (("backorder", "backorder"), "backorder"),
    ],
)
def test_of_several_policies_the_most_careful_one_counts(
    shop: Shop, policies: tuple[UnavailablePolicy, ...], status: str
) -> None:
    names = [f"pot-{number}" for number, _ in enumerate(policies)]
    for name, policy in zip(names, policies, strict=True):
        shop.sell(scarce(name, policy))
        shop.world.set_stock(name, 1)
    order = shop.paid_late(*names)
    for name in names:
        shop.world.set_stock(name, 0)
    settled = shop.settle(order, now=LATER)
    refunds = [refund.by for refund in shop.story(order.id).refunds]
    found = "backorder" if settled.status == "paid" else "refund" if refunds else "ask"
    assert found == status


def test_only_what_is_short_is_asked_for_its_policy(shop: Shop) -> None:
    shop.sell(scarce("pot", "backorder"))
    shop.world.set_stock("pot", 1)
    order = shop.paid_late("tea", "pot")
    shop.world.set_stock("pot", 0)
    settled = shop.settle(order, now=LATER)
    assert (settled.reserved, settled.backordered) == ({"tea": 1}, {"pot": 1})
    assert shop.world.stock == {"tea": 2, "pot": 0}


def test_what_is_no_longer_in_the_catalogue_is_asked_about(shop: Shop) -> None:
    order = paid_late_without_stock(shop, "refund")
    shop.world.delete_products(["tea"])
    settled = shop.settle(order, now=LATER)
    assert settled.review is not None
    assert settled.review.reason == "out_of_stock"


def test_stock_that_goes_while_the_policy_is_carried_out_is_not_sold_twice(shop: Shop) -> None:
    order = shop.paid_late("tea")
    interrupt(shop.world, "commit", lambda: shop.world.set_stock("tea", 0))
    settled = shop.settle(order, now=LATER)
    assert (settled.status, shop.world.stock) == ("needs_review", {"tea": 0})


def test_several_workers_carry_a_policy_out_once(shop: Shop) -> None:
    order = shop.paid_late("tea")
    interrupt(shop.world, "commit", *[Barrier(4).wait] * 4)
    with ThreadPoolExecutor(4) as pool:
        settled = list(pool.map(lambda _: shop.settle(order, now=LATER), range(4)))
    assert {order.status for order in settled} == {"paid"}
    assert (shop.world.stock, shop.told()["order.paid"]) == ({"tea": 2}, 1)


def test_a_partial_refund_leaves_the_rest_to_the_policy(shop: Shop) -> None:
    order = shop.paid_late("tea")
    shop.record(a_refund_fact(order, amount=100))
    settled = shop.settle(order, now=LATER)
    assert (settled.status, settled.reserved, shop.world.stock) == (
        "partially_refunded",
        {"tea": 1},
        {"tea": 2},
    )


def test_money_that_is_all_gone_leaves_nothing_to_decide(shop: Shop) -> None:
    order = shop.paid_late("tea")
    shop.record(a_refund_fact(order, amount=700))
    assert (shop.stored(order.id).status, in_review(shop)) == ("refunded", [])
    assert shop.settle(order, now=LATER).status == "refunded"
    with pytest.raises(NothingToReview):
        shop.accept(order)
    assert shop.world.stock == {"tea": 3}


def test_the_owner_accepts_an_order_of_another_amount(shop: Shop) -> None:
    order = shop.order("tea")
    shop.record(replace(a_fact(order), amount=600))
    accepted = shop.accept(order)
    assert (accepted.status, accepted.review, accepted.reserved) == ("paid", None, {"tea": 1})
    assert (shop.world.stock, shop.told()) == ({"tea": 2}, {"order.needs_review": 1, "order.paid": 1})
    entry = shop.story(order.id).ledger[-1]
    assert (entry.what, entry.by) == ("review.accepted", "owner")


def test_what_the_owner_accepts_though_it_is_gone_is_sent_later(shop: Shop) -> None:
    order = paid_late_without_stock(shop)
    shop.settle(order, now=LATER)
    accepted = shop.accept(order)
    assert (accepted.status, accepted.backordered, shop.world.stock) == ("paid", {"tea": 1}, {"tea": 0})


def test_accepting_again_is_the_same(shop: Shop) -> None:
    order = shop.paid_late("tea")
    assert shop.accept(order) == shop.accept(order)
    assert (shop.world.stock, shop.told()["order.paid"]) == ({"tea": 2}, 1)


def test_accepting_in_parallel_takes_the_stock_once(shop: Shop) -> None:
    order = shop.paid_late("tea")
    interrupt(shop.world, "commit", *[Barrier(4).wait] * 4)
    with ThreadPoolExecutor(4) as pool:
        assert {found.status for found in pool.map(lambda _: shop.accept(order), range(4))} == {"paid"}
    assert (shop.world.stock, shop.told()["order.paid"]) == ({"tea": 2}, 1)


def test_a_refund_that_waits_is_made_though_the_owner_accepts_the_order(shop: Shop) -> None:
    """It was asked for, and its answer may only have been lost."""
    order = shop.paid_late("tea")
    interrupt(shop.provider, "refund_payment", DOWN)
    with pytest.raises(ProviderUnavailable):
        shop.refund(order, 100)
    assert shop.accept(order).check_at is not None
    settled = shop.settle(order, now=NOW + SOON)
    assert (settled.status, settled.payment.amount_refunded, settled.check_at) == (
        "partially_refunded",
        100,
        None,
    )


@pytest.mark.parametrize("kind", ["pending", "paid"])
def test_an_order_that_waits_for_nothing_cannot_be_accepted(shop: Shop, kind: str) -> None:
    order = shop.order("tea") if kind == "pending" else shop.paid("tea")
    with pytest.raises(NothingToReview):
        shop.accept(order)


def test_only_an_order_that_there_is_can_be_accepted(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        shop.accept(an_order(seed="unknown"))


def test_an_order_in_review_can_be_refunded_instead(shop: Shop) -> None:
    order = shop.order("tea")
    shop.record(replace(a_fact(order), amount=900))
    assert shop.refund(order, restock=True).amount == 900
    assert (shop.stored(order.id).status, shop.world.stock, in_review(shop)) == ("refunded", {"tea": 3}, [])


def test_money_in_another_currency_is_refunded_in_it_and_not_by_lines(shop: Shop) -> None:
    """A line's amount is in the order's currency."""
    order = shop.order("tea")
    shop.record(replace(a_fact(order), currency="usd", amount=900))
    with pytest.raises(RefundRefused):
        shop.refund(order, lines={"tea": 1})
    refund = shop.refund(order, key="whole")
    assert (refund.amount, refund.currency) == (900, "usd")
