"""What can get in the way of a fake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def interrupt(
    target: object, method: str, *steps: Exception | Callable[[], object] | None, after: bool = False
) -> None:
    """Let something get in the way of the next calls of a fake's method: one step each, then no more.

    An exception is raised, a callable called, None lets the call pass; before the method does its work, or
    `after` it, when what it did stands and only its answer is lost.
    """
    original: Callable[..., Any] = getattr(target, method)
    script = list(steps)

    def interrupted(*args: object, **kwargs: object) -> object:
        step = script.pop(0) if script else None
        result = original(*args, **kwargs) if after else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        return result if after else original(*args, **kwargs)

    setattr(target, method, interrupted)
