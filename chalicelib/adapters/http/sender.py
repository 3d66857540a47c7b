"""The one place that speaks to owners' endpoints.

By urllib3 itself and not by requests, which is built upon it: what requests adds (sessions, redirects,
cookies, .netrc, proxies) is what must not happen here, and takes as much time again as the exchange.
"""

from __future__ import annotations

import ssl
import time
from http.client import HTTPException

import certifi
from msgspec.structs import replace
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.endpoints import check_url
from chalicelib.domain.errors import UnsafeEndpoint
from chalicelib.domain.exchanges import EXCERPT_BYTES, KEPT_HEADERS, Reply, Request
from chalicelib.ports import Resolver

from .deadline import Deadline
from .dialing import checked_pools

_READ_BYTES = 16 * 1024
"""An answer up to here is read to its end, so that its connection can be used again."""

_HEADER_CHARACTERS = 200
_HEADERS = {"user-agent": "Tillhook", "accept": "*/*", "accept-encoding": "identity"}


class HttpSender:
    """Keeps chalicelib.ports.Sender: no proxy, cookie, credential, redirect or retry of the library's."""

    def __init__(
        self,
        resolver: Resolver,
        policy: EndpointPolicy,
        *,
        connections: int = 10,
        certificates: str = "",
    ) -> None:
        """`certificates` is a file of authorities to trust in place of the public ones."""
        tls = ssl.create_default_context(cafile=certificates or certifi.where())
        self._pools = checked_pools(resolver, policy, connections=connections, tls=tls)
        self._policy = policy

    def send(self, request: Request) -> Reply:
        begun = time.monotonic()
        with Deadline(request.timeout_seconds) as deadline:
            reply = self._try(request)
            # A socket that the deadline shut reads as an answer's end, not as an error.
            if deadline.expired or (reply.error and deadline.is_over):
                reply = _nothing(f"no complete answer within {request.timeout_seconds:g} s")
        return replace(reply, duration_ms=round((time.monotonic() - begun) * 1000))

    def _try(self, request: Request) -> Reply:
        try:
            check_url(request.url, self._policy)
            return self._exchange(request)
        except UnsafeEndpoint as refusal:
            return _nothing(f"not sent: {refusal}")
        except (HTTPError, HTTPException, OSError) as problem:
            return _nothing(_in_words(problem))

    def _exchange(self, request: Request) -> Reply:
        answer = self._pools.urlopen(
            request.method,
            request.url,
            redirect=False,
            retries=False,
            headers=_HEADERS | {name.lower(): value for name, value in request.headers.items()},
            body=request.body,
            preload_content=False,
            decode_content=False,
        )
        try:
            return Reply(duration_ms=0, status=answer.status, headers=_kept(answer), excerpt=_excerpt(answer))
        finally:
            answer.close()  # with its connection, unless that has gone back to its pool


def _nothing(error: str) -> Reply:
    return Reply(duration_ms=0, error=error)


def _kept(answer: BaseHTTPResponse) -> dict[str, str]:
    """Of the answer's headers those worth keeping, safe to show."""
    found = ((name, answer.headers.get(name)) for name in KEPT_HEADERS)
    return {name: _printable(value[:_HEADER_CHARACTERS]) for name, value in found if value is not None}


def _excerpt(answer: BaseHTTPResponse) -> str:
    """The beginning of the answer as text, safe to show; what is compressed stays closed."""
    content = answer.read(_READ_BYTES, decode_content=False)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return "(compressed)"
    text = _printable(content[:EXCERPT_BYTES].decode("utf-8", errors="replace"), besides="\n\t")
    return text.encode()[:EXCERPT_BYTES].decode(errors="ignore")  # what was replaced has grown threefold


def _printable(text: str, *, besides: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in besides else "�" for character in text
    )


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
    """The problem and what it wraps, innermost first: urllib3 wraps twice, and by argument."""
    found: list[BaseException] = []
    current: BaseException | None = problem
    while current is not None and current not in found:
        found.append(current)
        inner = getattr(current, "reason", None) or next(
            (argument for argument in current.args if isinstance(argument, BaseException)), None
        )
        current = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__
    return found[::-1]
