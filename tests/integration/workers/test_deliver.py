from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Errand
from chalicelib.domain.health import FAILURES_TO_OPEN, Health
from chalicelib.domain.jobs import Job
from chalicelib.domain.retries import JITTER, RETRY_DELAYS
from chalicelib.services import commands
from chalicelib.workers.deliver import BATCH, deliver
from chalicelib.workers.relay import relay
from tests.integration.workers.lambda_events import (
    EXPRESS_ARN,
    NOTHING_FAILED,
    QUEUE_ARN,
    Context,
    failed,
    from_queue,
    from_stream,
    message_id,
)
from tests.integration.workers.receiver import Receiver
from tests.integration.workers.stage import SqsWire, Stage
from tests.making import a_delivery, a_message, an_endpoint, an_event

EVENT = an_event("first")


@pytest.fixture
def endpoint(receiver: Receiver) -> Endpoint:
    return an_endpoint("mine", url=receiver.at("mine"))


@pytest.fixture
def secret(stage: Stage, endpoint: Endpoint) -> str:
    """The endpoint's, which is registered by this."""
    return stage.register(endpoint)


def run(*bodies: Errand | str, receives: int = 1, arn: str = QUEUE_ARN) -> object:
    return deliver(from_queue(*bodies, receives=receives, arn=arn), Context())


def near(delay: timedelta) -> Any:  # noqa: ANN401 (pytest's own kind)
    return pytest.approx(delay.total_seconds(), rel=JITTER, abs=1)


def test_a_webhook_is_verified_by_the_official_library(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, secret: str
) -> None:
    assert run(a_message(EVENT, endpoint)) == NOTHING_FAILED
    (post,) = receiver.posts
    assert post.verified(secret)["id"] == EVENT.id
    assert post.body.decode() == EVENT.payload
    assert post.headers["webhook-id"] == EVENT.id
    delivery = stage.delivery(EVENT, endpoint)
    assert delivery is not None
    assert (delivery.status, delivery.next_attempt_at) == ("delivered", None)
    assert (delivery.attempts[0].status, delivery.attempts[0].excerpt) == (200, "thanks")


def test_a_whole_batch_is_delivered_side_by_side(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, secret: str
) -> None:
    receiver.waits_for(BATCH)
    events = [an_event(number) for number in range(BATCH)]
    assert run(*(a_message(event, endpoint) for event in events)) == NOTHING_FAILED
    found = [stage.delivery(event, endpoint) for event in events]
    assert {delivery and delivery.status for delivery in found} == {"delivered"}


def test_the_one_that_fails_in_us_is_reported_alone_and_the_nine_others_go_on_side_by_side(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, secret: str
) -> None:
    receiver.waits_for(BATCH - 1)
    events = [an_event(number) for number in range(BATCH)]
    messages = [a_message(event, endpoint) for event in events]
    messages[6] = a_message(events[6], endpoint, inline=False)  # and its row is nowhere
    assert run(*messages) == failed(message_id(6))
    assert stage.delivery(events.pop(6), endpoint) is None
    found = [stage.delivery(event, endpoint) for event in events]
    assert {delivery and delivery.status for delivery in found} == {"delivered"}


@pytest.mark.parametrize(("attempt", "delay"), [(1, RETRY_DELAYS[0]), (2, RETRY_DELAYS[1])])
def test_a_receivers_failure_is_recorded_and_enqueued_for_later_and_is_none_of_ours(
    stage: Stage,
    receiver: Receiver,
    endpoint: Endpoint,
    secret: str,
    wire: SqsWire,
    attempt: int,
    delay: timedelta,
) -> None:
    receiver.status, receiver.says = lambda _: 500, b"out of order"
    if attempt == 2:
        wiring.deliveries().save_delivery(a_delivery(EVENT, endpoint, 500))
    assert run(a_message(EVENT, endpoint, attempt=attempt)) == NOTHING_FAILED
    assert wire.put_off() == [(a_message(EVENT, endpoint, attempt=attempt + 1), near(delay))]
    assert stage.take() == []
    delivery = stage.delivery(EVENT, endpoint)
    assert delivery is not None
    assert (delivery.status, delivery.attempt) == ("failing", attempt)
    assert (delivery.attempts[-1].status, delivery.attempts[-1].excerpt) == (500, "out of order")


