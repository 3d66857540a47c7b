from __future__ import annotations

import pytest
from msgspec.structs import replace

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.services.relay import INLINE_BYTES, fan_out
from tests.fakes import NOW, interrupt
from tests.making import a_message, an_endpoint, an_event, with_event_types
from tests.unit.services.shop import Shop

EVENT = an_event()


def relay(shop: Shop, event: Event, *endpoints: Endpoint) -> int:
    return fan_out(event, endpoints, events=shop.world, queue=shop.queue, now=NOW)


def sent_to(shop: Shop) -> list[str]:
    return [message.endpoint_id for message, _ in shop.queue.waiting]


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
    assert (shop.world.get_fan_out(EVENT.id), shop.queue.waiting) == ([], [])


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
    inline, by_id = (message for message, _ in shop.queue.waiting)
    assert (inline.payload, by_id.payload) == (small.payload, None)
