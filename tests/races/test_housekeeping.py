from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

from chalicelib.domain.orders import Order
from chalicelib.services import housekeeping
from chalicelib.services.housekeeping import Sweep
from tests.fakes import NOW, FakeClock
from tests.races.shop import TEA, Shop, at_once, held_by, refusals

LATER = NOW + timedelta(hours=1)


def sweep(shop: Shop) -> Sweep:
    world = housekeeping.Shop(
        orders=shop.orders, stock=shop.stock, catalog=shop.catalog, provider=shop.provider
    )
    return housekeeping.sweep(shop=world, clock=FakeClock(LATER), until=LATER + timedelta(minutes=1))


def pay_late(shop: Shop, order: Order) -> None:
    """The money comes although the payment was called off."""
    reference = f"pay_{order.id}"
    shop.provider.states[reference] = "succeeded"
    shop.record(shop.provider.fact(reference, "succeeded"))


def test_orders_paid_too_late_take_what_is_left_and_no_more_however_many_sweep(shop: Shop) -> None:
    shop.stock.set_stock("tea", 6)
    orders = [shop.check_out(shop.cart({"tea": 1}, seed=number)).order for number in range(6)]
    sweep(shop)
    shop.stock.adjust_stock("tea", -3, key="sold elsewhere", now=NOW)
    for order in orders:
        pay_late(shop, order)
    outcomes = at_once([partial(sweep, shop)] * 4)
    assert [outcome.failed for outcome in outcomes if isinstance(outcome, Sweep)] == [0, 0, 0, 0]
    found = Counter(shop.story(order.id).order.status for order in orders)
    assert found == {"paid": 3, "needs_review": 3}
    assert (shop.stock_of(TEA), shop.held()["tea"]) == (0, 3)


def test_orders_swept_by_several_while_they_are_paid_are_paid_or_canceled_never_both(shop: Shop) -> None:
    shop.stock.set_stock("tea", 20)
    orders = [shop.check_out(shop.cart({"tea": 1}, seed=number)).order for number in range(20)]
    paying = [partial(shop.pay, order) for order in orders]
    outcomes = at_once([*[partial(sweep, shop)] * 4, *paying])
    assert refusals(outcomes) == {}
    assert [outcome.failed for outcome in outcomes if isinstance(outcome, Sweep)] == [0, 0, 0, 0]
    for order in orders:
        found = shop.story(order.id).order
        was_paid = shop.provider.states[found.payment.reference] == "succeeded"
        assert (found.status, held_by(found)) == (("paid", {"tea": 1}) if was_paid else ("canceled", {}))
        assert shop.told(order) == ["order.paid" if was_paid else "order.canceled"]
    assert shop.stock_of(TEA) + shop.held()["tea"] == 20
    assert shop.orders.list_due(LATER, limit=100, cursor=None).items == []
