"""Each call of the story with each fault: what follows is as in life, and must end as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterator

from .invariants import check
from .stage import Theatre
from .story import play
from .wire import Kind, Strike


class NotAsBefore(AssertionError):
    """What broke, and after which fault."""


def rehearse(theatre: Theatre) -> list[str]:
    """The calls of the story when nothing goes wrong."""
    theatre.wire.strike = None
    with theatre.stage() as stage:
        play(stage)
        check(stage)
    return list(theatre.wire.calls)


def try_all(theatre: Theatre, calls: list[str], kind: Kind) -> Iterator[int]:
    """Strike each call once; the number of each as it is survived."""
    for at, name in enumerate(calls):
        theatre.wire.strike = Strike(kind, at)
        try:
            with theatre.stage() as stage:
                play(stage)
                assert len(theatre.wire.calls) > at, "it ended before the fault"
                check(stage)
        except Exception as error:
            raise NotAsBefore(f"{kind} at call {at}, {name}: {error}") from error
        yield at
