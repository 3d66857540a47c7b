"""Idempotency keys, by Stripe's rules (https://docs.stripe.com/api/idempotent_requests).

The first answer of a key is kept for 24 hours, errors included, and given again. What is refused before it
began (a wrong parameter, a key in use) is not kept. A key belongs to one endpoint and one set of parameters.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from local.stripe_sandbox import errors
from local.stripe_sandbox.account import Clock
from local.stripe_sandbox.parameters import Raw

KEPT_FOR = 24 * 60 * 60
LONGEST_KEY = 255


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class KeyUse:
    """A request that carries a key; keys of different callers (API keys) do not meet."""

    key: str
    caller: str
    endpoint: str
    parameters: dict[str, Raw]


@dataclass
class _Entry:
    use: KeyUse
    since: float
    answer: Answer | None = field(default=None)  # None while the first request is at work


class IdempotencyKeys:
    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], _Entry] = {}

    def once(self, use: KeyUse, work: Callable[[], Answer]) -> tuple[Answer, bool]:
        """Return the answer, and whether it is a replay. What `work` raises is not kept."""
        if len(use.key) > LONGEST_KEY:
            raise errors.StripeError(f"Idempotency keys can have up to {LONGEST_KEY} characters.")
        known = self._claim(use)
        if known:
            return known, True
        try:
            answer = work()
        except BaseException:
            self._release(use)
            raise
        self._keep(use, answer)
        return answer, False

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def _claim(self, use: KeyUse) -> Answer | None:
        now = self._clock()
        with self._lock:
            entry = self._entries.get((use.caller, use.key))
            if entry is None or (entry.answer and entry.since + KEPT_FOR <= now):
                self._entries[use.caller, use.key] = _Entry(use, now)
                return None
        if entry.use.endpoint != use.endpoint:
            raise errors.key_reused_on_other_endpoint(use.key, first=entry.use.endpoint, now=use.endpoint)
        if entry.use.parameters != use.parameters:
            raise errors.key_reused_with_other_parameters(use.key)
        if entry.answer is None:
            raise errors.key_in_use(use.key)
        return entry.answer

    def _keep(self, use: KeyUse, answer: Answer) -> None:
        with self._lock:
            entry = self._entries.get((use.caller, use.key))
            if entry:  # a reset may have come between
                entry.answer = answer

    def _release(self, use: KeyUse) -> None:
        with self._lock:
            self._entries.pop((use.caller, use.key), None)
