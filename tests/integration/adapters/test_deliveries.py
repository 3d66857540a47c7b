from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    DeliverySummary,
    HeldDelivery,
    hold,
    place_in_line,
)
from chalicelib.domain.endpoints import Endpoint, paused
from chalicelib.domain.errors import InvalidCursor
from chalicelib.ports import Moved
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_delivery, a_message, an_endpoint, an_event

EVENT = an_event()
HOOK, OTHER_HOOK = sorted([an_endpoint(1), an_endpoint(2)], key=lambda endpoint: endpoint.id)


def saved(stores: Stores, delivery: Delivery) -> Delivery:
    """The delivery as if all of its attempts had been saved at once."""
    delivery = replace(delivery, version=1)
    stores.deliveries.save_delivery(delivery)
    return delivery


@pytest.mark.parametrize(
    "statuses", [(200,), (500,), (None,), (500, 404, 204), (*[500] * 25,)], ids=lambda value: str(len(value))
)
def test_a_delivery_is_read_as_it_was_saved(stores: Stores, statuses: tuple[int | None, ...]) -> None:
    delivery = a_delivery(EVENT, HOOK, *statuses)
    delivery = saved(stores, delivery)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == delivery


def test_a_delivery_that_was_never_tried_is_none(stores: Stores) -> None:
    stores.deliveries.save_delivery(a_delivery(EVENT, OTHER_HOOK))
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) is None


def test_a_delivery_is_saved_over_the_version_before(stores: Stores) -> None:
    first, second = a_delivery(EVENT, HOOK, 500), a_delivery(EVENT, HOOK, 500, 200)
    stores.deliveries.save_delivery(first)
    stores.deliveries.save_delivery(second)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == second


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_delivery_is_not_saved_over_any_other(stores: Stores, version: int) -> None:
    first = a_delivery(EVENT, HOOK, 500)
    stores.deliveries.save_delivery(first)
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(replace(a_delivery(EVENT, HOOK, 500, 200), version=version))
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == first


def test_a_second_attempt_is_not_saved_over_nothing(stores: Stores) -> None:
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 200))
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) is None


def test_a_delivery_that_dies_says_so_by_an_event_or_not_at_all(stores: Stores) -> None:
    notice = an_event("notice", event_type="delivery.dead")
    stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 410), event=notice)
    assert stores.events.get_event(notice.id) == notice
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 410), event=an_event("another"))
    assert stores.events.get_event(an_event("another").id) is None


def test_an_event_is_announced_once(stores: Stores) -> None:
    stores.events.put_event(EVENT)
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 410), event=EVENT)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) is None


def test_the_deliveries_of_several_events_to_an_endpoint_are_read_at_once(stores: Stores) -> None:
    events = [an_event(number) for number in range(120)]
    there = [saved(stores, a_delivery(event, HOOK)) for event in events[::2]]
    saved(stores, a_delivery(events[1], OTHER_HOOK))
    found = stores.deliveries.get_deliveries([event.id for event in events], HOOK.id)
    assert found == {delivery.event_id: delivery for delivery in there}


class TestTheLine:
    @pytest.fixture
    def away(self, stores: Stores) -> Endpoint:
        stores.endpoints.create_endpoint(HOOK)
        away = paused(HOOK, now=NOW)
        stores.endpoints.replace_endpoint(away)
        return away

    def held(self, stores: Stores, endpoint: Endpoint, number: int) -> HeldDelivery:
        at = NOW + timedelta(seconds=number)
        delivery = hold(None, a_message(an_event(number), endpoint), now=at)
        stores.deliveries.hold_delivery(delivery, endpoint=endpoint)
        assert stores.deliveries.get_delivery(delivery.event_id, endpoint.id) == delivery
        return place_in_line(delivery, epoch=endpoint.epoch)

    def test_it_goes_by_age(self, stores: Stores, away: Endpoint) -> None:
        places = {number: self.held(stores, away, number) for number in (3, 1, 2)}
        found = stores.deliveries.next_held(HOOK.id, before_epoch=None, limit=2)
        assert found == [places[1], places[2]]

    def test_it_is_the_endpoints_own(self, stores: Stores, away: Endpoint) -> None:
        self.held(stores, away, 1)
        assert stores.deliveries.next_held(OTHER_HOOK.id, before_epoch=None, limit=5) == []

    def test_only_places_from_before_an_epoch_are_released(self, stores: Stores, away: Endpoint) -> None:
        early = self.held(stores, away, 2)
        later = replace(away, version=away.version + 1, epoch=away.epoch + 2)
        stores.endpoints.replace_endpoint(later)
        late = self.held(stores, later, 1)
        line = stores.deliveries
        assert line.next_held(HOOK.id, before_epoch=later.epoch, limit=5) == [early]
        assert line.next_held(HOOK.id, before_epoch=early.epoch, limit=5) == []
        assert line.next_held(HOOK.id, before_epoch=None, limit=5) == [early, late]

    def test_a_place_is_given_up(self, stores: Stores, away: Endpoint) -> None:
        places = [self.held(stores, away, number) for number in range(30)]
        stores.deliveries.leave_line(places[:28])
        stores.deliveries.leave_line(places[:28])
        assert stores.deliveries.next_held(HOOK.id, before_epoch=None, limit=5) == places[28:]

    def test_nothing_is_held_in_an_epoch_that_is_over(self, stores: Stores, away: Endpoint) -> None:
        stores.endpoints.replace_endpoint(replace(away, version=away.version + 1, epoch=away.epoch + 1))
        with pytest.raises(Moved):
            self.held(stores, away, 1)
        assert stores.deliveries.get_delivery(an_event(1).id, HOOK.id) is None
        assert stores.deliveries.next_held(HOOK.id, before_epoch=None, limit=5) == []

    def test_nothing_is_held_over_what_was_not_read(self, stores: Stores, away: Endpoint) -> None:
        saved(stores, a_delivery(an_event(1), HOOK))
        with pytest.raises(Moved):
            self.held(stores, away, 1)
        assert stores.deliveries.next_held(HOOK.id, before_epoch=None, limit=5) == []

    def test_nothing_is_held_for_an_endpoint_that_is_gone(self, stores: Stores, away: Endpoint) -> None:
        stores.endpoints.delete_endpoint(HOOK.id)
        with pytest.raises(Moved):
            self.held(stores, away, 1)


