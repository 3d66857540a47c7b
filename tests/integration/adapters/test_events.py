from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.adapters.dynamodb.events import DynamoEvents, event_row
from chalicelib.domain import orders as rules
from chalicelib.domain.deliveries import DeliverySummary
from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.events import Event
from chalicelib.ports import Moved, Unreadable
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_cart, a_delivery, a_fact, a_product, an_endpoint, an_event, an_id, an_order

EVENT = an_event()
HOOK, OTHER_HOOK = sorted([an_endpoint(1), an_endpoint(2)], key=lambda endpoint: endpoint.id)


def written(stores: Stores) -> Event:
    """An event as a payment leaves it."""
    cart, order = a_cart(a_product()), an_order()
    stores.carts.create_cart(cart)
    stores.orders.place_order(order, cart=cart, reserve={})
    change = rules.apply(order, a_fact(order), ledger=(), now=NOW + timedelta(microseconds=5))
    assert change is not None
    assert change.event is not None
    stores.orders.commit(change)
    return change.event


def test_an_event_is_read_as_it_was_written_byte_for_byte(stores: Stores) -> None:
    event = written(stores)
    assert stores.events.get_event(event.id) == event


def test_an_event_that_never_happened_is_none(stores: Stores) -> None:
    assert stores.events.get_event(an_id("evt")) is None


def test_a_fan_out_is_noted_as_it_is(stores: Stores) -> None:
    assert stores.events.record_fan_out(EVENT.id, [HOOK.id, OTHER_HOOK.id], now=NOW) == [
        HOOK.id,
        OTHER_HOOK.id,
    ]
    assert stores.events.get_fan_out(EVENT.id) == [HOOK.id, OTHER_HOOK.id]


@pytest.mark.parametrize("first", [[], [HOOK.id]])
def test_a_fan_out_that_is_noted_already_counts(stores: Stores, first: list[str]) -> None:
    stores.events.record_fan_out(EVENT.id, first, now=NOW)
    assert stores.events.record_fan_out(EVENT.id, [OTHER_HOOK.id], now=NOW) == first
    assert stores.events.get_fan_out(EVENT.id) == first


def test_a_fan_out_that_was_never_noted_is_none(stores: Stores) -> None:
    assert stores.events.get_fan_out(EVENT.id) is None


@pytest.mark.parametrize(
    "statuses", [(200,), (500,), (None,), (500, 404, 204), (*[500] * 25,)], ids=lambda value: str(len(value))
)
def test_a_delivery_is_read_as_it_was_saved(stores: Stores, statuses: tuple[int | None, ...]) -> None:
    delivery = a_delivery(EVENT, HOOK, *statuses)
    stores.deliveries.save_delivery(delivery, previous=None)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == delivery


def test_a_delivery_that_was_never_tried_is_none(stores: Stores) -> None:
    stores.deliveries.save_delivery(a_delivery(EVENT, OTHER_HOOK), previous=None)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) is None


def test_a_delivery_is_saved_over_the_attempt_that_was_read(stores: Stores) -> None:
    first, second = a_delivery(EVENT, HOOK, 500), a_delivery(EVENT, HOOK, 500, 200)
    stores.deliveries.save_delivery(first, previous=None)
    stores.deliveries.save_delivery(second, previous=first)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == second


def test_a_first_attempt_is_not_saved_over_another(stores: Stores) -> None:
    first = a_delivery(EVENT, HOOK, 500)
    stores.deliveries.save_delivery(first, previous=None)
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 200), previous=None)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == first


def test_an_attempt_is_not_saved_over_one_that_was_not_read(stores: Stores) -> None:
    first, second = a_delivery(EVENT, HOOK, 500), a_delivery(EVENT, HOOK, 500, 500)
    stores.deliveries.save_delivery(second, previous=None)
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 200), previous=first)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) == second


def test_an_attempt_is_not_saved_over_nothing_if_something_was_read(stores: Stores) -> None:
    first = a_delivery(EVENT, HOOK, 500)
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 200), previous=first)
    assert stores.deliveries.get_delivery(EVENT.id, HOOK.id) is None


def test_the_deliveries_of_an_event_are_its_own(stores: Stores) -> None:
    mine = [a_delivery(EVENT, HOOK), a_delivery(EVENT, OTHER_HOOK, 500)]
    for delivery in (*mine, a_delivery(an_event("other"), HOOK)):
        stores.deliveries.save_delivery(delivery, previous=None)
    stores.events.record_fan_out(EVENT.id, [HOOK.id, OTHER_HOOK.id], now=NOW)
    assert stores.deliveries.list_of_event(EVENT.id) == mine


