"""One HTTP exchange with an owner's endpoint: what is asked and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

Method = Literal["POST", "PUT"]

TIMEOUT_SECONDS = 15
"""The whole exchange, from looking the name up to the answer's end, unless the endpoint says otherwise."""

EXCERPT_BYTES = 4096
"""How much of an answer is kept."""

KEPT_HEADERS = (
    "content-type", "date", "location", "retry-after", "server", "via", "x-request-id", "x-correlation-id",
    "x-amzn-requestid", "x-amzn-trace-id", "cf-ray",
)  # fmt: skip
"""Those of an answer's headers that help to find it again in the receiver's own log."""


class Request(Struct, frozen=True, kw_only=True):
    """`timeout_seconds` is for everything together: name, connection, TLS, headers and body."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: Method = "POST"
    timeout_seconds: float = TIMEOUT_SECONDS


class Reply(Struct, frozen=True, kw_only=True):
    """What came of one request: a status with an excerpt, or an error in plain words.

    `made` is False where there could be no request at all, which says nothing of the receiver.

    `headers` are those of KEPT_HEADERS that the answer had, by lower-case name, safe to show.
    """

    duration_ms: int
    made: bool = True
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    excerpt: str = ""
    error: str = ""