@pytest.mark.usefixtures("secret")
def test_a_wait_beyond_sqs_is_one_schedule_with_ids_alone(
    stage: Stage,
    receiver: Receiver,
    endpoint: Endpoint,
    scheduler: Any,  # noqa: ANN401 (boto3 makes its clients at run time)
) -> None:
    receiver.status = lambda _: 500
    event = an_event("scheduled", data="ada@example.com")
    wiring.deliveries().save_delivery(replace(a_delivery(event, endpoint, 500, 500), version=1))
    assert run(a_message(event, endpoint, attempt=3)) == NOTHING_FAILED
    (schedule,) = scheduler.list_schedules(GroupName="tillhook-test")["Schedules"]
    target = scheduler.get_schedule(GroupName="tillhook-test", Name=schedule["Name"])["Target"]
    assert event.id in target["Input"]
    assert "ada" not in target["Input"]
    assert stage.take() == []


def test_nobody_being_there_is_a_receivers_failure_too(stage: Stage, wire: SqsWire) -> None:
    nobody = an_endpoint("nobody", url="http://127.0.0.1:9/")
    stage.register(nobody)
    assert run(a_message(EVENT, nobody)) == NOTHING_FAILED
    assert len(wire.put_off()) == 1
    delivery = stage.delivery(EVENT, nobody)
    assert delivery is not None
    assert (delivery.status, delivery.attempts[0].error) == ("failing", "the connection was refused")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.usefixtures("secret")
def test_a_message_that_comes_again_after_it_was_recorded_is_not_sent_again(
    receiver: Receiver, endpoint: Endpoint, wire: SqsWire, status: int
) -> None:
    receiver.status = lambda _: status
    message = a_message(EVENT, endpoint)
    run(message)
    enqueued = len(wire.sent)
    assert run(message, receives=2) == NOTHING_FAILED
    assert len(receiver.posts) == 1
    assert len(wire.sent) == enqueued


def test_a_message_that_comes_again_before_it_was_recorded_is_sent(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, secret: str
) -> None:
    assert run(a_message(EVENT, endpoint), receives=2) == NOTHING_FAILED
    assert len(receiver.posts) == 1
    assert stage.delivery(EVENT, endpoint) is not None


def test_an_attempt_whose_retry_could_not_be_enqueued_comes_again_and_is_not_recorded(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, secret: str, wire: SqsWire
) -> None:
    receiver.status = lambda _: 500
    wire.cut.add(EVENT.id)
    assert run(a_message(EVENT, endpoint)) == failed(message_id(0))
    assert stage.delivery(EVENT, endpoint) is None
    wire.cut.clear()
    assert run(a_message(EVENT, endpoint), receives=2) == NOTHING_FAILED
    assert len(wire.put_off()) == 1
    assert stage.delivery(EVENT, endpoint) is not None


@pytest.mark.usefixtures("secret")
def test_what_waits_for_a_deleted_endpoint_is_dropped(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, wire: SqsWire
) -> None:
    wiring.endpoints().delete_endpoint(endpoint.id)
    assert run(a_message(EVENT, endpoint)) == NOTHING_FAILED
    assert receiver.posts == []
    assert wire.sent == []
    assert stage.delivery(EVENT, endpoint) is None


