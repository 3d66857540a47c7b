"""`stock.low` is told once for each episode, whatever the stream repeats, delays and mixes up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.stock import Glimpse
from chalicelib.services.stock import read_stock, watch
from tests.fakes import NOW
from tests.making import glimpses
from tests.unit.services.shop import Shop

LEVELS = st.integers(0, 6)


class Streamed:
    """A shop whose watched stock goes into a stream with each change, the relay's own ones too."""

    def __init__(self, shards: int) -> None:
        self.shop = Shop()
        self.shards = shards
        self.stream: list[Glimpse] = []
        self.relayed = 0
        self.clock = NOW

    def changing(self, change: Callable[[], object]) -> None:
        before = read_stock("tea", stock=self.shop.world)
        change()
        after = read_stock("tea", stock=self.shop.world)
        if after.low_at is not None:
            self.stream += [seen for seen in glimpses(after) if seen not in glimpses(before)]

    def set(self, available: int, low_at: int) -> None:
        self.changing(lambda: self.shop.world.set_stock("tea", available, shards=self.shards, low_at=low_at))

    def relay(self, place: int) -> None:
        """Something out of the stream."""
        seen = self.stream[place % len(self.stream)]
        self.clock += timedelta(milliseconds=1)
        world = self.shop.world
        self.changing(lambda: watch(seen, stock=world, catalog=world, now=self.clock))

    def catch_up(self) -> None:
        """All of the stream, in its order."""
        while self.relayed < len(self.stream):
            self.relay(self.relayed)
            self.relayed += 1


@given(st.integers(1, 3), st.lists(st.one_of(st.tuples(LEVELS, LEVELS), st.integers(0, 50)), max_size=25))
def test_the_mark_follows_the_stock_and_each_episode_is_told_once(
    shards: int, steps: list[tuple[int, int] | int]
) -> None:
    """The owner sets stock and threshold, or the relay sees something of what was, at any time."""
    streamed = Streamed(shards)
    streamed.set(9, 2)
    for step in steps:
        match step:
            case (available, low_at):
                streamed.set(available, low_at)
            case place:
                streamed.relay(place)
    streamed.catch_up()
    settled = read_stock("tea", stock=streamed.shop.world)
    assert settled.is_low == (settled.low_since is not None)
    begun = {seen.low_since for seen in streamed.stream if seen.low_since is not None}
    assert {event.created_at for event in streamed.shop.world.events.values()} == begun
