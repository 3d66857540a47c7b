from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from chalicelib.domain.bookkeeping import ACKNOWLEDGED_WITHIN
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.services import acknowledgements
from chalicelib.services.acknowledgements import check_acknowledgements
from tests.fakes import NOW, FakeSender, interrupt
from tests.making import a_delivery, an_endpoint, an_event
from tests.unit.services.shop import Shop

HOOK, OTHER = an_endpoint(1), an_endpoint(2)
LONG_AGO = ACKNOWLEDGED_WITHIN + timedelta(minutes=1)


@pytest.fixture
def shop() -> Shop:
    """One that has looked already, so that what happens from now on is seen."""
    shop = Shop()
    shop.clock.now = NOW - timedelta(minutes=1) + ACKNOWLEDGED_WITHIN
    look(shop)
    return shop


def look(shop: Shop, *, within: timedelta = timedelta(minutes=3)) -> list[str]:
    """Look now; the orders whose sale is reported."""
    check_acknowledgements(
        events=shop.world,
        deliveries=shop.world,
        progress=shop.world,
        clock=shop.clock,
        until=shop.clock.now + within,
    )
    payloads = [msgspec.json.decode(event.payload) for event in shop.world.events.values()]
    return [
        payload["data"]["mismatch"]["order_id"]
        for payload in payloads
        if payload["type"] == "reconciliation.mismatch"
    ]


def sold(shop: Shop, seed: object, *endpoints: Endpoint, event_type: str = "order.paid") -> Event:
    """A sale that these endpoints are to be told of."""
    event = shop.happened(an_event(seed, event_type=event_type))
    shop.world.record_fan_out(event.id, [endpoint.id for endpoint in endpoints], now=NOW)
    return event


def test_a_sale_that_nobody_has_taken_notice_of_is_reported_once(shop: Shop) -> None:
    lost = sold(shop, "lost", HOOK, OTHER)
    failing = sold(shop, "failing", HOOK)
    shop.world.save_delivery(a_delivery(failing, HOOK, 500))
    shop.clock.now = NOW + LONG_AGO
    assert sorted(look(shop)) == sorted([lost.order_id, failing.order_id])
    shop.clock.advance(timedelta(hours=2))
    assert len(look(shop)) == 2
    state = shop.world.acknowledgements
    assert state is not None
    assert (state.unacknowledged, state.last_at) == (2, NOW + LONG_AGO)


def test_one_endpoint_that_took_notice_is_enough(shop: Shop) -> None:
    sale = sold(shop, "sale", HOOK, OTHER)
    shop.world.save_delivery(a_delivery(sale, OTHER, 200))
    shop.clock.now = NOW + LONG_AGO
    assert look(shop) == []


def test_an_hour_is_given(shop: Shop) -> None:
    sale = sold(shop, "sale", HOOK)
    shop.clock.now = NOW + ACKNOWLEDGED_WITHIN - timedelta(seconds=1)
    assert look(shop) == []
    shop.clock.now = NOW + LONG_AGO
    assert look(shop) == [sale.order_id]


def test_where_nobody_wants_to_hear_of_sales_nobody_is_missed(shop: Shop) -> None:
    sold(shop, "sale")
    shop.clock.now = NOW + LONG_AGO
    assert look(shop) == []


def test_a_sale_that_was_never_passed_on_is_reported(shop: Shop) -> None:
    event = shop.happened(an_event("stuck"))
    shop.clock.now = NOW + LONG_AGO
    assert look(shop) == [event.order_id]


def test_only_sales_are_looked_at(shop: Shop) -> None:
    sold(shop, "other", HOOK, event_type="order.payment_failed")
    shop.clock.now = NOW + LONG_AGO
    assert look(shop) == []


def test_all_are_looked_at_however_many_and_cut_off_wherever(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acknowledgements, "PAGE", 2)
    sales = [sold(shop, number, HOOK) for number in range(5)]
    shop.clock.now = NOW + LONG_AGO
    interrupt(shop.world, "save_acknowledgements", None, OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        look(shop)
    assert sorted(look(shop)) == sorted(sale.order_id for sale in sales)
    state = shop.world.acknowledgements
    assert state is not None
    assert (state.unacknowledged, state.position) == (5, "")


def test_what_was_before_the_first_look_is_left_alone() -> None:
    shop = Shop()
    sold(shop, "old", HOOK)
    shop.clock.now = NOW + timedelta(days=3)
    assert look(shop) == []


def test_a_shop_that_delivers_has_nothing_reported(shop: Shop) -> None:
    shop.hook(HOOK)
    order = shop.order("mug")
    shop.tell(order, "succeeded", key="a")
    shop.relay(*shop.world.events.values())
    shop.run(FakeSender(200))
    shop.clock.now = NOW + LONG_AGO
    assert look(shop) == []
