from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook

from chalicelib.adapters.cached_endpoints import CachedEndpoints
from chalicelib.domain.deliveries import delivery_id
from chalicelib.domain.endpoints import Endpoint, disabled, resumed
from chalicelib.domain.errors import EventNotFound
from chalicelib.domain.exchanges import Request
from chalicelib.domain.retries import RETRY_DELAYS
from chalicelib.ports import Moved
from chalicelib.services.deliveries import read_delivery
from chalicelib.services.endpoints import rotate_secret
from tests.fakes import NOW, FakeSender, interrupt
from tests.making import a_delivery, a_message, an_endpoint, an_event, signing_secrets
from tests.unit.services.shop import Shop

EVENT = an_event()


@pytest.fixture
def hook(shop: Shop) -> Endpoint:
    shop.happened(EVENT)
    return shop.hook(an_endpoint())


def is_genuine(shop: Shop, endpoint: Endpoint, post: Request) -> bool:
    """Whether the official library takes it, as any receiver would; its own clock is the machine's."""
    (secret,) = shop.world.get_secrets(endpoint.id, endpoint.secret_version).at(shop.clock.now)
    at = post.headers["webhook-timestamp"]
    expected = Webhook(secret).sign(post.headers["webhook-id"], shop.clock.now, post.body.decode())
    return (at, post.headers["webhook-signature"]) == (str(int(shop.clock.now.timestamp())), expected)