@pytest.mark.parametrize("status", ["held", "delivered", "failing", "dead"])
def test_an_endpoints_deliveries_are_listed_by_status(stores: Stores, status: DeliveryStatus) -> None:
    for number, (has, hook) in enumerate(
        (has, hook) for hook in (HOOK, OTHER_HOOK) for has in ("held", "delivered", "failing", "dead") * 2
    ):
        saved(
            stores,
            replace(a_delivery(an_event(number), hook, now=NOW + timedelta(hours=number)), status=has),
        )
    seen: list[str] = []
    cursor = None
    for _ in range(20):
        page = stores.deliveries.list_of_endpoint(HOOK.id, status=status, limit=1, cursor=cursor)
        assert {summary.status for summary in page.items} <= {status}
        seen += [summary.event_id for summary in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    at = ("held", "delivered", "failing", "dead").index(status)
    assert seen == [an_event(at + 4).id, an_event(at).id]


def test_a_delivery_that_arrives_after_all_leaves_the_list_of_the_failing(stores: Stores) -> None:
    stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500))
    stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 200))
    page = stores.deliveries.list_of_endpoint(HOOK.id, status="failing", limit=5, cursor=None)
    assert page.items == []


def test_the_deliveries_of_an_event_are_its_own(stores: Stores) -> None:
    mine = [saved(stores, a_delivery(EVENT, HOOK)), saved(stores, a_delivery(EVENT, OTHER_HOOK, 500))]
    saved(stores, a_delivery(an_event("other"), HOOK))
    stores.events.record_fan_out(EVENT.id, [HOOK.id, OTHER_HOOK.id], now=NOW)
    assert stores.deliveries.list_of_event(EVENT.id) == mine


def test_an_event_without_attempts_has_no_deliveries(stores: Stores) -> None:
    assert stores.deliveries.list_of_event(EVENT.id) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_the_deliveries_of_an_endpoint_are_paged_newest_first(stores: Stores, limit: int) -> None:
    hours = (3, 1, 2, 5, 4)
    for number in hours:
        delivery = a_delivery(an_event(number), HOOK, now=NOW + timedelta(hours=number))
        saved(stores, delivery)
    stores.deliveries.save_delivery(a_delivery(an_event(9), OTHER_HOOK))
    seen: list[str] = []
    cursor = None
    while True:
        page = stores.deliveries.list_of_endpoint(HOOK.id, status=None, limit=limit, cursor=cursor)
        seen += [summary.event_id for summary in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [an_event(number).id for number in sorted(hours, reverse=True)]


@pytest.mark.parametrize(
    "statuses", [(200,), (500, 500), (*[500] * 25,)], ids=["delivered", "failing", "dead"]
)
def test_the_list_shows_a_delivery_without_its_attempts(stores: Stores, statuses: tuple[int, ...]) -> None:
    delivery = a_delivery(EVENT, HOOK, *statuses)
    saved(stores, delivery)
    page = stores.deliveries.list_of_endpoint(HOOK.id, status=None, limit=5, cursor=None)
    assert page.items == [
        DeliverySummary(
            id=delivery.id,
            event_id=EVENT.id,
            endpoint_id=HOOK.id,
            event_type=EVENT.type,
            order_id=EVENT.order_id,
            status=delivery.status,
            attempt=len(statuses),
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
            next_attempt_at=delivery.next_attempt_at,
        )
    ]


def test_a_later_attempt_does_not_move_a_delivery_in_the_list(stores: Stores) -> None:
    first = a_delivery(EVENT, HOOK, 500)
    stores.deliveries.save_delivery(first)
    stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 200))
    page = stores.deliveries.list_of_endpoint(HOOK.id, status=None, limit=5, cursor=None)
    assert [(item.event_id, item.attempt) for item in page.items] == [(EVENT.id, 2)]


@pytest.mark.parametrize("cursor", ["", "x", "%", "e30", "eyJzayI6ICJhIn0"])
def test_a_broken_cursor_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        stores.deliveries.list_of_endpoint(HOOK.id, status=None, limit=5, cursor=cursor)


def test_a_cursor_of_another_endpoint_shows_nothing_of_that_one(stores: Stores) -> None:
    for number in range(3):
        event = an_event(number)
        stores.deliveries.save_delivery(a_delivery(event, HOOK))
        stores.deliveries.save_delivery(a_delivery(event, OTHER_HOOK))
    theirs = stores.deliveries.list_of_endpoint(HOOK.id, status=None, limit=1, cursor=None).cursor
    page = stores.deliveries.list_of_endpoint(OTHER_HOOK.id, status=None, limit=5, cursor=theirs)
    assert {summary.endpoint_id for summary in page.items} <= {OTHER_HOOK.id}
