from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain.endpoints import Endpoint, disabled
from chalicelib.domain.errands import JobPage
from chalicelib.domain.errors import (
    DeliveryNotFound,
    EndpointIsDisabled,
    EndpointNotFound,
    EventNotFound,
    InvalidRequest,
    JobNotFound,
    KeyReused,
)
from chalicelib.domain.events import Event
from chalicelib.domain.jobs import Job, ReplayMode
from chalicelib.ports import Moved
from chalicelib.services import commands
from tests.fakes import NOW, FakeSender, interrupt
from tests.making import a_message, an_endpoint, an_event, an_id
from tests.unit.services.shop import Shop

HOUR = timedelta(hours=1)


@pytest.fixture
def hook(shop: Shop) -> Endpoint:
    return shop.hook(an_endpoint())


def happen(shop: Shop, count: int) -> list[Event]:
    """So many events, a minute apart, none of which was relayed."""
    events = []
    for number in range(count):
        events.append(shop.happened(an_event(number, now=shop.clock.now)))
        shop.clock.advance(timedelta(minutes=1))
    return events


def replay(
    shop: Shop,
    endpoint_id: str,
    *,
    since: datetime = NOW,
    until: datetime | None = None,
    mode: ReplayMode = "missing",
    dry_run: bool = False,
    key: str = "k",
) -> Job:
    return commands.replay(
        endpoint_id,
        since=since,
        until=until,
        mode=mode,
        dry_run=dry_run,
        key=key,
        endpoints=shop.world,
        jobs=shop.world,
        now=shop.clock.now,
    )


def resend(shop: Shop, delivery: str, *, key: str = "k") -> Job:
    return commands.resend(
        delivery,
        key=key,
        endpoints=shop.world,
        events=shop.world,
        jobs=shop.world,
        now=shop.clock.now,
    )


def send_test(
    shop: Shop, endpoint_id: str, event_type: str = "test.ping", *, key: str = "k"
) -> commands.Test:
    return commands.send_test(
        endpoint_id, event_type, key=key, endpoints=shop.world, events=shop.world, now=shop.clock.now
    )


def sent(sender: FakeSender) -> list[str]:
    return [request.headers["webhook-id"] for request in sender.requests]