def test_a_delivery_posts_the_frozen_bytes_signed(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(200)
    delivery = shop.attempt(a_message(EVENT, hook), sender)
    (post,) = sender.requests
    assert (post.url, post.body) == (hook.url, EVENT.payload.encode())
    assert post.headers["content-type"] == "application/json"
    assert post.headers["webhook-id"] == EVENT.id
    assert is_genuine(shop, hook, post)
    assert delivery is not None
    assert (delivery.status, delivery.attempt, delivery.next_attempt_at) == ("delivered", 1, None)
    assert shop.world.get_delivery(EVENT.id, hook.id) == delivery
    assert not shop.queue.waiting


def test_a_first_attempt_reads_no_row(shop: Shop, hook: Endpoint) -> None:
    interrupt(shop.world, "get_delivery", AssertionError("a read that costs"))
    interrupt(shop.world, "get_event", AssertionError("a read that costs"))
    assert shop.attempt(a_message(EVENT, hook), FakeSender(200)) is not None


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(shop: Shop, hook: Endpoint, status: int) -> None:
    delivery = shop.attempt(a_message(EVENT, hook), FakeSender(status))
    assert delivery is not None
    assert (delivery.status, delivery.attempts[0].status) == ("delivered", status)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 304, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(shop: Shop, hook: Endpoint, status: int | None) -> None:
    delivery = shop.attempt(a_message(EVENT, hook), FakeSender(status))
    assert delivery is not None
    assert (delivery.status, delivery.next_attempt_at) == ("failing", NOW + RETRY_DELAYS[0])
    assert shop.queue.waiting == [(a_message(EVENT, hook, attempt=2), RETRY_DELAYS[0])]


def test_a_receiver_that_asks_for_time_gets_it(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(429)
    sender.retry_after = "3600"
    delivery = shop.attempt(a_message(EVENT, hook), sender)
    assert delivery is not None
    assert delivery.next_attempt_at == NOW + timedelta(hours=1)


def test_what_failed_together_does_not_come_back_together(shop: Shop) -> None:
    for seed in range(20):
        other = shop.hook(an_endpoint(seed))
        shop.attempt(a_message(EVENT, other), FakeSender(500), entropy=shop.entropy)
    waits = {delay for _, delay in shop.queue.waiting}
    assert len(waits) == 20
    assert all(timedelta(seconds=4) <= wait <= timedelta(seconds=6) for wait in waits)


def test_an_endpoint_that_says_it_is_gone_is_disabled_and_says_why(shop: Shop, hook: Endpoint) -> None:
    delivery = shop.attempt(a_message(EVENT, hook), FakeSender(410))
    assert delivery is not None
    assert (delivery.status, shop.queue.waiting) == ("dead", [])
    disabled = shop.world.get_endpoint(hook.id)
    assert disabled is not None
    assert (disabled.enabled, disabled.disabled_because) == (False, "It answered 410 Gone.")
    assert disabled.hears_of("order.paid"), "what happens now is held for it"


def test_an_old_address_that_is_gone_does_not_disable_the_new_one(shop: Shop, hook: Endpoint) -> None:
    """The owner corrects the URL while a request to the old one is under way."""
    sender = FakeSender(410)
    moved = replace(hook, version=2, url="https://new.example.com/till")
    interrupt(sender, "send", lambda: shop.world.replace_endpoint(moved))
    shop.attempt(a_message(EVENT, hook), sender)
    assert shop.world.get_endpoint(hook.id) == moved


def test_an_endpoint_that_was_just_enabled_misses_nothing(shop: Shop, hook: Endpoint) -> None:
    """What the worker knows of endpoints is some seconds old."""
    off = disabled(hook, "It failed.", now=NOW)
    shop.world.replace_endpoint(off)
    memory = CachedEndpoints(shop.world, monotonic=lambda: 0.0)
    assert memory.get_endpoint(hook.id) == off
    shop.world.replace_endpoint(resumed(off, now=NOW))
    delivery = shop.attempt(a_message(EVENT, hook), FakeSender(200), endpoints=memory)
    assert delivery is not None
    assert delivery.status == "delivered"


def test_holding_costs_no_read(shop: Shop, hook: Endpoint) -> None:
    shop.world.replace_endpoint(disabled(hook, "It failed.", now=NOW))
    memory = CachedEndpoints(shop.world, monotonic=lambda: 0.0)
    memory.get_endpoint(hook.id)
    for method in ("get_endpoint", "get_delivery", "list_watched"):
        interrupt(shop.world, method, AssertionError("a read that costs"))
    held = shop.attempt(a_message(EVENT, hook), FakeSender(200), endpoints=memory)
    assert held is not None
    assert held.status == "held"


def test_a_webhook_that_arrived_is_recorded_even_if_a_copy_failed_first(shop: Shop, hook: Endpoint) -> None:
    message = a_message(EVENT, hook)
    interrupt(shop.world, "save_delivery", lambda: shop.attempt(message, FakeSender(500)))
    shop.attempt(message, FakeSender(200))
    delivery = shop.world.get_delivery(EVENT.id, hook.id)
    assert delivery is not None
    assert delivery.status == "delivered"
    assert [attempt.status for attempt in delivery.attempts] == [500, 200]
    sender = FakeSender(200)
    shop.run(sender)
    assert sender.requests == [], "the failed copy's retry has nothing left to do"


def test_an_attempt_says_when_how_long_and_what_came_of_it(shop: Shop, hook: Endpoint) -> None:
    delivery = shop.attempt(a_message(EVENT, hook), FakeSender(None))
    assert delivery is not None
    (attempt,) = delivery.attempts
    assert (attempt.number, attempt.at, attempt.duration_ms) == (1, NOW, 7)
    assert (attempt.status, attempt.error) == (None, "nobody answered")


def test_a_delivery_that_keeps_failing_is_dead_after_the_whole_policy(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(500)
    shop.queue.send([a_message(EVENT, hook)])
    waited = []
    while shop.queue.waiting:
        message, delay = shop.queue.take()
        waited.append(delay)
        shop.clock.advance(delay)
        shop.do(message, sender)
    assert waited == [timedelta(), *RETRY_DELAYS]
    delivery = read_delivery(delivery_id(EVENT.id, hook.id), deliveries=shop.world)
    assert (delivery.status, delivery.attempt, delivery.next_attempt_at) == (
        "dead",
        len(RETRY_DELAYS) + 1,
        None,
    )
    assert [attempt.number for attempt in delivery.attempts] == list(range(1, len(RETRY_DELAYS) + 2))
    assert delivery.created_at == NOW
    assert delivery.updated_at == NOW + sum(RETRY_DELAYS, timedelta())


def test_retries_send_identical_bytes_under_the_same_id_with_a_time_of_their_own(
    shop: Shop, hook: Endpoint
) -> None:
    sender = FakeSender(500, 500, 200)
    shop.queue.send([a_message(EVENT, hook)])
    assert shop.run(sender) == 3
    assert len({(post.headers["webhook-id"], post.body) for post in sender.requests}) == 1
    assert len({post.headers["webhook-timestamp"] for post in sender.requests}) == 3
    assert is_genuine(shop, hook, sender.requests[-1])


def test_an_attempt_that_was_recorded_is_not_made_again(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(500)
    message = a_message(EVENT, hook)
    shop.attempt(message, sender)
    assert shop.attempt(message, sender, seen_before=True) is None
    assert (len(sender.requests), len(shop.queue.waiting)) == (1, 1)


def test_a_copy_of_a_later_attempt_is_not_made_again_even_if_it_looks_new(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(500)
    shop.attempt(a_message(EVENT, hook), sender)
    second = a_message(EVENT, hook, attempt=2)
    shop.attempt(second, sender)
    assert shop.attempt(second, sender) is None
    assert shop.attempt(a_message(EVENT, hook), sender, seen_before=True) is None
    assert len(sender.requests) == 2


def test_what_was_delivered_is_never_sent_again_nor_called_failing(shop: Shop, hook: Endpoint) -> None:
    """Two copies of one message: the first failed and asked for a retry, the second was delivered."""
    message = a_message(EVENT, hook)
    interrupt(shop.world, "save_delivery", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        shop.attempt(message, FakeSender(500))
    shop.attempt(message, FakeSender(200), seen_before=True)
    sender = FakeSender(500)
    shop.run(sender)
    delivery = shop.world.get_delivery(EVENT.id, hook.id)
    assert delivery is not None
    assert (delivery.status, sender.requests) == ("delivered", [])


def test_a_copy_that_was_slower_leaves_the_record_as_it_is(shop: Shop, hook: Endpoint) -> None:
    message = a_message(EVENT, hook)
    interrupt(shop.world, "save_delivery", lambda: shop.attempt(message, FakeSender(200)))
    shop.attempt(message, FakeSender(500))
    delivery = shop.world.get_delivery(EVENT.id, hook.id)
    assert delivery is not None
    assert (delivery.status, delivery.attempt) == ("delivered", 1)


@pytest.mark.parametrize("effect", ["send", "send_later", "save_delivery"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("statuses", [(200,), (500, 200), (500, 500, 500, 200), (500,)], ids=str)
def test_no_crash_leaves_a_delivery_stuck_or_unsent(
    effect: str,
    after: bool,  # noqa: FBT001 (a case)
    statuses: tuple[int, ...],
) -> None:
    """Whichever effect the process dies at, in whichever attempt: the message comes again, and it rests."""
    for at_call in range(len(statuses) + 1):
        shop, sender = Shop(), FakeSender(*statuses)
        hook = shop.hook(an_endpoint())
        target = {"send": sender, "send_later": shop.queue, "save_delivery": shop.world}[effect]
        interrupt(target, effect, *[None] * at_call, OSError("crash"), after=after)
        shop.queue.send([a_message(EVENT, hook)])
        shop.run(sender)
        delivery = shop.world.get_delivery(EVENT.id, hook.id)
        assert delivery is not None
        assert delivery.status == ("delivered" if statuses[-1] == 200 else "dead")
        assert delivery.next_attempt_at is None
        assert len(delivery.attempts) <= len(sender.requests) <= len(RETRY_DELAYS) + 2


def test_a_message_that_is_given_out_again_after_a_crash_is_sent_again(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(200)
    interrupt(shop.world, "save_delivery", OSError("crash"))
    shop.queue.send([a_message(EVENT, hook)])
    shop.run(sender)
    assert len(sender.requests) == 2
    assert len({post.body for post in sender.requests}) == 1


def test_nothing_is_sent_to_an_endpoint_that_was_deleted(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(200)
    shop.world.delete_endpoint(hook.id)
    assert shop.attempt(a_message(EVENT, hook), sender) is None
    assert shop.attempt(a_message(EVENT, hook, attempt=2), sender) is None
    assert (sender.requests, shop.queue.waiting) == ([], [])


def test_a_large_event_is_read_by_its_id_and_its_retries_stay_small(shop: Shop, hook: Endpoint) -> None:
    event = shop.happened(an_event("large", data="茶" * 100_000))
    sender = FakeSender(500, 200)
    shop.relay(event)
    assert shop.run(sender) == 2
    assert [post.body for post in sender.requests] == [event.payload.encode()] * 2


def test_the_retry_of_a_large_event_carries_no_payload(shop: Shop, hook: Endpoint) -> None:
    shop.attempt(a_message(EVENT, hook, inline=False), FakeSender(500))
    assert shop.queue.waiting == [(a_message(EVENT, hook, attempt=2, inline=False), RETRY_DELAYS[0])]


def test_a_message_of_an_event_that_is_gone_is_an_error_that_somebody_sees(
    shop: Shop, hook: Endpoint
) -> None:
    message = a_message(an_event("gone"), hook, inline=False)
    with pytest.raises(EventNotFound):
        shop.attempt(message, FakeSender(200))


def test_a_message_is_signed_by_each_secret_of_its_endpoint(shop: Shop, hook: Endpoint) -> None:
    version = shop.world.put_secrets(
        hook.id,
        signing_secrets("whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3", "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"),
    )
    shop.world.replace_endpoint(replace(hook, version=2, secret_version=version))
    sender = FakeSender(200)
    shop.attempt(a_message(EVENT, hook), sender)
    assert len(sender.requests[0].headers["webhook-signature"].split(" ")) == 2


def test_a_replaced_secret_signs_until_its_overlap_is_over(shop: Shop, hook: Endpoint) -> None:
    before = shop.world.get_secrets(hook.id, hook.secret_version).at(NOW)[0]
    rotated, secret = rotate_secret(
        hook.id,
        secret=None,
        overlap=timedelta(hours=24),
        endpoints=shop.world,
        secrets=shop.world,
        entropy=shop.entropy,
        now=NOW,
    )
    assert rotated.secret_version != hook.secret_version
    for receivers_secret, later, is_taken in (
        (before, timedelta(hours=23), True),
        (secret, timedelta(hours=23), True),
        (before, timedelta(hours=25), False),
        (secret, timedelta(hours=25), True),
    ):
        shop.clock.now = NOW + later
        sender = FakeSender(200)
        shop.attempt(a_message(an_event((receivers_secret, later)), hook), sender)
        (post,) = sender.requests
        message_id, body = post.headers["webhook-id"], post.body.decode()
        expected = Webhook(receivers_secret).sign(message_id, shop.clock.now, body)
        assert (expected in post.headers["webhook-signature"].split(" ")) == is_taken


@pytest.mark.parametrize("statuses", [(200,), (500,), (410,)])
@pytest.mark.parametrize("conflicts", [1, 3])
def test_a_transaction_that_is_merely_in_the_way_leaves_no_attempt_unrecorded(
    shop: Shop, hook: Endpoint, statuses: tuple[int, ...], conflicts: int
) -> None:
    interrupt(shop.world, "save_delivery", *[Moved()] * conflicts)
    made = shop.attempt(a_message(EVENT, hook), FakeSender(*statuses))
    assert shop.world.get_delivery(EVENT.id, hook.id) == made


def test_a_delivery_whose_last_attempt_met_a_conflict_is_dead_and_says_so(shop: Shop, hook: Endpoint) -> None:
    last = len(RETRY_DELAYS) + 1
    shop.world.save_delivery(replace(a_delivery(EVENT, hook, *[500] * (last - 1)), version=1))
    interrupt(shop.world, "save_delivery", Moved())
    shop.attempt(a_message(EVENT, hook, attempt=last), FakeSender(500))
    delivery = shop.world.get_delivery(EVENT.id, hook.id)
    assert delivery is not None
    assert (delivery.status, delivery.attempt) == ("dead", last)
    assert [event.type for event in shop.world.events.values() if event.not_to] == ["delivery.dead"]


def test_an_attempt_whose_recording_was_answered_by_nobody_is_recorded_once(
    shop: Shop, hook: Endpoint
) -> None:
    """The write is made, its answer is lost, and botocore makes it again, in vain."""
    interrupt(shop.world, "save_delivery", Moved(), after=True)
    shop.attempt(a_message(EVENT, hook), FakeSender(200))
    delivery = shop.world.get_delivery(EVENT.id, hook.id)
    assert delivery is not None
    assert (delivery.version, len(delivery.attempts)) == (1, 1)
