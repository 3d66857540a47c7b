"""The courier: carries every event to the webhook endpoints, signed, in order, until it is taken.

Its switches reproduce what a receiver must survive: webhooks sent twice, late, out of order, or never.
"""

import heapq
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

import msgspec
import urllib3

from local.stripe_sandbox.account import Clock, JsonObject
from local.stripe_sandbox.errors import missing_object
from local.stripe_sandbox.signing import signature_header

RETRY_DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # Stripe takes three days; nobody here has them
ANSWER_WITHIN = 10.0
SHOWN_OF_AN_ANSWER = 500

Order = Literal["oldest_first", "newest_first"]


class Endpoint(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)

    def wants(self, kind: str) -> bool:
        return any(fnmatchcase(kind, pattern) for pattern in self.events)


class Switches(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """duplicate: copies beside the first. reorder: a request's events go newest first.
    delay: seconds before the first attempt. hold: send nothing until it is released.
    """

    duplicate: int = 0
    reorder: bool = False
    delay: float = 0.0
    hold: bool = False


@dataclass(frozen=True, kw_only=True)
class Notice:
    """An event as it is sent: the same bytes on every attempt."""

    event_id: str
    kind: str
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Delivery:
    notice: Notice
    endpoint: Endpoint
    attempt: int = 1


class Attempt(msgspec.Struct, kw_only=True):
    """One try: `status` is None if nobody answered, then `error` says why."""

    event_id: str
    type: str
    url: str
    attempt: int
    sent_at: float
    status: int | None = None
    answer: str | None = None
    error: str | None = None

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  (the 2xx)


class Courier:
    def __init__(
        self,
        *,
        endpoints: Iterable[Endpoint],
        clock: Clock,
        retry_delays: tuple[float, ...] = RETRY_DELAYS,
        on_taken: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.endpoints = tuple(endpoints)
        self.switches = Switches()
        self.on_taken = on_taken
        self._clock = clock
        self._retry_delays = retry_delays
        self._http = urllib3.PoolManager(retries=False, timeout=ANSWER_WITHIN)
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, Delivery]] = []
        self._held: list[Notice] = []
        self._attempts: list[Attempt] = []
        self._taken: set[tuple[str, str]] = set()
        self._sequence = 0
        self._under_way = 0
        self._era = 0  # a reset begins a new one
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="stripe-webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
        self._thread.join(timeout=ANSWER_WITHIN)
        self._http.clear()

    def publish(self, events: list[JsonObject]) -> None:
        """Take what one request brought about."""
        with self._condition:
            for event in events:
                event["pending_webhooks"] = sum(endpoint.wants(event["type"]) for endpoint in self.endpoints)
            notices = [_notice(event) for event in events]
            if self.switches.hold:
                self._held += notices
            else:
                self._schedule(reversed(notices) if self.switches.reorder else notices)

    def release(self, *, order: Order = "oldest_first", event_ids: list[str] | None = None) -> list[str]:
        """Send what is held, or exactly `event_ids` in their order; return the ids that go out."""
        with self._condition:
            held = {notice.event_id: notice for notice in self._held}
            chosen = list(held) if event_ids is None else event_ids
            for event_id in chosen:
                if event_id not in held:
                    raise missing_object("held event", event_id, "event_ids")
            if event_ids is None and order == "newest_first":
                chosen.reverse()
            self._held = [notice for notice in self._held if notice.event_id not in chosen]
            self._schedule(held[event_id] for event_id in chosen)
            return chosen

    def resend(self, event: JsonObject) -> None:
        """Once more, whatever happened before and whatever is held."""
        with self._condition:
            self._schedule([_notice(event)])

    def held(self) -> list[str]:
        with self._condition:
            return [notice.event_id for notice in self._held]

    def attempts(self) -> list[Attempt]:
        with self._condition:
            return list(self._attempts)

    def wait_until_idle(self, timeout: float) -> bool:
        """Whether all is delivered or given up within `timeout` seconds; what is held does not count."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._due and not self._under_way, timeout)

    def clear(self) -> None:
        """Forget all that is under way or held, and the switches; keep the endpoints."""
        with self._condition:
            self._era += 1
            self._due.clear()
            self._held.clear()
            self._attempts.clear()
            self._taken.clear()
            self.switches = Switches()
            self._condition.notify_all()

    def _schedule(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            for endpoint in self.endpoints:
                if endpoint.wants(notice.kind):
                    for _ in range(1 + self.switches.duplicate):
                        self._put(Delivery(notice=notice, endpoint=endpoint), self.switches.delay)

    def _put(self, delivery: Delivery, delay: float) -> None:
        self._sequence += 1  # what falls due together leaves in the order it came
        heapq.heappush(self._due, (time.monotonic() + delay, self._sequence, delivery))
        self._condition.notify_all()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            delivery, era = taken
            attempt = self._send(delivery)
            if attempt.taken and self._is_news(delivery):
                self.on_taken(delivery.notice.event_id)
            self._settle(delivery, attempt, era)

    def _take(self) -> tuple[Delivery, int] | None:
        """Wait for what is due next; None when stopped."""
        with self._condition:
            while not self._stopped:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._under_way += 1
                    return heapq.heappop(self._due)[2], self._era
                self._condition.wait(wait)
        return None

    def _send(self, delivery: Delivery) -> Attempt:
        notice, endpoint, now = delivery.notice, delivery.endpoint, self._clock()
        attempt = Attempt(
            event_id=notice.event_id,
            type=notice.kind,
            url=endpoint.url,
            attempt=delivery.attempt,
            sent_at=now,
        )
        signature = signature_header(notice.payload, secret=endpoint.secret, timestamp=int(now))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature,
            "Connection": "close",
        }
        try:
            answer = self._http.request(
                "POST", endpoint.url, body=notice.payload, headers=headers, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # ValueError: no such URL
            attempt.error = str(error)
        else:
            attempt.status = answer.status
            attempt.answer = answer.data.decode(errors="replace")[:SHOWN_OF_AN_ANSWER]
        return attempt

    def _is_news(self, delivery: Delivery) -> bool:
        """A copy that is taken after another one changes nothing."""
        receipt = (delivery.notice.event_id, delivery.endpoint.url)
        with self._condition:
            news = receipt not in self._taken
            self._taken.add(receipt)
            return news

    def _settle(self, delivery: Delivery, attempt: Attempt, era: int) -> None:
        with self._condition:
            self._under_way -= 1
            if era == self._era:
                self._attempts.append(attempt)
                if not attempt.taken and delivery.attempt <= len(self._retry_delays):
                    delay = self._retry_delays[delivery.attempt - 1]
                    self._put(replace(delivery, attempt=delivery.attempt + 1), delay)
            self._condition.notify_all()


def _notice(event: JsonObject) -> Notice:
    payload = json.dumps(event, indent=2).encode()  # Stripe too sends it pretty-printed
    return Notice(event_id=event["id"], kind=event["type"], payload=payload)
