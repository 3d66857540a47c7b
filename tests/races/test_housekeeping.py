from __future__ import annotations

from datetime import timedelta
from functools import partial

from chalicelib.services import housekeeping
from chalicelib.services.housekeeping import Sweep
from tests.fakes import NOW, FakeClock
from tests.races.shop import TEA, Shop, at_once, refusals

LATER = NOW + timedelta(hours=1)


def sweep(shop: Shop) -> Sweep:
    world = housekeeping.Shop(
        orders=shop.orders, stock=shop.catalog, catalog=shop.catalog, provider=shop.provider
    )
    return housekeeping.sweep(shop=world, clock=FakeClock(LATER), until=LATER + timedelta(minutes=1))


def test_orders_swept_by_several_while_they_are_paid_are_paid_or_canceled_never_both(shop: Shop) -> None:
    shop.catalog.set_stock("tea", 20)
    orders = [shop.check_out(shop.cart({"tea": 1}, seed=number)).order for number in range(20)]
    paying = [partial(shop.pay, order) for order in orders]
    outcomes = at_once([*[partial(sweep, shop)] * 4, *paying])
    assert refusals(outcomes) == {}
    assert [outcome.failed for outcome in outcomes if isinstance(outcome, Sweep)] == [0, 0, 0, 0]
    for order in orders:
        found = shop.story(order.id).order
        was_paid = shop.provider.states[found.payment.reference] == "succeeded"
        assert (found.status, found.reserved) == (("paid", {"tea": 1}) if was_paid else ("canceled", {}))
        assert shop.told(order) == ["order.paid" if was_paid else "order.canceled"]
    assert shop.stock_of(TEA) + shop.held()["tea"] == 20
    assert shop.orders.list_due(LATER, limit=100, cursor=None).items == []
