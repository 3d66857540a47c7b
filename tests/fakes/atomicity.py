"""Fakes that several threads use at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def atomic(method: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run the method alone in its fake (whose `lock` it takes), as one request or transaction is."""

    @wraps(method)
    def alone(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with args[0].lock:  # type: ignore[attr-defined]  # (the first one is the fake)
            return method(*args, **kwargs)

    return alone
