"""Requests for tests: patient ones, for what has nothing to do with time, and hurried ones for the rest."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.exchanges import Request

DEADLINE = 0.4
PATIENCE_MS = 3_000
"""What a test allows a deadline of 0.4 s on a busy machine."""


def ask(
    url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"{}", seconds: float = 5
) -> Request:
    return Request(url=url, headers=headers or {}, body=body, timeout_seconds=seconds)


def hurry(url: str, *, body: bytes = b"{}") -> Request:
    return ask(url, body=body, seconds=DEADLINE)
