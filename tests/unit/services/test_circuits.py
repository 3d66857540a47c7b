from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from chalicelib.adapters.cached_endpoints import CachedEndpoints
from chalicelib.domain.endpoints import Endpoint, paused
from chalicelib.domain.errands import Message
from chalicelib.domain.health import DISABLED_AFTER, FAILURES_TO_OPEN, PROBE_DELAYS, Health
from chalicelib.domain.retries import RETRY_DELAYS
from chalicelib.services.commands import resume
from tests.fakes import NOW, FakeSender, World, interrupt
from tests.making import a_message, an_endpoint, an_event
from tests.unit.services.shop import Shop


@pytest.fixture
def hook(shop: Shop) -> Endpoint:
    return shop.hook(an_endpoint())


def happen(shop: Shop, count: int, *, begin: int = 0) -> list[str]:
    """So many events, a second apart, each of which was relayed; their ids."""
    events = []
    for number in range(begin, begin + count):
        shop.clock.advance(timedelta(seconds=1))
        events.append(shop.happened(an_event(number, now=shop.clock.now)))
    shop.relay(*events)
    return [event.id for event in events]


def fail(shop: Shop, hook: Endpoint, count: int, *, begin: int = 1000) -> None:
    """So many deliveries fail at first."""
    for number in range(begin, begin + count):
        event = shop.happened(an_event(number, now=shop.clock.now))
        shop.attempt(a_message(event, hook), FakeSender(500))


def stored(shop: Shop, hook: Endpoint) -> Endpoint:
    endpoint = shop.world.get_endpoint(hook.id)
    assert endpoint is not None
    return endpoint


def statuses(shop: Shop, hook: Endpoint) -> set[str]:
    return {delivery.status for key, delivery in shop.world.deliveries.items() if key[1] == hook.id}


def test_a_few_failures_open_no_circuit(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN - 1)
    assert stored(shop, hook).status == "enabled"