class TestReplaying:
    def test_what_is_missing_is_sent_oldest_first(self, shop: Shop, hook: Endpoint) -> None:
        events = happen(shop, 5)
        shop.attempt(a_message(events[1], hook), FakeSender(200))
        job = replay(shop, hook.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [events[n].id for n in (0, 2, 3, 4)]
        done = commands.read_job(job.id, jobs=shop.world)
        assert (done.status, done.examined, done.sent, done.note) == ("done", 5, 4, "")

    def test_all_is_sent_even_what_arrived(self, shop: Shop, hook: Endpoint) -> None:
        events = happen(shop, 3)
        shop.attempt(a_message(events[1], hook), FakeSender(200))
        replay(shop, hook.id, mode="all")
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [event.id for event in events]

    def test_only_what_lies_in_the_range(self, shop: Shop, hook: Endpoint) -> None:
        events = happen(shop, 5)
        replay(shop, hook.id, since=events[1].created_at, until=events[3].created_at)
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [events[1].id, events[2].id]

    def test_only_what_the_endpoint_wants(self, shop: Shop) -> None:
        hook = shop.hook(replace(an_endpoint(events=("order.*",)), filter="data.note == 'yes'"))
        shop.happened(an_event("no"))
        shop.happened(an_event("other", event_type="stock.low", data="yes"))
        wanted = shop.happened(an_event("yes", data="yes"))
        shop.clock.advance(HOUR)
        replay(shop, hook.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [wanted.id]

    def test_a_dry_run_counts_and_sends_nothing(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 120)
        job = replay(shop, hook.id, dry_run=True)
        sender = FakeSender(200)
        shop.run(sender)
        assert not sender.requests
        done = commands.read_job(job.id, jobs=shop.world)
        assert (done.status, done.examined, done.sent) == ("done", 120, 120)

    def test_a_long_range_goes_page_by_page_and_shows_how_far_it_is(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 120)
        job = replay(shop, hook.id)
        seen: list[tuple[str, int]] = []

        def look() -> None:
            now = commands.read_job(job.id, jobs=shop.world)
            seen.append((now.status, now.sent))

        interrupt(shop.world, "save_job", *[look] * 10, after=True)
        shop.run(FakeSender(200))
        assert [sent for _, sent in seen] == [50, 100, 120]
        assert seen[-1][0] == "done"

    @pytest.mark.parametrize("effect", ["send", "save_job", "send_later"])
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("mode", ["missing", "all"])
    def test_no_crash_loses_or_doubles_anything(
        self,
        effect: str,
        after: bool,  # noqa: FBT001 (a case)
        mode: ReplayMode,
    ) -> None:
        for at_call in range(4):
            shop = Shop()
            hook = shop.hook(an_endpoint())
            events = happen(shop, 120)
            replay(shop, hook.id, mode=mode)
            target = shop.world if effect == "save_job" else shop.queue
            interrupt(target, effect, *[None] * at_call, OSError("crash"), after=after)
            sender = FakeSender(200)
            shop.run_with_stream_retries(sender)
            assert sorted(sent(sender)) == sorted(event.id for event in events)
            assert {job.status for job in shop.world.jobs.values()} == {"done"}

    def test_a_page_whose_saving_was_answered_by_nobody_is_followed_by_the_next(
        self, shop: Shop, hook: Endpoint
    ) -> None:
        """The write is made, its answer is lost, and botocore makes it again, in vain."""
        happen(shop, 120)
        replay(shop, hook.id)
        interrupt(shop.world, "save_job", Moved(), Moved(), Moved(), after=True)
        sender = FakeSender(200)
        shop.run(sender)
        assert len(sender.requests) == 120
        assert {job.status for job in shop.world.jobs.values()} == {"done"}

    def test_a_copy_of_a_page_that_was_slower_asks_for_nothing(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 120)
        job = replay(shop, hook.id)
        page = JobPage(job_id=job.id, endpoint_id=hook.id, page=1)

        def be_faster() -> None:
            shop.clock.advance(timedelta(microseconds=1))
            shop.do(page, FakeSender(200))

        interrupt(shop.world, "save_job", be_faster)
        shop.do(page, FakeSender(200))
        pages = [errand for errand, _ in shop.queue.waiting if isinstance(errand, JobPage)]
        assert [page.page for page in pages] == [2]

    def test_a_page_from_the_dead_queue_takes_the_job_up_where_it_stopped(
        self, shop: Shop, hook: Endpoint
    ) -> None:
        happen(shop, 120)
        job = replay(shop, hook.id)
        page = JobPage(job_id=job.id, endpoint_id=hook.id, page=1)
        interrupt(shop.queue, "send_later", OSError("crash"))
        with pytest.raises(OSError, match="crash"):
            shop.do(page, FakeSender(200))
        shop.started.add(job.id)
        shop.clock.advance(HOUR)
        shop.do(page, FakeSender(200))
        sender = FakeSender(200)
        shop.run(sender)
        assert len(set(sent(sender))) == 120

    def test_the_same_request_again_is_the_same_job(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 3)
        first = replay(shop, hook.id, mode="all")
        shop.clock.advance(HOUR)
        assert replay(shop, hook.id, mode="all") == first
        sender = FakeSender(200)
        shop.run(sender)
        assert len(sender.requests) == 3

    def test_a_key_is_not_for_another_request(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 1)
        replay(shop, hook.id)
        with pytest.raises(KeyReused):
            replay(shop, hook.id, mode="all")

    def test_a_range_ends_after_it_begins_and_begins_in_the_past(self, shop: Shop, hook: Endpoint) -> None:
        with pytest.raises(InvalidRequest):
            replay(shop, hook.id, since=NOW + HOUR)
        with pytest.raises(InvalidRequest):
            replay(shop, hook.id, since=NOW - HOUR, until=NOW - HOUR)

    def test_a_range_without_end_ends_now(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 3)
        asked: list[datetime] = []
        list_events = shop.world.list_events

        def listen(**range_: Any) -> object:  # noqa: ANN401 (whatever is asked)
            asked.append(range_["until"])
            return list_events(**range_)

        shop.world.list_events = listen  # type: ignore[assignment,method-assign]
        job = replay(shop, hook.id, until=datetime(9999, 12, 31, tzinfo=UTC))
        shop.run(FakeSender(200))
        assert asked == [job.created_at]

    @pytest.mark.parametrize(
        ("since", "until"),
        [
            (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=12))), None),
            (NOW - HOUR, datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))),
        ],
    )
    def test_a_time_that_there_is_not_in_utc_is_refused(
        self, shop: Shop, hook: Endpoint, since: datetime, until: datetime | None
    ) -> None:
        with pytest.raises(InvalidRequest):
            replay(shop, hook.id, since=since, until=until)
        assert not shop.world.jobs

    def test_a_disabled_endpoint_gets_no_replay(self, shop: Shop, hook: Endpoint) -> None:
        shop.world.replace_endpoint(disabled(hook, "It failed.", now=NOW))
        with pytest.raises(EndpointIsDisabled):
            replay(shop, hook.id, since=NOW - HOUR)

    def test_an_endpoint_that_is_deleted_meanwhile_ends_the_job(self, shop: Shop, hook: Endpoint) -> None:
        happen(shop, 3)
        job = replay(shop, hook.id)
        shop.world.delete_endpoint(hook.id)
        shop.run(FakeSender(200))
        assert commands.read_job(job.id, jobs=shop.world).note == "The endpoint was deleted."

    def test_what_is_replayed_to_a_paused_endpoint_is_held_until_it_is_resumed(
        self, shop: Shop, hook: Endpoint
    ) -> None:
        events = happen(shop, 3)
        commands.pause(hook.id, endpoints=shop.world, now=shop.clock.now)
        replay(shop, hook.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert not sender.requests
        commands.resume(hook.id, endpoints=shop.world, now=shop.clock.now)
        shop.run(sender)
        assert sorted(sent(sender)) == sorted(event.id for event in events)

    def test_a_retry_from_before_the_replay_is_stale(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        shop.attempt(a_message(event, hook), FakeSender(500))
        replay(shop, hook.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert len(sender.requests) == 1


class TestResending:
    def test_a_delivery_is_sent_again_even_if_it_arrived(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        delivery = shop.attempt(a_message(event, hook), FakeSender(200))
        assert delivery is not None
        job = resend(shop, delivery.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [event.id]
        done = commands.read_job(job.id, jobs=shop.world)
        assert (done.status, done.sent) == ("done", 1)
        again = shop.world.get_delivery(event.id, hook.id)
        assert again is not None
        assert [attempt.number for attempt in again.attempts] == [1, 2]

    def test_one_that_fails_again_begins_its_schedule_anew(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        delivery = shop.attempt(a_message(event, hook), FakeSender(410))
        assert delivery is not None
        shop.world.replace_endpoint(replace(hook, version=3, epoch=2))
        resend(shop, delivery.id)
        sender = FakeSender(500, 500, 200)
        shop.run(sender)
        again = shop.world.get_delivery(event.id, hook.id)
        assert again is not None
        assert (again.status, again.attempt, again.tries) == ("delivered", 3, 4)

    def test_it_goes_even_to_a_paused_endpoint(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        shop.relay(event)
        commands.pause(hook.id, endpoints=shop.world, now=shop.clock.now)
        shop.run(FakeSender(200))
        held = shop.world.get_delivery(event.id, hook.id)
        assert held is not None
        assert held.status == "held"
        resend(shop, held.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [event.id]
        commands.resume(hook.id, endpoints=shop.world, now=shop.clock.now)
        shop.run(sender)
        assert sent(sender) == [event.id], "it was held no longer"

    def test_one_key_sends_once(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        delivery = shop.attempt(a_message(event, hook), FakeSender(200))
        assert delivery is not None
        assert resend(shop, delivery.id) == resend(shop, delivery.id)
        sender = FakeSender(200)
        shop.run(sender)
        assert len(sender.requests) == 1
        resend(shop, delivery.id, key="another")
        shop.run(sender)
        assert len(sender.requests) == 2

    def test_what_is_not_there_can_not_be_sent_again(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        body, gone = event.id.removeprefix("evt_"), "a" * 26
        with pytest.raises(DeliveryNotFound):
            resend(shop, "dlv_nonsense")
        with pytest.raises(EndpointNotFound):
            resend(shop, f"dlv_{body}_{gone}")
        with pytest.raises(EventNotFound):
            resend(shop, f"dlv_{gone}_{hook.id.removeprefix('ep_')}")


class TestTesting:
    def test_an_example_is_sent_once_to_this_endpoint_alone(self, shop: Shop, hook: Endpoint) -> None:
        shop.hook(an_endpoint("other"))
        test = send_test(shop, hook.id, "order.paid")
        shop.relay(shop.world.events[test.event_id])
        sender = FakeSender(500)
        shop.run(sender)
        (request,) = sender.requests
        body = msgspec.json.decode(request.body)
        assert (body["type"], body["test"], request.headers["webhook-id"]) == (
            "order.paid",
            True,
            test.event_id,
        )
        delivery = shop.world.get_delivery(test.event_id, hook.id)
        assert delivery is not None
        assert (delivery.id, delivery.status) == (test.delivery_id, "dead")
        assert shop.world.events.keys() == {test.event_id}, "a test's failure is no news"
        assert shop.world.get_health(hook.id).failures == 0

    def test_it_is_sent_whatever_the_subscription_and_even_to_a_paused_endpoint(self, shop: Shop) -> None:
        hook = shop.hook(an_endpoint(events=("order.paid",)))
        commands.pause(hook.id, endpoints=shop.world, now=NOW)
        test = send_test(shop, hook.id)
        shop.relay(shop.world.events[test.event_id])
        sender = FakeSender(200)
        shop.run(sender)
        assert sent(sender) == [test.event_id]

    def test_one_key_is_one_test(self, shop: Shop, hook: Endpoint) -> None:
        assert send_test(shop, hook.id) == send_test(shop, hook.id)
        assert send_test(shop, hook.id) != send_test(shop, hook.id, key="another")
        assert len(shop.world.events) == 2

    def test_there_must_be_such_a_type_and_endpoint(self, shop: Shop, hook: Endpoint) -> None:
        with pytest.raises(InvalidRequest):
            send_test(shop, hook.id, "order.imagined")
        with pytest.raises(EndpointNotFound):
            send_test(shop, an_id("ep", "missing"))

    def test_a_test_that_is_sent_again_stays_a_test(self, shop: Shop, hook: Endpoint) -> None:
        test = send_test(shop, hook.id)
        shop.relay(shop.world.events[test.event_id])
        sender = FakeSender(500)
        shop.run(sender)
        resend(shop, test.delivery_id)
        shop.run(sender)
        assert len(sender.requests) == 2
        assert shop.world.events.keys() == {test.event_id}

    def test_a_test_is_not_replayed(self, shop: Shop, hook: Endpoint) -> None:
        send_test(shop, hook.id)
        shop.clock.advance(HOUR)
        job = replay(shop, hook.id, mode="all")
        shop.run(FakeSender(200))
        assert commands.read_job(job.id, jobs=shop.world).examined == 0


class TestPausing:
    def test_pausing_twice_is_pausing_once(self, shop: Shop, hook: Endpoint) -> None:
        first = commands.pause(hook.id, endpoints=shop.world, now=NOW)
        assert first.status == "paused"
        assert commands.pause(hook.id, endpoints=shop.world, now=NOW + HOUR) == first

    def test_a_disabled_endpoint_can_not_be_paused(self, shop: Shop, hook: Endpoint) -> None:
        shop.world.replace_endpoint(disabled(hook, "It failed.", now=NOW))
        with pytest.raises(EndpointIsDisabled):
            commands.pause(hook.id, endpoints=shop.world, now=NOW)

    def test_resuming_gives_a_fresh_start(self, shop: Shop, hook: Endpoint) -> None:
        (event,) = happen(shop, 1)
        shop.attempt(a_message(event, hook), FakeSender(500))
        shop.world.replace_endpoint(disabled(hook, "It failed.", now=NOW))
        endpoint, job = commands.resume(hook.id, endpoints=shop.world, now=NOW)
        assert (endpoint.status, endpoint.disabled_because) == ("enabled", "")
        assert shop.world.get_health(hook.id).failing_since is None
        assert commands.read_job(job.id, jobs=shop.world) == job

    def test_two_releases_at_once_send_nothing_twice(self, shop: Shop, hook: Endpoint) -> None:
        events = happen(shop, 60)
        shop.relay(*events)
        commands.pause(hook.id, endpoints=shop.world, now=NOW)
        sender = FakeSender(200)
        shop.run(sender)
        for _ in range(2):
            shop.clock.advance(timedelta(seconds=1))
            commands.resume(hook.id, endpoints=shop.world, now=shop.clock.now)
        interrupt(shop.world, "leave_line", OSError("crash"))
        shop.run_with_stream_retries(sender)
        assert sorted(sent(sender)) == sorted(event.id for event in events)


@pytest.mark.parametrize("job", ["", "job_", an_id("ep"), an_id("job", "missing")])
def test_a_job_that_is_not_there_is_not_found(shop: Shop, job: str) -> None:
    with pytest.raises(JobNotFound):
        commands.read_job(job, jobs=shop.world)
