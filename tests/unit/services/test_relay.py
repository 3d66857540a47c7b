from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Alert, Message
from chalicelib.domain.events import Event
from chalicelib.domain.health import Health
from chalicelib.services.relay import INLINE_BYTES, fan_out
from tests.fakes import NOW, interrupt
from tests.making import a_message, an_endpoint, an_event, with_event_types
from tests.unit.services.shop import Shop

EVENT = an_event()


def relay(shop: Shop, event: Event, *endpoints: Endpoint, alerts: bool = False) -> int:
    return fan_out(
        event,
        [(endpoint, shop.world.get_health(endpoint.id)) for endpoint in endpoints],
        events=shop.world,
        queue=shop.queue,
        expressions=shop.expressions,
        alerts=alerts,
        now=NOW,
    )


def sent_to(shop: Shop) -> list[str]:
    return [message.endpoint_id for message, _ in shop.queue.waiting if isinstance(message, Message)]


def test_an_event_becomes_one_message_for_each_endpoint_at_once(shop: Shop) -> None:
    hooks = [an_endpoint(number) for number in range(3)]
    assert relay(shop, EVENT, *hooks) == 3
    assert [message for message, _ in shop.queue.waiting] == [a_message(EVENT, hook) for hook in hooks]
    assert not any(delay for _, delay in shop.queue.waiting)


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        (["*"], True),
        (["order.paid"], True),
        (["order.*"], True),
        (["cart.abandoned", "order.paid"], True),
        (["order.payment_failed"], False),
        (["order"], False),
        (["ord*"], False),
        (["cart.*"], False),
        ([], False),
    ],
)
def test_only_who_wants_the_event_gets_it(shop: Shop, types: list[str], wanted: bool) -> None:  # noqa: FBT001 (a case)
    assert relay(shop, EVENT, with_event_types(an_endpoint(), *types)) == wanted


def test_a_disabled_endpoint_gets_nothing(shop: Shop) -> None:
    assert relay(shop, EVENT, replace(an_endpoint(), enabled=False)) == 0


def test_an_event_that_nobody_wants_is_noted_all_the_same(shop: Shop) -> None:
    assert relay(shop, EVENT) == 0
    assert (shop.world.get_fan_outs([EVENT.id]), shop.queue.waiting) == ({EVENT.id: []}, [])


def test_an_event_relayed_again_goes_to_the_same_endpoints(shop: Shop) -> None:
    old, new = an_endpoint("old"), an_endpoint("new")
    relay(shop, EVENT, old)
    relay(shop, EVENT, old, new)
    assert sent_to(shop) == [old.id, old.id]


def test_a_crash_between_noting_and_sending_loses_no_message(shop: Shop) -> None:
    hook = an_endpoint()
    interrupt(shop.queue, "send", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        relay(shop, EVENT, hook)
    # In between the owner has disabled it; what was promised stands, and the worker asks again.
    relay(shop, EVENT, replace(hook, enabled=False))
    assert sent_to(shop) == [hook.id]


@pytest.mark.parametrize(("letter", "bytes_each"), [("x", 1), ("é", 2), ("茶", 3)])
def test_a_large_event_is_sent_by_its_id(shop: Shop, letter: str, bytes_each: int) -> None:
    around = len(an_event().payload.encode())
    fits = (INLINE_BYTES - around) // bytes_each
    small, large = an_event(data=letter * fits), an_event(data=letter * (fits + 1))
    relay(shop, small, an_endpoint())
    relay(shop, replace(large, id=an_event("large").id), an_endpoint())
    payloads = [message.payload for message, _ in shop.queue.waiting if isinstance(message, Message)]
    assert payloads == [small.payload, None]


def test_only_who_answers_promptly_is_served_by_the_express_queue(shop: Shop) -> None:
    prompt, unknown, limited = an_endpoint("p"), an_endpoint("u"), replace(an_endpoint("l"), rate_limit=5)
    for endpoint in (prompt, limited):
        shop.world.put_health(endpoint.id, Health(prompt=True))
    relay(shop, EVENT, prompt, unknown, limited)
    assert sorted(sent_to(shop)) == sorted([prompt.id, unknown.id, limited.id])
    assert shop.queue.express == [a_message(EVENT, prompt)]


def test_a_filter_chooses_among_the_events_of_a_type(shop: Shop) -> None:
    hook = replace(an_endpoint(), filter="data.note == 'yes'")
    assert relay(shop, an_event("yes", data="yes"), hook) == 1
    assert relay(shop, an_event("no", data="no"), hook) == 0


def test_one_that_was_disabled_by_us_is_noted_for_better_times(shop: Shop) -> None:
    assert relay(shop, EVENT, replace(an_endpoint(), enabled=False, disabled_because="It failed.")) == 1


def test_a_test_goes_to_its_endpoint_alone_and_is_tried_once(shop: Shop) -> None:
    hook, other = an_endpoint(events=("stock.low",)), an_endpoint("other")
    event = an_event(only_to=hook.id)
    relay(shop, event, hook, other)
    ((message, _),) = shop.queue.waiting
    assert message == replace(a_message(event, hook), insist=True, once=True)


def test_an_endpoint_does_not_hear_of_its_own_troubles(shop: Shop) -> None:
    hook, other = an_endpoint(), an_endpoint("other")
    relay(shop, an_event(event_type="endpoint.disabled", not_to=hook.id), hook, other)
    assert sent_to(shop) == [other.id]


@pytest.mark.parametrize(
    ("event_type", "alerts", "is_mailed"),
    [
        ("delivery.dead", True, True),
        ("endpoint.disabled", True, True),
        ("order.paid", True, False),
        ("delivery.dead", False, False),
    ],
)
def test_what_an_owner_must_know_is_mailed_too(
    shop: Shop,
    event_type: str,
    alerts: bool,  # noqa: FBT001 (a case)
    is_mailed: bool,  # noqa: FBT001 (a case)
) -> None:
    event = an_event(event_type=event_type)
    relay(shop, event, alerts=alerts)
    assert ((Alert(event_id=event.id), timedelta()) in shop.queue.waiting) == is_mailed
