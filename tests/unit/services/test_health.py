from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from chalicelib.domain.endpoints import paused
from chalicelib.services.health import MOST, ShopHealth, read_health
from tests.fakes import NOW
from tests.making import a_fact, an_endpoint, an_order
from tests.unit.services.shop import Shop


def health(shop: Shop) -> ShopHealth:
    return read_health(orders=shop.world, endpoints=shop.world, progress=shop.world, now=shop.clock.now)


def test_a_new_shop_waits_for_nothing(shop: Shop) -> None:
    found = health(shop)
    assert (found.overdue.count, found.overdue.oldest_at, found.in_review.count) == (0, None, 0)
    assert (found.sweep, found.reconciliation, found.acknowledgements, found.endpoints) == (
        None,
        None,
        None,
        {},
    )


def test_what_should_have_been_settled_is_counted_with_its_age(shop: Shop) -> None:
    first, _ = shop.order("mug"), shop.order("tea")
    shop.clock.advance(timedelta(minutes=31))
    overdue = health(shop).overdue
    assert (overdue.count, overdue.more, overdue.oldest_at) == (2, False, first.check_at)


def test_what_waits_for_its_owner_is_counted_with_its_age(shop: Shop) -> None:
    order = shop.order("mug")
    shop.record(replace(a_fact(order), amount=1))
    waiting = health(shop).in_review
    assert (waiting.count, waiting.oldest_at, waiting.order_ids) == (1, NOW, [order.id])


def test_more_than_can_be_counted_is_said(shop: Shop) -> None:
    for number in range(MOST + 1):
        order = an_order(seed=number)
        shop.world.orders[order.id] = order
    shop.clock.advance(timedelta(hours=1))
    overdue = health(shop).overdue
    assert (overdue.count, overdue.more) == (MOST, True)


def test_endpoints_are_counted_by_what_they_are(shop: Shop) -> None:
    shop.hook(an_endpoint(1))
    shop.hook(an_endpoint(2))
    shop.world.replace_endpoint(paused(shop.world.list_endpoints()[0], now=NOW))
    assert health(shop).endpoints == {"enabled": 1, "paused": 1}
