from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.deliveries import delivery_id, parse_delivery_id, record
from chalicelib.domain.errands import Errand
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.identifiers import new_id
from chalicelib.domain.retries import LONGEST_RETRY_AFTER, RETRY_DELAYS, asked_delay, decide
from tests.fakes import NOW, FakeSender, interrupt
from tests.making import a_message, an_endpoint, an_event
from tests.strategies import replies, statuses
from tests.unit.services.shop import Shop

EVENT = an_event()
EFFECTS = ("send", "send_later", "save_delivery", "get_delivery")


@given(st.lists(statuses, min_size=len(RETRY_DELAYS) + 1, max_size=40))
def test_every_delivery_comes_to_rest(answers: list[int | None]) -> None:
    for attempt, status in enumerate(answers, start=1):
        if decide(status=status, attempt=attempt).status != "failing":
            return
    raise AssertionError("still retrying after the whole policy")


@given(statuses, st.integers(1, 1000))
def test_a_delivery_waits_exactly_while_it_is_failing(status: int | None, attempt: int) -> None:
    decision = decide(status=status, attempt=attempt)
    assert (decision.retry_in is not None) == (decision.status == "failing")


@given(st.integers(1, len(RETRY_DELAYS)), st.floats(-1, 1), st.timedeltas(timedelta(), timedelta(days=900)))
def test_no_delay_is_shorter_than_the_policy_nor_longer_than_it_and_a_receiver_may_ask(
    attempt: int, spread: float, asked: timedelta
) -> None:
    policy = RETRY_DELAYS[attempt - 1]
    plain = decide(status=500, attempt=attempt, spread=spread, asked=asked).retry_in
    patient = decide(status=503, attempt=attempt, spread=spread, asked=asked).retry_in
    assert plain is not None
    assert patient is not None
    assert 0.8 * policy <= plain <= 1.2 * policy
    assert patient == max(plain, min(asked, LONGEST_RETRY_AFTER))


@given(st.text(), st.text("0123456789", max_size=400))
def test_any_retry_after_header_is_a_delay_or_nothing(text: str, digits: str) -> None:
    for header in (text, digits):
        asked = asked_delay(header, now=NOW)
        assert asked is None or asked >= timedelta()


@given(st.lists(replies, min_size=1, max_size=len(RETRY_DELAYS) + 1))
def test_a_delivery_forgets_no_attempt(answers: list[Reply]) -> None:
    delivery = None
    for number, reply in enumerate(answers, start=1):
        at = NOW + timedelta(minutes=number)
        message = a_message(EVENT, an_endpoint(), attempt=number)
        decision = decide(status=reply.status, attempt=number)
        delivery = record(delivery, message, reply, decision, at=at, now=at)
    assert delivery is not None
    assert [attempt.number for attempt in delivery.attempts] == list(range(1, len(answers) + 1))
    assert (delivery.attempt, delivery.created_at) == (len(answers), NOW + timedelta(minutes=1))
    assert (delivery.next_attempt_at is None) == (delivery.status != "failing")


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_deliverys_id_can_be_read_back(event: bytes, endpoint: bytes) -> None:
    ids = new_id("evt", lambda _: event), new_id("ep", lambda _: endpoint)
    assert parse_delivery_id(delivery_id(*ids)) == ids


@given(
    st.lists(statuses, min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from(EFFECTS), st.integers(0, 5), st.booleans()), max_size=4),
    st.data(),
)
def test_whatever_crashes_repeats_and_overtakes_a_delivery_is_sent_and_rests(
    answers: list[int | None], crashes: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    """The queue gives messages out in any order, some of them twice; the process dies at any effect."""
    shop, sender = Shop(), FakeSender(*answers)
    hook = shop.hook(an_endpoint())
    targets = {"send": sender, "send_later": shop.queue}
    for effect, at_call, after in crashes:
        interrupt(targets.get(effect, shop.world), effect, *[None] * at_call, OSError("crash"), after=after)
    received: list[Errand] = []
    shop.queue.send([a_message(EVENT, hook)])
    repeats = data.draw(st.integers(0, 3))
    for _ in range(400):
        if not shop.queue.waiting:
            break
        index = data.draw(st.integers(0, len(shop.queue.waiting) - 1)) if len(shop.queue.waiting) > 1 else 0
        message, delay = shop.queue.waiting.pop(index)
        shop.clock.advance(delay)
        seen_before = message in received
        received.append(message)
        try:
            shop.do(message, sender, seen_before=seen_before)
        except OSError:
            shop.queue.send([message])
            continue
        if repeats:
            repeats -= 1
            shop.queue.send([message])
    assert not shop.queue.waiting
    delivery = shop.world.deliveries.get((EVENT.id, hook.id))
    assert delivery is not None
    assert sender.requests
    assert delivery.status in {"delivered", "dead"}
    assert {(post.headers["webhook-id"], post.body) for post in sender.requests} == {
        (EVENT.id, EVENT.payload.encode())
    }
