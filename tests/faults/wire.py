"""Between the app and everything it calls: counts the calls, and lets one of them go wrong.

One call of botocore's or of Stripe's SDK is one call here: their own retries are off for what goes wrong,
so that what the caller does then is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import stripe
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from flask import Flask
from msgspec import Struct

Kind = Literal["refused", "answer lost", "late", "killed"]
KINDS: tuple[Kind, ...] = ("refused", "answer lost", "late", "killed")
"""refused: it failed, and nothing happened. answer lost: it took effect, and nobody heard of it. late: it
timed out, and takes effect when the caller has given up. killed: it took effect, and the process was ended.
"""

Answered = tuple[bytes, int, Mapping[str, str]]


class Killed(BaseException):
    """The process ends here; nothing of ours can catch it."""


class Strike(Struct, frozen=True):
    """What goes wrong with call number `at`, from 0."""

    kind: Kind
    at: int


class Wire:
    """`calls` names each call that was made while the app was at work."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.strike: Strike | None = None
        self._is_at_work = False
        self._is_dead = False
        self._late: list[Callable[[], object]] = []

    @contextmanager
    def process(self) -> Iterator[None]:
        """The app is at work inside; Killed if it did not live to the end."""
        self._is_at_work = True
        try:
            yield
        finally:
            self._is_at_work = False
            late, self._late = self._late, []
            for effect in late:
                _do(effect)
            was_killed, self._is_dead = self._is_dead, False
        if was_killed:  # in a thread, say, whose pool has kept it to itself
            raise Killed

    def carry(
        self,
        name: str,
        call: Callable[[], Any],
        *,
        refusal: Callable[[], Any],
        silence: Callable[[], Exception],
    ) -> Any:  # noqa: ANN401 (whatever the call gives)
        """Make the call, unless it is the one that is struck."""
        if not self._is_at_work:
            return call()
        if self._is_dead:
            raise Killed
        self.calls.append(name)
        if self.strike is None or self.strike.at != len(self.calls) - 1:
            return call()
        if self.strike.kind == "refused":
            return refusal()
        if self.strike.kind == "late":
            self._late.append(call)
            raise silence()
        _do(call)
        if self.strike.kind == "killed":
            self._is_dead = True
            raise Killed
        raise silence()


def _do(effect: Callable[[], object]) -> None:
    """What it answers, be it an error, reaches nobody."""
    with suppress(Exception):
        effect()


def connect(wire: Wire, sandbox: Flask, patch: pytest.MonkeyPatch) -> None:
    """Have the wire carry what botocore asks of AWS, and what Stripe's SDK asks of the sandbox."""
    patch.setattr(BaseClient, "_make_api_call", _aws(wire, vars(BaseClient)["_make_api_call"]))
    patch.setattr(stripe.RequestsClient, "request", _stripe(wire, sandbox))


def _aws(wire: Wire, make: Callable[..., Any]) -> Callable[..., Any]:
    def carried(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 (botocore's)
        def refusal() -> None:
            error = {"Code": "InternalServerError", "Message": "An error ordered by a test."}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 500}}, operation)

        return wire.carry(
            f"{client.meta.service_model.service_name} {operation}",
            lambda: make(client, operation, parameters),
            refusal=refusal,
            silence=lambda: ReadTimeoutError(endpoint_url=client.meta.endpoint_url),
        )

    return carried


def _stripe(wire: Wire, sandbox: Flask) -> Callable[..., Answered]:
    refused = b'{"error": {"type": "api_error", "message": "An error ordered by a test."}}'

    def carried(
        _: stripe.RequestsClient, method: str, url: str, headers: Mapping[str, str], post_data: object = None
    ) -> Answered:
        name = f"{method.upper()} {urlsplit(url).path}"

        def call() -> Answered:
            answer = sandbox.test_client().open(url, method=method.upper(), headers=headers, data=post_data)
            return answer.data, answer.status_code, dict(answer.headers)

        answered: Answered = wire.carry(
            f"stripe {name}",
            call,
            refusal=lambda: (refused, 500, {"stripe-should-retry": "false"}),
            silence=_silence,
        )
        return answered

    return carried


def _silence() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("Nobody answered.", should_retry=False)  # type: ignore[no-untyped-call]