def test_repeated_failures_open_the_circuit(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    assert stored(shop, hook).status == "failing"


def test_a_success_between_begins_the_count_anew(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN - 1)
    shop.attempt(a_message(shop.happened(an_event()), hook), FakeSender(200))
    fail(shop, hook, FAILURES_TO_OPEN - 1, begin=2000)
    assert stored(shop, hook).status == "enabled"


def test_one_delivery_that_fails_alone_goes_by_its_schedule(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(500)
    happen(shop, 1)
    shop.run(sender)
    assert len(sender.requests) == len(RETRY_DELAYS) + 1
    assert statuses(shop, hook) == {"dead"}


def test_while_the_circuit_is_open_nothing_is_attempted_but_probes(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(None)
    fail(shop, hook, FAILURES_TO_OPEN)
    happen(shop, 100)
    shop.run(sender, within=timedelta(minutes=4))
    assert len(sender.requests) == 3, "after half a minute, one more, and two more"
    assert statuses(shop, hook) == {"held"}


def test_when_a_probe_arrives_everything_held_follows_oldest_first(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    event_ids = happen(shop, 120)
    sender = FakeSender(500, 200)
    shop.run(sender)
    assert statuses(shop, hook) == {"delivered"}
    assert stored(shop, hook).status == "enabled"
    arrived = [request.headers["webhook-id"] for request in sender.requests[1:]]
    assert [event_id for event_id in arrived if event_id in event_ids] == event_ids
    assert not shop.world.line


def test_what_was_held_goes_out_at_a_bounded_rate(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    happen(shop, 200)
    times: list[float] = []
    sender = FakeSender(200)
    interrupt(sender, "send", *[lambda: times.append(shop.clock.now.timestamp())] * 300)
    shop.run(sender)
    assert len(times) >= 200
    assert max(sum(1 for other in times if time <= other < time + 2) for time in times) <= 60


def test_a_probe_waits_as_long_as_the_receiver_asks(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    happen(shop, 1)
    sender = FakeSender(503)
    sender.retry_after = "600"
    shop.run(sender, within=PROBE_DELAYS[0] + timedelta(minutes=9))
    assert len(sender.requests) == 1


def test_probes_wear_no_delivery_out(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    happen(shop, 1)
    shop.run(FakeSender(500), within=timedelta(days=2))
    delivery = max(shop.world.deliveries.values(), key=lambda delivery: delivery.tries)
    assert delivery.status == "held"
    assert delivery.tries > 2 * len(RETRY_DELAYS)
    assert len(delivery.attempts) == 20, "the latest ones are kept"
    assert delivery.attempts[-1].number == delivery.tries


def test_one_delivery_that_is_always_refused_blocks_nobody(shop: Shop, hook: Endpoint) -> None:
    """After an outage the oldest one is refused for its own sake; the receiver is well."""
    fail(shop, hook, FAILURES_TO_OPEN)
    shop.queue.waiting.clear()
    refused, *others = happen(shop, 6)
    sender = FakeSender(200)
    sender.refuse = frozenset({refused})
    shop.run(sender, within=timedelta(hours=1))
    assert stored(shop, hook).status == "enabled"
    arrived = {key[0] for key, delivery in shop.world.deliveries.items() if delivery.status == "delivered"}
    assert arrived == set(others)


def test_what_can_not_be_made_into_a_request_says_nothing_of_the_receiver(shop: Shop) -> None:
    hook = shop.hook(replace(an_endpoint(), payload="to_number(data.note)", content_type="form"))
    fail(shop, hook, FAILURES_TO_OPEN + 1)
    assert stored(shop, hook).status == "enabled"
    assert shop.world.get_health(hook.id).failing_since is None


def test_what_can_not_be_made_into_a_request_is_given_up_even_behind_an_open_circuit(shop: Shop) -> None:
    hook = shop.hook(an_endpoint())
    fail(shop, hook, FAILURES_TO_OPEN)
    shop.queue.waiting.clear()
    (event_id,) = happen(shop, 1)
    shop.run(FakeSender(500), within=timedelta(seconds=5))
    broken = replace(stored(shop, hook), version=stored(shop, hook).version + 1, content_type="form")
    shop.world.replace_endpoint(broken)
    sender = FakeSender(200)
    shop.run(sender, within=timedelta(days=1))
    delivery = shop.world.get_delivery(event_id, hook.id)
    assert delivery is not None
    assert delivery.status == "dead"
    assert not sender.requests
    assert [event.type for event in shop.world.events.values() if event.not_to] == ["delivery.dead"]
    assert stored(shop, hook).status == "enabled", "nobody waits any more"


def resent(shop: Shop, event_id: str, hook: Endpoint) -> Message:
    event = shop.world.events[event_id]
    return Message(
        event_id=event.id,
        event_type=event.type,
        order_id=event.order_id,
        endpoint_id=hook.id,
        generation=1,
        again=True,
        insist=True,
    )


def retry_of(shop: Shop, event_id: str) -> Message:
    (found,) = [
        errand
        for errand, _ in shop.queue.waiting
        if isinstance(errand, Message) and errand.event_id == event_id
    ]
    shop.queue.waiting = [(errand, delay) for errand, delay in shop.queue.waiting if errand is not found]
    return found


@pytest.mark.parametrize("effect", ["leave_line", "save_delivery"])
def test_a_delivery_that_came_back_to_the_line_while_it_was_probed_is_not_forgotten(
    shop: Shop, hook: Endpoint, effect: str
) -> None:
    """Its owner sends it again meanwhile, that fails too, and its retry is held anew."""
    fail(shop, hook, FAILURES_TO_OPEN)
    shop.queue.waiting.clear()
    (event_id,) = happen(shop, 1)
    shop.run(FakeSender(500), within=timedelta(seconds=5))

    def come_back() -> None:
        shop.attempt(resent(shop, event_id, hook), FakeSender(500))
        shop.attempt(retry_of(shop, event_id), FakeSender(500))

    if effect == "leave_line":
        shop.attempt(resent(shop, event_id, hook), FakeSender(500))
        retry = retry_of(shop, event_id)
        interrupt(shop.world, "leave_line", lambda: shop.attempt(retry, FakeSender(500)))
        sender = FakeSender(200)
    else:
        sender = FakeSender(200)
        interrupt(sender, "send", come_back)
    shop.run(sender)
    delivery = shop.world.get_delivery(event_id, hook.id)
    assert delivery is not None
    assert delivery.status == "delivered"
    assert not shop.world.line


def test_a_release_by_a_clock_that_is_behind_drops_nothing(shop: Shop, hook: Endpoint) -> None:
    shop.world.replace_endpoint(paused(hook, now=NOW))
    event = shop.happened(an_event())
    ahead = int((NOW + timedelta(hours=1)).timestamp() * 1000)
    shop.attempt(replace(a_message(event, hook), generation=ahead), FakeSender(200))
    resume(hook.id, endpoints=shop.world, now=NOW)
    sender = FakeSender(200)
    shop.run(sender)
    assert len(sender.requests) == 1
    assert statuses(shop, hook) == {"delivered"}


def test_a_circuit_that_nobody_waits_behind_closes_by_itself(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    sender = FakeSender(500)
    shop.queue.waiting.clear()
    shop.run(sender, within=timedelta(minutes=1))
    assert stored(shop, hook).status == "enabled"
    assert not sender.requests
    fail(shop, hook, 1, begin=2000)
    assert stored(shop, hook).status == "failing", "the next delivery was the probe"


def test_a_resend_that_arrives_closes_the_circuit(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN)
    event = shop.happened(an_event())
    message = Message(
        event_id=event.id,
        event_type=event.type,
        order_id=event.order_id,
        endpoint_id=hook.id,
        generation=1,
        insist=True,
    )
    shop.attempt(message, FakeSender(200))
    assert stored(shop, hook).status == "enabled"


def test_only_one_of_many_failures_at_once_opens_the_circuit(shop: Shop, hook: Endpoint) -> None:
    fail(shop, hook, FAILURES_TO_OPEN - 1)
    event = shop.happened(an_event())
    interrupt(shop.world, "replace_endpoint", lambda: fail(shop, hook, 1, begin=2000))
    shop.attempt(a_message(event, hook), FakeSender(500))
    assert stored(shop, hook).epoch == 1
    assert [job.kind for job in shop.world.jobs.values()] == ["probe"]


class TestDisabling:
    def test_an_endpoint_that_failed_for_days_is_disabled_and_the_others_are_told(
        self, shop: Shop, hook: Endpoint
    ) -> None:
        other = shop.hook(an_endpoint("other", events=("endpoint.disabled",)))
        fail(shop, hook, FAILURES_TO_OPEN)
        happen(shop, 1)
        shop.run(FakeSender(500), within=DISABLED_AFTER + timedelta(hours=1))
        endpoint = stored(shop, hook)
        assert (endpoint.status, endpoint.disabled_because) == ("disabled", "It has failed for 5 days.")
        (event,) = [event for event in shop.world.events.values() if event.type == "endpoint.disabled"]
        assert event.not_to == hook.id
        shop.relay(event)
        assert shop.world.get_fan_outs([event.id]) == {event.id: [other.id]}

    def test_one_that_fails_rarely_but_always_is_disabled_too(self, shop: Shop, hook: Endpoint) -> None:
        for number in range(4):
            assert stored(shop, hook).status == "enabled"
            fail(shop, hook, 1, begin=2000 + number)
            shop.clock.advance(DISABLED_AFTER / 3)
        assert stored(shop, hook).status == "disabled"

    def test_one_that_nobody_needed_for_long_begins_anew(self, shop: Shop, hook: Endpoint) -> None:
        fail(shop, hook, 1)
        shop.clock.advance(DISABLED_AFTER)
        fail(shop, hook, 1, begin=2000)
        assert stored(shop, hook).status == "enabled"

    def test_one_that_succeeds_now_and_then_is_not(self, shop: Shop, hook: Endpoint) -> None:
        fail(shop, hook, 1)
        shop.clock.advance(timedelta(days=3))
        shop.attempt(a_message(shop.happened(an_event()), hook), FakeSender(200))
        shop.clock.advance(timedelta(days=3))
        fail(shop, hook, 1, begin=2000)
        assert stored(shop, hook).status == "enabled"

    def test_what_happens_meanwhile_is_held_and_delivered_on_resuming(
        self, shop: Shop, hook: Endpoint
    ) -> None:
        shop.attempt(a_message(shop.happened(an_event("first")), hook), FakeSender(410))
        event_ids = happen(shop, 3)
        sender = FakeSender(200)
        shop.run(sender)
        assert not sender.requests
        resume(hook.id, endpoints=shop.world, now=shop.clock.now)
        shop.run(sender)
        assert [request.headers["webhook-id"] for request in sender.requests] == event_ids

    def test_a_probe_that_is_told_gone_disables(self, shop: Shop, hook: Endpoint) -> None:
        fail(shop, hook, FAILURES_TO_OPEN)
        happen(shop, 1)
        shop.run(FakeSender(410), within=timedelta(minutes=2))
        assert stored(shop, hook).disabled_because == "It answered 410 Gone."


class TestHolding:
    def test_a_paused_endpoint_gets_nothing(self, shop: Shop, hook: Endpoint) -> None:
        shop.world.replace_endpoint(paused(hook, now=NOW))
        happen(shop, 3)
        sender = FakeSender(200)
        shop.run(sender)
        assert (sender.requests, statuses(shop, hook)) == ([], {"held"})

    def test_a_retry_that_comes_while_the_endpoint_is_paused_is_held(
        self, shop: Shop, hook: Endpoint
    ) -> None:
        event = shop.happened(an_event())
        shop.attempt(a_message(event, hook), FakeSender(500))
        shop.world.replace_endpoint(paused(hook, now=NOW))
        sender = FakeSender(200)
        shop.run(sender)
        assert not sender.requests
        resume(hook.id, endpoints=shop.world, now=shop.clock.now)
        shop.run(sender)
        delivery = shop.world.get_delivery(event.id, hook.id)
        assert delivery is not None
        assert [attempt.status for attempt in delivery.attempts] == [500, 200]

    def test_nothing_is_parked_behind_a_release_that_has_passed(self, shop: Shop, hook: Endpoint) -> None:
        """The endpoint is resumed between the worker's look at it and its holding of the delivery."""
        shop.world.replace_endpoint(paused(hook, now=NOW))
        event = shop.happened(an_event())

        def resumed_meanwhile() -> None:
            resume(hook.id, endpoints=shop.world, now=NOW)
            shop.run(FakeSender(500))

        interrupt(shop.world, "hold_delivery", resumed_meanwhile)
        sender = FakeSender(200)
        shop.attempt(a_message(event, hook), sender)
        assert len(sender.requests) == 1
        assert not shop.world.line

    def test_a_copy_of_a_message_that_was_held_changes_nothing(self, shop: Shop, hook: Endpoint) -> None:
        shop.world.replace_endpoint(paused(hook, now=NOW))
        message = a_message(shop.happened(an_event()), hook)
        shop.attempt(message, FakeSender(200))
        assert shop.attempt(message, FakeSender(200)) is None
        assert len(shop.world.line) == 1

    @pytest.mark.parametrize("effect", ["send", "leave_line", "save_job", "send_later"])
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_no_crash_in_a_release_loses_or_doubles_anything(
        self,
        effect: str,
        after: bool,  # noqa: FBT001 (a case)
    ) -> None:
        for at_call in range(4):
            shop = Shop()
            hook = shop.hook(an_endpoint())
            shop.world.replace_endpoint(paused(hook, now=NOW))
            event_ids = happen(shop, 120)
            sender = FakeSender(200)
            shop.run(sender)
            resume(hook.id, endpoints=shop.world, now=shop.clock.now)
            target = shop.queue if effect in {"send", "send_later"} else shop.world
            interrupt(target, effect, *[None] * at_call, OSError("crash"), after=after)
            shop.run_with_stream_retries(sender)
            arrived = [request.headers["webhook-id"] for request in sender.requests]
            assert sorted(arrived) == sorted(event_ids)
            assert not shop.world.line

    @pytest.mark.parametrize(
        "effect", ["save_delivery", "leave_line", "replace_endpoint", "save_job", "put_health"]
    )
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_no_crash_of_a_probe_leaves_a_circuit_open_for_ever(
        self,
        effect: str,
        after: bool,  # noqa: FBT001 (a case)
    ) -> None:
        for at_call in range(3):
            shop = Shop()
            hook = shop.hook(an_endpoint())
            fail(shop, hook, FAILURES_TO_OPEN)
            happen(shop, 3)
            interrupt(shop.world, effect, *[None] * at_call, OSError("crash"), after=after)
            sender = FakeSender(500, 200)
            shop.run_with_stream_retries(sender)
            assert stored(shop, hook).status == "enabled"
            assert statuses(shop, hook) == {"delivered"}
            assert not shop.world.line


def test_an_endpoint_in_no_hurry_is_not_served_by_the_express_queue(shop: Shop, hook: Endpoint) -> None:
    message = a_message(shop.happened(an_event()), hook)
    sender = FakeSender(200)
    assert shop.attempt(message, sender, express=True) is None
    assert not sender.requests
    assert shop.queue.waiting == [(message, timedelta())]
    assert not shop.queue.express


def test_who_answers_promptly_is_served_by_the_express_queue(shop: Shop, hook: Endpoint) -> None:
    shop.attempt(a_message(shop.happened(an_event()), hook), FakeSender(200))
    happen(shop, 1)
    assert len(shop.queue.express) == 1


def test_who_was_just_found_prompt_is_served_by_every_worker(shop: Shop, hook: Endpoint) -> None:
    """What this worker knows is some seconds old; the relay knew better."""
    memory = CachedEndpoints(shop.world, monotonic=lambda: 0.0)
    assert not memory.get_health(hook.id).prompt
    memory.get_endpoint(hook.id)
    shop.world.put_health(hook.id, Health(prompt=True))
    sender = FakeSender(200)
    for number in range(2):
        message = a_message(shop.happened(an_event(number)), hook)
        shop.attempt(message, sender, express=True, endpoints=memory)
        interrupt(shop.world, "get_health", AssertionError("a second read that costs"))
    assert len(sender.requests) == 2


def test_who_was_slow_once_is_not_until_it_is_prompt_again(shop: Shop, hook: Endpoint) -> None:
    sender = FakeSender(200)
    for duration_ms, is_prompt in ((900, True), (1500, True), (2500, False), (1500, False), (1000, True)):
        sender.duration_ms = duration_ms
        shop.attempt(
            a_message(shop.happened(an_event(duration_ms)), hook, attempt=1), sender, seen_before=False
        )
        assert shop.world.get_health(hook.id).prompt is is_prompt, duration_ms
        shop.world.deliveries.clear()


@pytest.mark.parametrize(("status", "duration_ms"), [(500, 10), (None, 1500)])
def test_trust_is_not_given_for_a_failure(
    shop: Shop, hook: Endpoint, status: int | None, duration_ms: int
) -> None:
    sender = FakeSender(status)
    sender.duration_ms = duration_ms
    shop.attempt(a_message(shop.happened(an_event()), hook), sender)
    assert not shop.world.get_health(hook.id).prompt


def test_success_on_success_writes_nothing_about_health(shop: Shop, hook: Endpoint) -> None:
    shop.attempt(a_message(shop.happened(an_event(1)), hook), FakeSender(200))
    interrupt(shop.world, "put_health", AssertionError("a write that costs"))
    shop.attempt(a_message(shop.happened(an_event(2)), hook), FakeSender(200))


class TestRateLimit:
    @pytest.fixture
    def limited(self, shop: Shop) -> Endpoint:
        return shop.hook(replace(an_endpoint("limited"), rate_limit=5))

    def test_deliveries_are_evenly_spaced(self, shop: Shop, limited: Endpoint) -> None:
        happen(shop, 40)
        times: list[float] = []
        sender = FakeSender(200)
        interrupt(sender, "send", *[lambda: times.append(shop.clock.now.timestamp())] * 40)
        shop.run(sender)
        assert len(times) == 40
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= 0.199

    def test_a_limited_endpoint_never_uses_the_express_queue(self, shop: Shop, limited: Endpoint) -> None:
        shop.attempt(a_message(shop.happened(an_event()), limited), FakeSender(200))
        happen(shop, 1)
        assert not shop.queue.express

    def test_who_comes_late_has_lost_nothing(self, shop: Shop, limited: Endpoint) -> None:
        """Slow receivers in the same batches: the queue is late by half a minute, again and again."""
        happen(shop, 300)
        sender = FakeSender(200)
        while shop.queue.waiting:
            batch = [shop.queue.take()[0] for _ in range(min(10, len(shop.queue.waiting)))]
            together = shop.clock.now
            for errand in batch:
                shop.clock.now = together
                shop.do(errand, sender)
            shop.clock.now = together + timedelta(seconds=30)
            shop.queue.pass_time(timedelta(seconds=30))
        assert len(sender.requests) == 300
        assert shop.clock.now - NOW <= timedelta(seconds=300 + 30 * 31), "ten in each round, and none in vain"

    def test_a_ticket_is_taken_once(self, shop: Shop, limited: Endpoint) -> None:
        message = a_message(shop.happened(an_event()), limited)
        shop.slots.next_at[limited.id] = NOW + timedelta(minutes=5)
        shop.attempt(message, FakeSender(200))
        ((put_back, _),) = shop.queue.waiting
        assert put_back == replace(message, waited=True, has_ticket=True)
        tickets = dict(shop.slots.next_at)
        shop.do(put_back, FakeSender(200))
        assert shop.slots.next_at == tickets
        assert shop.queue.waiting[1:] == [(put_back, timedelta(seconds=10))]

    def test_when_all_tickets_are_taken_it_comes_back_later(self, shop: Shop, limited: Endpoint) -> None:
        shop.slots.full = True
        message = a_message(shop.happened(an_event()), limited)
        assert shop.attempt(message, FakeSender(200)) is None
        assert shop.queue.waiting == [(replace(message, waited=True), timedelta(minutes=10))]

    def test_what_was_put_back_and_overtaken_by_a_replay_is_not_sent_again(
        self, shop: Shop, limited: Endpoint
    ) -> None:
        event = shop.happened(an_event())
        shop.slots.full = True
        shop.attempt(a_message(event, limited), FakeSender(200))
        shop.slots.full = False
        sender = FakeSender(200)
        shop.attempt(replace(a_message(event, limited), generation=1), sender)
        shop.run(sender)
        assert len(sender.requests) == 1


def test_what_was_given_out_before_is_not_sent_again_by_the_other_queue(shop: Shop, hook: Endpoint) -> None:
    """It arrived, slowly; then the worker was cut off, and the endpoint is prompt no longer."""
    message = a_message(shop.happened(an_event()), hook)
    sender = FakeSender(200)
    sender.duration_ms = 2500
    shop.attempt(message, sender)
    assert shop.attempt(message, sender, express=True, seen_before=True) is None
    shop.run(sender)
    assert len(sender.requests) == 1


def test_a_stale_cache_delays_a_pause_but_loses_nothing(shop: Shop, hook: Endpoint) -> None:
    """What the worker knows of endpoints is some seconds old."""
    stale = World()
    stale.create_endpoint(hook)
    shop.world.replace_endpoint(paused(hook, now=NOW))
    delivery = shop.attempt(a_message(shop.happened(an_event()), hook), FakeSender(200), endpoints=stale)
    assert delivery is not None
    assert delivery.status == "delivered"
