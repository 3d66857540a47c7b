from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.adapters.dynamodb.events import DynamoEvents, event_row
from chalicelib.domain import payments as rules
from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.events import Event, EventSummary
from chalicelib.ports import Unreadable
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_cart, a_fact, a_product, an_endpoint, an_event, an_id, an_order

EVENT = an_event()
HOOK, OTHER_HOOK = sorted([an_endpoint(1), an_endpoint(2)], key=lambda endpoint: endpoint.id)


def written(stores: Stores) -> Event:
    """An event as a payment leaves it."""
    cart, order = a_cart(a_product()), an_order()
    stores.carts.create_cart(cart)
    stores.orders.place_order(order, cart=cart)
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
    assert stores.events.get_fan_outs([EVENT.id]) == {EVENT.id: [HOOK.id, OTHER_HOOK.id]}


@pytest.mark.parametrize("first", [[], [HOOK.id]])
def test_a_fan_out_that_is_noted_already_counts(stores: Stores, first: list[str]) -> None:
    stores.events.record_fan_out(EVENT.id, first, now=NOW)
    assert stores.events.record_fan_out(EVENT.id, [OTHER_HOOK.id], now=NOW) == first
    assert stores.events.get_fan_outs([EVENT.id]) == {EVENT.id: first}


def test_a_fan_out_that_was_never_noted_is_left_out(stores: Stores) -> None:
    stores.events.record_fan_out(EVENT.id, [], now=NOW)
    assert stores.events.get_fan_outs([EVENT.id, an_id("evt", "other")]) == {EVENT.id: []}


def happened(stores: Stores, *moments: datetime) -> list[Event]:
    events = [an_event(number, now=moment) for number, moment in enumerate(moments)]
    for event in events:
        stores.events.put_event(event)
    return events


def listed(
    stores: Stores, since: datetime, until: datetime, *, limit: int = 100, newest_first: bool = False
) -> list[str]:
    """The ids of all pages together."""
    seen: list[str] = []
    position: str | None = ""
    while position is not None:
        found, position = stores.events.list_events(
            since=since, until=until, position=position, limit=limit, newest_first=newest_first
        )
        assert len(found) <= limit
        seen += [event.id for event in found]
    return seen


def test_an_event_that_happens_twice_happens_once(stores: Stores) -> None:
    stores.events.put_event(EVENT)
    stores.events.put_event(replace(EVENT, payload="{}"))
    assert stores.events.get_event(EVENT.id) == EVENT


def test_several_events_are_read_at_once(stores: Stores) -> None:
    events = happened(stores, *[NOW] * 120)
    found = stores.events.get_events([*(event.id for event in events), an_id("evt", "missing")])
    assert found == {event.id: event for event in events}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_what_happened_is_listed_over_months_and_pages(
    stores: Stores,
    limit: int,
    newest_first: bool,  # noqa: FBT001 (a case)
) -> None:
    days = (0, 1, 20, 40, 41, 100)
    events = happened(stores, *(NOW + timedelta(days=day) for day in days))
    expected = [event.id for event in (reversed(events) if newest_first else events)]
    span = NOW - timedelta(days=400), NOW + timedelta(days=400)
    assert listed(stores, *span, limit=limit, newest_first=newest_first) == expected


def test_a_range_has_its_beginning_and_not_its_end(stores: Stores) -> None:
    events = happened(stores, *(NOW + timedelta(seconds=second) for second in range(4)))
    found = listed(stores, events[1].created_at, events[3].created_at)
    assert found == [events[1].id, events[2].id]


def test_a_range_may_be_given_in_any_time_zone(stores: Stores) -> None:
    (event,) = happened(stores, NOW)
    there = timezone(timedelta(hours=-11))
    since, until = NOW.astimezone(there), (NOW + timedelta(seconds=1)).astimezone(there)
    assert listed(stores, since, until) == [event.id]


def test_a_listed_event_shows_what_it_was_about(stores: Stores) -> None:
    event = an_event(not_to=HOOK.id)
    stores.events.put_event(event)
    (found,), _ = stores.events.list_events(since=NOW, until=NOW + timedelta(seconds=1), position="", limit=5)
    assert found == EventSummary(
        id=event.id, type=event.type, order_id=event.order_id, created_at=NOW, not_to=HOOK.id
    )


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_page_that_begins_outside_of_the_range_is_the_end(
    stores: Stores,
    newest_first: bool,  # noqa: FBT001 (a case)
) -> None:
    """The last fourteen days, a moment later, begin behind the page before."""
    happened(stores, *(NOW + timedelta(seconds=second) for second in range(4)))
    day = timedelta(days=1)
    _, position = stores.events.list_events(
        since=NOW, until=NOW + day, position="", limit=2, newest_first=newest_first
    )
    assert position
    for since, until in ((NOW + day, NOW + 2 * day), (NOW - day, NOW)):
        assert stores.events.list_events(
            since=since, until=until, position=position, limit=2, newest_first=newest_first
        ) == ([], None)


def test_a_test_is_no_part_of_what_happened(stores: Stores) -> None:
    stores.events.put_event(an_event(only_to=HOOK.id))
    assert listed(stores, NOW, NOW + timedelta(days=1)) == []
    assert stores.events.get_event(an_event().id) == an_event(only_to=HOOK.id)


@pytest.mark.parametrize("position", ["x", "2026-11-24T12:00:00.000000Z#ord_x", "2026-11-24", "%00"])
def test_a_broken_position_is_refused(stores: Stores, position: str) -> None:
    with pytest.raises(InvalidCursor):
        stores.events.list_events(since=NOW, until=NOW + timedelta(days=1), position=position, limit=5)


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


def test_an_event_is_rewritten_in_its_place(stores: Stores) -> None:
    event = an_event()
    stores.events.put_event(event)
    changed = replace(event, payload='{"nobody":true}')
    for _ in range(2):
        stores.events.rewrite_event(changed)
        assert stores.events.get_event(event.id) == changed
    listed, _ = stores.events.list_events(
        since=event.created_at, until=event.created_at + timedelta(seconds=1), position="", limit=5
    )
    assert [found.id for found in listed] == [event.id]
