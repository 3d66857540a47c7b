"""Mishaps on order: the next calls of the API fail, get lost or stay under way."""

import threading
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

LONGEST_HOLD = 30.0


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What happens to the next `times` calls that match.

    status: answer `status`, before the call or after it took effect (then a retry finds it done).
    drop: close the connection without an answer, before or after likewise.
    hold: keep the call under way until it is released (at most half a minute), then answer as usual.
    """

    outcome: Literal["status", "drop", "hold"]
    effect: Literal["before", "after"] = "before"
    status: int = 500
    times: int = 1
    method: str = "*"
    path: str = "*"  # may hold wildcards: /v1/payment_intents/*/confirm
    headers: dict[str, str] = {}


class Faults:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[Fault] = []
        self._held = 0
        self._releases = 0

    def add(self, fault: Fault) -> None:
        with self._condition:
            self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        with self._condition:
            for fault in self._waiting:
                if fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path):
                    return self._use(fault)
        return None

    def _use(self, fault: Fault) -> Fault:
        fault.times -= 1
        if fault.times < 1:
            self._waiting.remove(fault)
        return fault

    def hold(self) -> None:
        """Return at the next release."""
        with self._condition:
            mine = self._releases
            self._held += 1
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._releases > mine, timeout=LONGEST_HOLD)
            self._held -= 1

    def release(self) -> None:
        with self._condition:
            self._releases += 1
            self._condition.notify_all()

    def wait_until_held(self, calls: int = 1, *, timeout: float = 5.0) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self._held >= calls, timeout=timeout)

    def clear(self) -> None:
        with self._condition:
            self._waiting.clear()
        self.release()

    def state(self) -> dict[str, object]:
        with self._condition:
            return {"waiting": msgspec.to_builtins(self._waiting), "held": self._held}
