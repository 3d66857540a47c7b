"""Whatever owners, receivers, queues and crashes do: nothing is lost, stuck, or sent twice for nothing."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import EndpointIsDisabled
from chalicelib.ports import Moved
from chalicelib.services import commands
from tests.fakes import FakeSender, World, interrupt
from tests.making import an_endpoint, an_event
from tests.unit.services.shop import Shop

HOOK = an_endpoint()

_DOINGS = st.one_of(
    st.tuples(st.just("happen"), st.integers(1, 7)),
    st.tuples(st.just("answer"), st.sampled_from([200, 200, 500, 503, None, 410])),
    st.tuples(st.just("refuse"), st.integers(1, 6)),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 400, 9_000, 90_000])),
    st.tuples(st.just("pause"), st.just(0)),
    st.tuples(st.just("resume"), st.just(0)),
    st.tuples(st.just("replay"), st.sampled_from([0, 1])),
    st.tuples(st.just("resend"), st.integers(0, 5)),
)
_CONDITIONAL = ["save_delivery", "hold_delivery", "save_job", "replace_endpoint"]
_MISHAPS = st.tuples(
    st.sampled_from([*_CONDITIONAL, "leave_line", "put_health"]),
    st.integers(0, 12),
    st.sampled_from(["crash before", "crash after", "answer lost", "conflict"]),
)


def _befall(world: World, effect: str, at_call: int, mishap: str) -> None:
    """Let it happen at that call of the effect.

    Where an answer is lost, the write is made again, in vain; a conflict is another transaction in the way.
    """
    is_crash = mishap.startswith("crash") or effect not in _CONDITIONAL
    problem = OSError("crash") if is_crash else Moved()
    interrupt(world, effect, *[None] * at_call, problem, after=mishap in {"crash after", "answer lost"})


class _World:
    def __init__(self) -> None:
        self.shop = Shop()
        self.shop.hook(HOOK)
        self.sender = FakeSender(200)
        self.count = 0
        self.keys = 0

    def do(self, doing: str, value: int | None) -> None:
        getattr(self, doing)(value)

    def happen(self, count: int) -> None:
        for _ in range(count):
            self.shop.relay(self.shop.happened(an_event(self.count, now=self.shop.clock.now)))
            self.count += 1

    def answer(self, status: int | None) -> None:
        self.sender.answer_with(status)

    def refuse(self, every: int) -> None:
        """Some events for their own sake, whatever else is answered."""
        self.sender.refuse = frozenset(list(self.shop.world.events)[::every])

    def wait(self, seconds: int) -> None:
        ends = self.shop.clock.now + timedelta(seconds=seconds)
        self.run(within=timedelta(seconds=seconds))
        left = max(ends - self.shop.clock.now, timedelta())
        self.shop.clock.advance(left)
        self.shop.queue.pass_time(left)

    def pause(self, _: int) -> None:
        try:
            commands.pause(HOOK.id, endpoints=self.shop.world, now=self.shop.clock.now)
        except EndpointIsDisabled:
            return

    def resume(self, _: int) -> None:
        commands.resume(HOOK.id, endpoints=self.shop.world, now=self.shop.clock.now)

    def replay(self, everything: int) -> None:
        self.keys += 1
        self.shop.clock.advance(timedelta(seconds=1))
        try:
            commands.replay(
                HOOK.id,
                since=self.shop.clock.now - timedelta(days=1),
                until=None,
                mode="all" if everything else "missing",
                dry_run=False,
                key=str(self.keys),
                endpoints=self.shop.world,
                jobs=self.shop.world,
                now=self.shop.clock.now,
            )
        except EndpointIsDisabled:
            return

    def resend(self, index: int) -> None:
        deliveries = list(self.shop.world.deliveries.values())
        if not deliveries:
            return
        self.keys += 1
        self.shop.clock.advance(timedelta(seconds=1))
        commands.resend(
            deliveries[index % len(deliveries)].id,
            key=str(self.keys),
            endpoints=self.shop.world,
            events=self.shop.world,
            jobs=self.shop.world,
            now=self.shop.clock.now,
        )

    def run(self, *, within: timedelta = timedelta(days=60)) -> None:
        self.shop.run_with_stream_retries(self.sender, within=within)


@given(st.lists(_DOINGS, max_size=25), st.lists(_MISHAPS, max_size=4))
def test_when_all_is_well_again_everything_has_arrived(
    doings: list[tuple[str, int | None]], mishaps: list[tuple[str, int, str]]
) -> None:
    world = _World()
    for mishap in mishaps:
        _befall(world.shop.world, *mishap)
    for doing, value in doings:
        try:
            world.do(doing, value)
        except OSError:
            continue  # the owner's own request crashed; she may ask again
    world.answer(200)
    world.sender.refuse = frozenset()
    for _ in range(6):  # as often as crashes are left
        try:
            world.resume(0)
        except OSError:
            continue
        break
    world.run()
    shop = world.shop
    endpoint = shop.world.get_endpoint(HOOK.id)
    assert endpoint is not None
    assert endpoint.status == "enabled"
    assert not shop.world.line, "somebody stands in a line that nobody serves"
    assert {job.status for job in shop.world.jobs.values()} <= {"done"}
    deliveries = [
        found for (_, endpoint_id), found in shop.world.deliveries.items() if endpoint_id == HOOK.id
    ]
    told = {event.id for event in shop.world.events.values() if event.type == "order.paid"}
    assert {delivery.event_id for delivery in deliveries} == told
    assert {delivery.status for delivery in deliveries} <= {"delivered", "dead"}


@given(
    st.lists(
        _DOINGS.filter(lambda doing: doing[0] in {"happen", "answer", "wait", "pause", "resume"}), max_size=25
    )
)
def test_without_a_crash_or_a_wish_nothing_that_arrived_is_sent_again(
    doings: list[tuple[str, int | None]],
) -> None:
    world = _World()
    for doing, value in doings:
        world.do(doing, value)
    world.answer(200)
    world.sender.refuse = frozenset()
    world.resume(0)
    world.run()
    for delivery in world.shop.world.deliveries.values():
        assert [attempt.status for attempt in delivery.attempts].count(200) <= 1
