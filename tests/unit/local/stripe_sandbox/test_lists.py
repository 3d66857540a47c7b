from collections.abc import Iterator

import pytest
import stripe

from local.stripe_sandbox.server import serve
from tests.unit.local.stripe_sandbox.asking import client_of
from tests.unit.local.stripe_sandbox.making import NOW


@pytest.fixture
def ticking() -> Iterator[stripe.StripeClient]:
    """A sandbox whose clock moves a second with every intent: the first is created at NOW."""
    moments = iter(range(NOW, NOW + 100))
    current = NOW

    def new_id(prefix: str) -> str:
        nonlocal current
        if prefix == "pi":
            current = next(moments)
        counts[prefix] = counts.get(prefix, 0) + 1
        return f"{prefix}_{counts[prefix]}"

    counts: dict[str, int] = {}
    with serve(clock=lambda: float(current), new_id=new_id) as running:
        yield client_of(running)


def create(client: stripe.StripeClient, count: int) -> None:
    for _ in range(count):
        client.v1.payment_intents.create({"amount": 100, "currency": "usd"})


def ids(page: stripe.ListObject[stripe.PaymentIntent]) -> list[str]:
    return [intent.id for intent in page.data]


def test_lists_are_newest_first_and_paged_both_ways(ticking: stripe.StripeClient) -> None:
    create(ticking, 5)
    intents = ticking.v1.payment_intents
    first = intents.list({"limit": 2})
    assert (ids(first), first.has_more) == (["pi_5", "pi_4"], True)
    last = intents.list({"limit": 3, "starting_after": "pi_4"})
    assert (ids(last), last.has_more) == (["pi_3", "pi_2", "pi_1"], False)
    assert ids(intents.list({"limit": 2, "ending_before": "pi_1"})) == ["pi_3", "pi_2"]


def test_the_sdk_can_walk_through_all_pages(ticking: stripe.StripeClient) -> None:
    create(ticking, 7)
    walked = ticking.v1.payment_intents.list({"limit": 3}).auto_paging_iter()
    assert len([intent.id for intent in walked]) == 7


def test_ten_are_shown_if_nothing_is_said(ticking: stripe.StripeClient) -> None:
    create(ticking, 11)
    assert len(ticking.v1.payment_intents.list().data) == 10


def test_lists_can_be_cut_by_time(ticking: stripe.StripeClient) -> None:
    create(ticking, 5)
    intents = ticking.v1.payment_intents
    assert ids(intents.list({"created": {"gte": NOW + 1, "lt": NOW + 3}})) == ["pi_3", "pi_2"]
    assert ids(intents.list({"created": {"gt": NOW + 3}})) == ["pi_5"]
    assert ids(intents.list({"created": NOW})) == ["pi_1"]


def test_links_in_a_list_can_be_expanded(ticking: stripe.StripeClient) -> None:
    ticking.v1.payment_intents.create(
        {
            "amount": 100,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example",
        }
    )
    [intent] = ticking.v1.payment_intents.list({"expand": ["data.latest_charge"]}).data
    assert isinstance(intent.latest_charge, stripe.Charge)


def test_events_are_listed_by_type_and_retrieved(ticking: stripe.StripeClient) -> None:
    create(ticking, 2)
    ticking.v1.payment_intents.cancel("pi_1")
    events = ticking.v1.events
    canceled = events.list({"types": ["payment_intent.canceled", "charge.refunded"]}).data
    assert [event.type for event in canceled] == ["payment_intent.canceled"]
    assert len(events.list({"type": "payment_intent.created"}).data) == 2
    assert len(events.list({"type": "payment_intent.*"}).data) == 3
    retrieved = events.retrieve(canceled[0].id)
    assert retrieved.data.object["id"] == "pi_1"
    assert retrieved.request
    assert retrieved.request.id


def test_an_unknown_neighbour_is_an_error(ticking: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        ticking.v1.payment_intents.list({"starting_after": "pi_none"})
    assert missing.value.param == "starting_after"


def test_a_page_holds_a_hundred_at_most(ticking: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="less than or equal to 100"):
        ticking.v1.payment_intents.list({"limit": 101})
