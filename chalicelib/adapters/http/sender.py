"""The one place that speaks to owners' endpoints."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException

import requests
from requests import PreparedRequest, Request, Response
from urllib3.exceptions import HTTPError

from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.deliveries import EXCERPT_BYTES, Reply
from chalicelib.domain.endpoints import check_url
from chalicelib.domain.errors import UnsafeEndpoint
from chalicelib.ports import Resolver

from .deadline import Deadline
from .dialing import checked_adapter

DEADLINE_SECONDS = 15.0
_READ_BYTES = 16 * 1024
"""An answer up to here is read to its end, so that its connection can be used again."""


class HttpSender:
    """Keeps chalicelib.ports.Sender: no proxy, cookie, credential, redirect or retry of the library's."""

    def __init__(
        self,
        resolver: Resolver,
        policy: EndpointPolicy,
        *,
        deadline: float = DEADLINE_SECONDS,
        connections: int = 10,
        certificates: str | bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`certificates` is a file of authorities to trust in place of the public ones."""
        # The adapter alone, without a session: a session keeps cookies, follows redirects and reads .netrc.
        self._adapter = checked_adapter(resolver, policy, connections=connections)
        self._policy = policy
        self._deadline = deadline
        self._certificates = certificates
        self._monotonic = monotonic

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Reply:
        begun = self._monotonic()
        status, excerpt, retry_after, error = None, "", "", ""
        with Deadline(self._deadline, monotonic=self._monotonic) as deadline:
            try:
                check_url(url, self._policy)
                status, excerpt, retry_after = self._exchange(_request(url, headers, body), deadline)
            except UnsafeEndpoint as refusal:
                error = f"not sent: {refusal}"
            except (requests.RequestException, HTTPError, HTTPException, OSError) as problem:
                error = _in_words(problem)
            # A socket that the deadline shut reads as an answer's end, not as an error.
            if deadline.expired or (error and deadline.is_over):
                status, error = None, f"no complete answer within {self._deadline:g} s"
        duration_ms = round((self._monotonic() - begun) * 1000)
        return Reply(
            duration_ms=duration_ms, status=status, excerpt=excerpt, retry_after=retry_after, error=error
        )

    def _exchange(self, request: PreparedRequest, deadline: Deadline) -> tuple[int, str, str]:
        response = self._adapter.send(
            request, stream=True, timeout=deadline.remaining(), verify=self._certificates, proxies={}
        )
        try:
            return response.status_code, _excerpt(response), response.headers.get("retry-after", "")
        finally:
            response.close()


def _request(url: str, headers: Mapping[str, str], body: bytes) -> PreparedRequest:
    fixed = {"user-agent": "Tillhook", "accept": "*/*", "accept-encoding": "identity"}
    return Request("POST", url, headers=fixed | dict(headers), data=body).prepare()


def _excerpt(response: Response) -> str:
    """The beginning of the answer as text, safe to show; what is compressed stays closed."""
    content = response.raw.read(_READ_BYTES, decode_content=False)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return "(compressed)"
    text = content[:EXCERPT_BYTES].decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "the TLS certificate is not trusted for this name"),
    (ssl.SSLError, "TLS could not be agreed on"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was broken off"),
    (BrokenPipeError, "the connection was broken off"),
    (TimeoutError, "nobody answered in time"),
    (HTTPException, "the answer was not HTTP, or broke off"),
)


def _in_words(problem: Exception) -> str:
    """What went wrong, as an owner can act on it."""
    for cause in _causes(problem):
        for kind, words in _WORDS:
            if isinstance(cause, kind):
                return words
    return "no connection could be made"


def _causes(problem: BaseException) -> list[BaseException]:
    """The problem and what it wraps, innermost first: urllib3 and requests wrap twice, and by argument."""
    found: list[BaseException] = []
    current: BaseException | None = problem
    while current is not None and current not in found:
        found.append(current)
        inner = getattr(current, "reason", None) or next(
            (argument for argument in current.args if isinstance(argument, BaseException)), None
        )
        current = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__
    return found[::-1]