@pytest.mark.usefixtures("secret")
def test_what_waits_for_a_disabled_endpoint_is_held(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, wire: SqsWire
) -> None:
    wiring.endpoints().replace_endpoint(replace(endpoint, version=2, enabled=False))
    assert run(a_message(EVENT, endpoint)) == NOTHING_FAILED
    assert receiver.posts == []
    assert wire.sent == []
    held = stage.delivery(EVENT, endpoint)
    assert held is not None
    assert held.status == "held"


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", "{}", '{"event_id": 1}', "\x00", '{"attempt": "ada@example.com"}']
)
@pytest.mark.usefixtures("secret")
def test_a_malformed_message_is_reported_and_harms_no_neighbour(
    receiver: Receiver, endpoint: Endpoint, body: str
) -> None:
    before, after = an_event("before"), an_event("after")
    answer = run(a_message(before, endpoint), body, a_message(after, endpoint))
    assert answer == failed(message_id(1))
    assert {post.headers["webhook-id"] for post in receiver.posts} == {before.id, after.id}


def test_whatever_ends_an_attempt_its_message_comes_again(
    endpoint: Endpoint, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is no Exception: Lambda deletes every message that is not named."""

    def end(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(wiring.sender(), "send", end)
    assert run(a_message(EVENT, endpoint)) == failed(message_id(0))


def test_an_empty_batch_is_no_work(stage: Stage, wire: SqsWire) -> None:
    assert run() == NOTHING_FAILED
    assert wire.sent == []


def test_an_event_goes_all_the_way_from_the_table_to_everybody_who_wants_it(
    stage: Stage, receiver: Receiver
) -> None:
    paid, everything = (
        an_endpoint(name, url=receiver.at(name), events=(kind,))
        for name, kind in (("paid", "order.paid"), ("everything", "*"))
    )
    refunds = an_endpoint("refunds", url=receiver.at("refunds"), events=("order.refunded",))
    secret = stage.register(paid, everything, refunds)
    large = an_event("large", data="é" * 60_000)
    assert relay(from_stream(*stage.write(EVENT, large)), Context()) == NOTHING_FAILED
    assert run(*stage.take()) == NOTHING_FAILED
    assert receiver.paths() == ["everything"] * 2 + ["paid"] * 2
    bodies = {(post.verified(secret)["id"], post.body.decode()) for post in receiver.posts}
    assert bodies == {(EVENT.id, EVENT.payload), (large.id, large.payload)}


@pytest.mark.usefixtures("secret")
def test_the_express_queue_serves_only_who_is_known_to_be_prompt(
    stage: Stage, receiver: Receiver, endpoint: Endpoint
) -> None:
    message = a_message(EVENT, endpoint)
    assert run(message, arn=EXPRESS_ARN) == NOTHING_FAILED
    assert (receiver.posts, stage.errands()) == ([], [message])
    assert run(message) == NOTHING_FAILED
    assert run(a_message(an_event("second"), endpoint), arn=EXPRESS_ARN) == NOTHING_FAILED
    assert len(receiver.posts) == 2
    assert wiring.endpoints().get_health(endpoint.id) == Health(prompt=True)


def through_the_queue(stage: Stage, *, most: int = 50) -> None:
    """Let the worker do what waits, and what follows from it, whatever delay was asked for.

    One by one: moto's transactions can't be made side by side (it copies the table while others write).
    """
    for _ in range(most):
        errands = stage.errands()
        if not errands:
            return
        for errand in errands:
            assert run(errand) == NOTHING_FAILED
    raise AssertionError("work that never comes to rest")


def job_of(stage: Stage, job: Job) -> Job:
    found = wiring.jobs().get_job(job.id)
    assert found is not None
    return found


@pytest.mark.usefixtures("secret")
def test_a_paused_endpoint_gets_what_it_missed_when_it_is_resumed(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, wire: SqsWire
) -> None:
    endpoints = wiring.endpoints()
    commands.pause(endpoint.id, endpoints=endpoints, now=wiring.now())
    events = [an_event(number) for number in range(3)]
    assert relay(from_stream(*stage.write(*events)), Context()) == NOTHING_FAILED
    through_the_queue(stage)
    assert receiver.posts == []
    _, job = commands.resume(endpoint.id, endpoints=endpoints, now=wiring.now())
    wiring.recent_endpoints().expire()  # ten seconds pass
    assert relay(from_stream(stage.ask(job)), Context()) == NOTHING_FAILED
    through_the_queue_at_once(stage, wire)
    assert {post.headers["webhook-id"] for post in receiver.posts} == {event.id for event in events}
    assert (job_of(stage, job).status, job_of(stage, job).sent) == ("done", 3)


def through_the_queue_at_once(stage: Stage, wire: SqsWire) -> None:
    """As above, and do what was put off for later at once: moto's queue would make the test wait."""
    through_the_queue(stage)
    for _ in range(20):
        later = [request["MessageBody"] for request in wire.sent if request.get("DelaySeconds")]
        wire.sent.clear()
        if not later:
            return
        for errand in later:
            assert run(errand) == NOTHING_FAILED
        through_the_queue(stage)


@pytest.mark.usefixtures("secret")
def test_a_range_is_replayed_by_a_job(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, wire: SqsWire
) -> None:
    now = wiring.now()
    events = [an_event(number, now=now - timedelta(hours=number + 1)) for number in range(60)]
    stage.write(*events)
    job = commands.replay(
        endpoint.id,
        since=now - timedelta(days=5),
        until=None,
        mode="missing",
        dry_run=False,
        key="k",
        endpoints=wiring.endpoints(),
        jobs=wiring.jobs(),
        now=now,
    )
    assert relay(from_stream(stage.ask(job)), Context()) == NOTHING_FAILED
    through_the_queue_at_once(stage, wire)
    assert sorted(post.headers["webhook-id"] for post in receiver.posts) == sorted(
        event.id for event in events
    )
    assert (job_of(stage, job).status, job_of(stage, job).sent) == ("done", 60)


@pytest.mark.usefixtures("secret")
def test_an_endpoint_that_keeps_failing_is_left_alone_until_a_probe_arrives(
    stage: Stage, receiver: Receiver, endpoint: Endpoint, wire: SqsWire
) -> None:
    receiver.status = lambda _: 500
    failing = [a_message(an_event(number), endpoint) for number in range(FAILURES_TO_OPEN)]
    for message in failing:
        assert run(message) == NOTHING_FAILED
    found = wiring.endpoints().get_endpoint(endpoint.id)
    assert found is not None
    assert found.status == "failing"
    receiver.posts.clear()
    held = [a_message(an_event(number), endpoint, inline=False) for number in (20, 21)]
    stage.write(*(an_event(number) for number in (20, 21)))
    for message in held:
        assert run(message) == NOTHING_FAILED
    assert receiver.posts == []
    receiver.status = lambda _: 200
    wire.sent.clear()
    (probe,) = stage.jobs()
    assert relay(from_stream(probe), Context()) == NOTHING_FAILED
    through_the_queue_at_once(stage, wire)
    (release,) = [row for row in stage.jobs() if row["job_kind"] == {"S": "release"}]
    assert relay(from_stream(release), Context()) == NOTHING_FAILED
    through_the_queue_at_once(stage, wire)
    assert {post.headers["webhook-id"] for post in receiver.posts} == {an_event(20).id, an_event(21).id}


@pytest.mark.usefixtures("secret")
def test_each_delivery_to_a_limited_endpoint_takes_a_slot(
    stage: Stage, receiver: Receiver, endpoint: Endpoint
) -> None:
    """That slots are spaced and waited for is shown where time stands still (tests/unit/services)."""
    wiring.endpoints().replace_endpoint(replace(endpoint, version=2, rate_limit=20))
    taken = [0]
    for number in range(4):
        assert run(a_message(an_event(number), endpoint)) == NOTHING_FAILED
        taken.append(stage.next_slot(endpoint))
    assert len(receiver.posts) == 4
    assert all(later - earlier >= 1000 / 20 for earlier, later in pairwise(taken))
