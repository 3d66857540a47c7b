"""A thousand callbacks: how many there are of which, and what is made of them."""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks import effects
from benchmarks.effects import Effects
from benchmarks.setting import Database

DATABASE = Database(name="a database", endpoint="http://nowhere")
RIGHT = Effects(sent=1000, refused=0, entries=600, events=600, wrong=0)


def _met(found: Effects) -> list[bool | None]:
    return [figure.met for figure in effects.judge(found, DATABASE).figures]


def test_a_thousand_callbacks_have_six_hundred_effects() -> None:
    assert (effects.NOTICES, effects.RIGHT, effects.DUPLICATES, effects.REORDERED) == (1000, 600, 300, 100)


def test_effects_are_right_or_wrong_never_nearly_right() -> None:
    assert _met(RIGHT) == [True] * 4
    assert _met(replace(RIGHT, entries=601)) == [False, True, True, True]
    assert _met(replace(RIGHT, events=599)) == [True, False, True, True]
    assert _met(replace(RIGHT, wrong=1)) == [True, True, False, True]
    assert _met(replace(RIGHT, refused=1)) == [True, True, True, False]
