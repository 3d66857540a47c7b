from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import DeliveryNotFound, EndpointNotFound, EventNotFound
from chalicelib.services.deliveries import (
    list_of_endpoint,
    list_of_event,
    list_of_order,
    list_pending,
    read_delivery,
)
from tests.fakes import NOW, FakeSender
from tests.making import a_delivery, a_message, an_endpoint, an_event, an_id
from tests.unit.services.shop import Shop

EVENT = an_event()


@pytest.fixture
def hook(shop: Shop) -> Endpoint:
    shop.happened(EVENT)
    return shop.hook(an_endpoint())


def test_a_delivery_is_read_by_its_id(shop: Shop, hook: Endpoint) -> None:
    made = shop.attempt(a_message(EVENT, hook), FakeSender(200))
    assert made is not None
    assert read_delivery(made.id, deliveries=shop.world) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dlv_",
        "dlv_x_y",
        "dlv",
        an_id("evt"),
        f"dlv_{'a' * 26}_{'b' * 26}",
        f"DLV_{'a' * 26}_{'b' * 26}",
    ],
)
def test_what_is_no_delivery_is_not_found(shop: Shop, text: str) -> None:
    with pytest.raises(DeliveryNotFound):
        read_delivery(text, deliveries=shop.world)


def test_an_event_shows_what_was_tried_and_who_is_still_waiting(shop: Shop, hook: Endpoint) -> None:
    other = shop.hook(an_endpoint("other"))
    shop.relay(EVENT)
    shop.attempt(a_message(EVENT, hook), FakeSender(500))
    found = list_of_event(EVENT.id, events=shop.world, deliveries=shop.world)
    assert [delivery.endpoint_id for delivery in found.deliveries] == [hook.id]
    assert found.waiting == [other.id]


def test_an_event_that_was_not_relayed_yet_waits_for_nobody(shop: Shop, hook: Endpoint) -> None:
    found = list_of_event(EVENT.id, events=shop.world, deliveries=shop.world)
    assert (found.deliveries, found.waiting) == ([], [])


@pytest.mark.parametrize("event_id", ["", "evt_", an_id("ord"), an_id("evt", "missing")])
def test_the_deliveries_of_what_is_no_event_are_not_found(shop: Shop, event_id: str) -> None:
    with pytest.raises(EventNotFound):
        list_of_event(event_id, events=shop.world, deliveries=shop.world)


def test_an_endpoint_shows_its_deliveries_newest_first(shop: Shop, hook: Endpoint) -> None:
    for minutes in range(3):
        shop.world.save_delivery(a_delivery(an_event(minutes), hook, now=NOW + timedelta(minutes=minutes)))
    page = list_of_endpoint(
        hook.id, status=None, limit=2, cursor=None, endpoints=shop.world, deliveries=shop.world
    )
    assert [item.event_id for item in page.items] == [an_event(2).id, an_event(1).id]


@pytest.mark.parametrize("endpoint_id", ["", "ep_", an_id("ep", "missing")])
def test_the_deliveries_of_what_is_no_endpoint_are_not_found(shop: Shop, endpoint_id: str) -> None:
    with pytest.raises(EndpointNotFound):
        list_of_endpoint(
            endpoint_id, status=None, limit=2, cursor=None, endpoints=shop.world, deliveries=shop.world
        )


def test_an_order_shows_the_deliveries_of_all_that_it_told(shop: Shop, hook: Endpoint) -> None:
    order = shop.order()
    shop.tell(order, "failed", key="notice_1")
    shop.clock.advance(timedelta(minutes=1))
    shop.tell(order, "succeeded", key="notice_2")
    told = [event for event in shop.world.events.values() if event.order_id == order.id]
    shop.relay(*told)
    shop.run(FakeSender(200))
    found = list_of_order(order.id, orders=shop.world, deliveries=shop.world)
    assert {delivery.event_type for delivery in found} == {"order.paid", "order.payment_failed"}
    assert {delivery.endpoint_id for delivery in found} == {hook.id}


def test_what_has_not_been_tried_is_pending(shop: Shop, hook: Endpoint) -> None:
    events = [shop.happened(an_event(n, now=NOW + timedelta(minutes=n))) for n in (1, 2, 3)]
    shop.relay(*events)
    shop.attempt(a_message(events[1], hook), FakeSender(500))
    page = list_pending(
        hook.id,
        limit=10,
        cursor=None,
        endpoints=shop.world,
        events=shop.world,
        deliveries=shop.world,
        now=NOW + timedelta(hours=1),
    )
    assert [event.id for event in page.items] == [events[2].id, events[0].id]
