"""What to do when somebody else changes the same row at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.domain.errors import Busy
from chalicelib.ports import Moved

Result = TypeVar("Result")

TRIES = 20
"""Of contenders who all read the same, each round lets one through, so this settles as many at once."""


def until_settled(change: Callable[[], Result], *, between: Callable[[], object] = lambda: None) -> Result:
    """Run `change` (a read, a decision, a conditional write) again until nobody gets in between.

    `between` may wait a moment before the next try. Raises Busy after TRIES; nothing has been written then.
    """
    for _ in range(TRIES):
        try:
            return change()
        except Moved:
            between()
    raise Busy
