"""The merchant's account: every object Stripe would keep, in memory, changed by one request at a time."""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from local.stripe_sandbox.errors import missing_object
from local.stripe_sandbox.instruments import Behaviour

API_VERSION = "2026-10-28.endive"

JsonObject: TypeAlias = dict[str, Any]
Clock: TypeAlias = Callable[[], float]
NewId: TypeAlias = Callable[[str], str]  # a prefix in, "pi_3Q…" out


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The API request behind a change, as the change's events name it; empty for what time does."""

    request_id: str | None = None
    idempotency_key: str | None = None


class Collection:
    """The objects of one kind, oldest first."""

    def __init__(self, noun: str, *, param: str = "id") -> None:
        self._noun = noun
        self._param = param
        self._objects: dict[str, JsonObject] = {}

    def __iter__(self) -> Iterator[JsonObject]:
        return iter(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def add(self, item: JsonObject) -> JsonObject:
        self._objects[item["id"]] = item
        return item

    def get(self, object_id: str, *, param: str | None = None) -> JsonObject:
        """Raise Stripe's resource_missing if there is none; `param` is what the caller named it by."""
        try:
            return self._objects[object_id]
        except KeyError:
            raise missing_object(self._noun, object_id, param or self._param) from None

    def clear(self) -> None:
        self._objects.clear()


class Account:
    """Read and change it only inside `changing()`."""

    def __init__(self, *, clock: Clock, new_id: NewId, publish: Callable[[list[JsonObject]], None]) -> None:
        self.payment_intents = Collection("payment_intent", param="intent")
        self.payment_methods = Collection("PaymentMethod", param="payment_method")
        self.charges = Collection("charge")
        self.refunds = Collection("refund")
        self.disputes = Collection("dispute")
        self.events = Collection("event")
        self.collections = {
            "payment_intent": self.payment_intents,
            "payment_method": self.payment_methods,
            "charge": self.charges,
            "refund": self.refunds,
            "dispute": self.disputes,
            "event": self.events,
        }
        self.behaviours: dict[str, Behaviour] = {}  # of each payment method
        self.tax_rates: dict[str, dict[str, int]] = {}  # of each place, as the control API sets them
        self.new_id = new_id
        self._clock = clock
        self._publish = publish
        self._lock = threading.RLock()
        self._cause = Cause()
        self._recorded: list[JsonObject] = []

    def now(self) -> int:
        return int(self._clock())

    @contextmanager
    def changing(self, cause: Cause | None = None) -> Iterator[None]:
        """Hold everybody else off; what is recorded meanwhile is published together at the end,
        after an error too: a declined card is a fact.
        """
        with self._lock:
            self._cause = cause or Cause()
            try:
                yield
            finally:
                recorded, self._recorded = self._recorded, []
                self._publish(recorded)

    def record(self, kind: str, item: JsonObject, *, before: JsonObject | None = None) -> None:
        """Note that `kind` happened to `item`; `before` is a copy of what it was, if Stripe would tell."""
        snapshot = copy.deepcopy(item)
        details: JsonObject = {"object": snapshot}
        if before is not None:
            details["previous_attributes"] = {
                name: before.get(name) for name, value in snapshot.items() if before.get(name) != value
            }
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": details,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self._cause.request_id, "idempotency_key": self._cause.idempotency_key},
            "type": kind,
        }
        self.events.add(event)
        self._recorded.append(event)

    def acknowledge(self, event_id: str) -> None:
        """One endpoint has taken this event (which a reset may have forgotten)."""
        with self._lock:
            for event in self.events:
                if event["id"] == event_id:
                    event["pending_webhooks"] -= 1

    def clear(self) -> None:
        with self._lock:
            for collection in self.collections.values():
                collection.clear()
            self.behaviours.clear()
            self.tax_rates = {}