def test_an_event_without_attempts_has_no_deliveries(stores: Stores) -> None:
    assert stores.deliveries.list_of_event(EVENT.id) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_the_deliveries_of_an_endpoint_are_paged_newest_first(stores: Stores, limit: int) -> None:
    hours = (3, 1, 2, 5, 4)
    for number in hours:
        delivery = a_delivery(an_event(number), HOOK, now=NOW + timedelta(hours=number))
        stores.deliveries.save_delivery(delivery, previous=None)
    stores.deliveries.save_delivery(a_delivery(an_event(9), OTHER_HOOK), previous=None)
    seen: list[str] = []
    cursor = None
    while True:
        page = stores.deliveries.list_of_endpoint(HOOK.id, limit=limit, cursor=cursor)
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
    stores.deliveries.save_delivery(delivery, previous=None)
    page = stores.deliveries.list_of_endpoint(HOOK.id, limit=5, cursor=None)
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
    stores.deliveries.save_delivery(first, previous=None)
    stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 200), previous=first)
    page = stores.deliveries.list_of_endpoint(HOOK.id, limit=5, cursor=None)
    assert [(item.event_id, item.attempt) for item in page.items] == [(EVENT.id, 2)]


@pytest.mark.parametrize("cursor", ["", "x", "%", "e30", "eyJzayI6ICJhIn0"])
def test_a_broken_cursor_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        stores.deliveries.list_of_endpoint(HOOK.id, limit=5, cursor=cursor)


def test_a_cursor_of_another_endpoint_shows_nothing_of_that_one(stores: Stores) -> None:
    for number in range(3):
        event = an_event(number)
        stores.deliveries.save_delivery(a_delivery(event, HOOK), previous=None)
        stores.deliveries.save_delivery(a_delivery(event, OTHER_HOOK), previous=None)
    theirs = stores.deliveries.list_of_endpoint(HOOK.id, limit=1, cursor=None).cursor
    page = stores.deliveries.list_of_endpoint(OTHER_HOOK.id, limit=5, cursor=theirs)
    assert {summary.endpoint_id for summary in page.items} <= {OTHER_HOOK.id}


class TestEventsFromTheStream:
    """DynamoDB alone has one."""

    @pytest.fixture
    def events(self) -> DynamoEvents:
        return DynamoEvents(None)  # type: ignore[arg-type]  # reading an image asks no table

    def test_an_image_is_the_event_that_was_written(self, events: DynamoEvents) -> None:
        assert events.event_of(event_row(EVENT)) == EVENT

    def test_an_image_may_carry_what_this_version_does_not_know(self, events: DynamoEvents) -> None:
        assert events.event_of(event_row(EVENT) | {"colour": {"S": "blue"}, "n": {"N": "1"}}) == EVENT

    @pytest.mark.parametrize(
        "broken",
        [
            {"payload": {"N": "1"}},
            {"created_at": {"S": "yesterday"}},
            {"payload": {}},
            {"payload": {"S": "a", "N": "1"}},
            {"colour": {"N": "1.5"}},
            {"colour": {"L": "text"}},
            {"colour": {"M": "text"}},
        ],
        ids=str,
    )
    def test_a_broken_image_is_unreadable_and_named(
        self, events: DynamoEvents, broken: dict[str, dict[str, str]]
    ) -> None:
        with pytest.raises(Unreadable) as refusal:
            events.event_of(event_row(EVENT) | broken)
        assert refusal.value.row_id == EVENT.id

    @pytest.mark.parametrize("image", [{}, {"pk": {"S": "x"}}, {"pk": {}}, {"pk": {"N": "1"}}], ids=str)
    def test_an_image_without_a_key_is_unreadable_too(
        self, events: DynamoEvents, image: dict[str, dict[str, str]]
    ) -> None:
        with pytest.raises(Unreadable):
            events.event_of(image)


def test_a_delivery_of_another_attempt_count_is_not_mistaken(stores: Stores) -> None:
    """The condition is the attempt's number, so a row read long ago never matches."""
    first = a_delivery(EVENT, HOOK, 500)
    stores.deliveries.save_delivery(first, previous=None)
    with pytest.raises(Moved):
        stores.deliveries.save_delivery(a_delivery(EVENT, HOOK, 500, 500), previous=replace(first, attempt=2))
