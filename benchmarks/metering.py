"""What a function asks of AWS, told by botocore's own events: which calls, when, and what they bill."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.session import Session
from msgspec import Struct, field

from benchmarks.capacity import Index, Key, Row, Written, read_units, written, written_keys

SHORTEST = 0.05
"""Seconds that each call is made to take, so that calls made side by side are seen to overlap: a database
on the same machine answers before a second thread has asked.
"""

Images = Callable[[Sequence[Key]], dict[Key, Row]]
"""The rows of these keys as they are now, read by somebody whom nobody meters."""


class Call(Struct, kw_only=True):
    """One call of AWS or Stripe, with DynamoDB's units for it; `told` is what the database itself said."""

    service: str
    operation: str
    began: float
    ended: float
    read_units: float = 0.0
    rows: list[Written] = field(default_factory=list)
    told: float = 0.0

    @property
    def write_units(self) -> int:
        return sum(row.table_units + row.index_units for row in self.rows)


class Step(Struct, kw_only=True):
    """One invocation of a function: what it asked of AWS, and what it logged."""

    name: str
    calls: list[Call] = field(default_factory=list)
    log_bytes: int = 0
    log_lines: int = 0

    def of(self, service: str) -> list[Call]:
        return [call for call in self.calls if call.service == service]

    @property
    def read_units(self) -> float:
        return sum(call.read_units for call in self.calls)

    @property
    def write_units(self) -> int:
        return sum(call.write_units for call in self.calls)


class Timing(Struct, kw_only=True):
    """Milliseconds of processor time of one step, round by round; the database's where it can be told."""

    name: str
    ours: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)


def waits(calls: Sequence[Call]) -> int:
    """How often the caller has to wait: the longest row of calls of which each began after the last ended."""
    count, free_at = 0, float("-inf")
    for call in sorted(calls, key=lambda call: call.ended):
        if call.began >= free_at:
            count += 1
            free_at = call.ended
    return count


class Meter:
    """Notes the calls of all clients that `session` makes from now on, step by step."""

    def __init__(self, session: Session, *, images: Images, indexes: Sequence[Index]) -> None:
        self.steps: list[Step] = []
        self._now: Step | None = None
        self._lock = threading.Lock()
        self._images = images
        self._indexes = indexes
        session.register("provide-client-params.dynamodb", self._prepare)
        session.register("before-call", self._begin)
        session.register("after-call", self._end)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Whatever happens within is this step's."""
        self._now = Step(name=name)
        try:
            yield
        finally:
            self.steps.append(self._now)
            self._now = None

    def logged(self, size: int) -> None:
        if self._now is not None:
            self._now.log_bytes += size
            self._now.log_lines += 1

    def note(self, call: Call) -> None:
        """A call that is not botocore's."""
        with self._lock:
            if self._now is not None:
                self._now.calls.append(call)

    def _prepare(self, *, params: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> object:  # noqa: ANN401 (botocore has no types)
        """Look at what will be written, and ask for the database's own count."""
        context["bench_parameters"] = params
        context["bench_before"] = self._images(written_keys(params))
        accepted = "ReturnConsumedCapacity" in model.input_shape.members
        return params | ({"ReturnConsumedCapacity": "INDEXES"} if accepted else {})

    def _begin(self, *, context: dict[str, Any], **_: object) -> None:
        context["bench_began"] = time.perf_counter()

    def _end(self, *, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401 (as above)
        began = context["bench_began"]
        time.sleep(max(0.0, began + SHORTEST - time.perf_counter()))
        call = Call(
            service=model.service_model.service_name,
            operation=model.name,
            began=began,
            ended=time.perf_counter(),
            told=units_told(parsed.get("ConsumedCapacity")),
        )
        if call.service == "dynamodb" and "Error" not in parsed:
            parameters = context["bench_parameters"]
            call.read_units = read_units(call.operation, parameters, parsed)
            call.rows = self._rows(call.operation, parameters, context["bench_before"])
        self.note(call)

    def _rows(
        self, operation: str, parameters: Mapping[str, Any], before: Mapping[Key, Row]
    ) -> list[Written]:
        keys = written_keys(parameters)
        after = self._images(keys)
        return [
            written(
                key,
                before=before.get(key),
                after=after.get(key),
                indexes=self._indexes,
                transactional=operation == "TransactWriteItems",
            )
            for key in keys
        ]


def units_told(told: object) -> float:
    """Units of an answer's `ConsumedCapacity`: one table's, or a list of several, or none."""
    tables: Sequence[Any] = told if isinstance(told, list) else [told] if told else []
    return sum(float(table["CapacityUnits"]) for table in tables)
