"""A receiver may do what it likes: the sender ends in time, in little memory, and says what happened."""

from __future__ import annotations

import socket
import ssl
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.http.sender import HttpSender
from chalicelib.domain.exchanges import EXCERPT_BYTES
from tests.making import LOOPBACK
from tests.unit.adapters.http import hostility
from tests.unit.adapters.http.asking import DEADLINE, PATIENCE_MS, ask, hurry
from tests.unit.adapters.http.resolving import Names
from tests.unit.adapters.http.servers import OK, Script, Server, Visit, never_accepting, serving

LATE = f"no complete answer within {DEADLINE} s"
BROKEN_OFF = "the connection was broken off"
NOT_HTTP = "the answer was not HTTP, or broke off"
LITTLE_MEMORY = 2_000_000


def named(script: Script) -> str:
    """A test's name for it."""
    return script.__name__.replace("_", " ")


@contextmanager
def little_memory() -> Iterator[None]:
    """What happens inside takes little of it at any moment."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LITTLE_MEMORY


@pytest.mark.parametrize("script", hostility.DRAWN_OUT, ids=named)
def test_one_deadline_covers_the_whole_exchange(sender: HttpSender, script: Script) -> None:
    with serving(script) as server, little_memory():
        reply = sender.send(hurry(server.url))
    assert (reply.status, reply.headers, reply.excerpt, reply.error) == (None, {}, "", LATE)
    assert DEADLINE * 1000 - 50 <= reply.duration_ms < PATIENCE_MS


def test_a_kept_connection_is_under_the_deadline_too(sender: HttpSender) -> None:
    def answer_then_drip(visit: Visit) -> None:
        visit.request()
        visit.send(OK)
        hostility.drip_headers(visit)

    with serving(answer_then_drip) as server:
        assert sender.send(hurry(server.url)).status == 200
        reply = sender.send(hurry(server.url))
        assert (server.visits, reply.status, reply.error) == (1, None, LATE)


def test_a_connection_that_missed_its_deadline_is_not_used_again(sender: HttpSender) -> None:
    def be_slow_once(visit: Visit) -> None:
        if visit.server.visits == 1:
            hostility.drip_body(visit)
        else:
            visit.request()
            visit.send(OK)

    with serving(be_slow_once) as server:
        assert sender.send(hurry(server.url)).status is None
        assert sender.send(hurry(server.url)).status == 200
        assert server.visits == 2


def test_a_body_that_is_not_taken_does_not_hold_the_sender(sender: HttpSender) -> None:
    with serving(hostility.read_nothing) as server:
        reply = sender.send(hurry(server.url, body=b"x" * 20_000_000))
    assert (reply.status, reply.error) == (None, LATE)
    assert reply.duration_ms < PATIENCE_MS


def test_somebody_who_never_picks_up_is_given_up(sender: HttpSender) -> None:
    with never_accepting() as url:
        reply = sender.send(hurry(url))
    assert reply.status is None
    assert reply.error in {LATE, "nobody answered in time"}  # the socket's own clock may be faster
    assert reply.duration_ms < PATIENCE_MS


@pytest.mark.parametrize("say", [b"", b"\x16\x03\x03\x40\x00"], ids=["silent", "dripping"])
def test_a_tls_handshake_is_under_the_deadline_too(sender: HttpSender, say: bytes) -> None:
    def never_agree(visit: Visit) -> None:
        visit.drip(say + bytes(500) if say else b"")
        visit.idle()

    with serving(never_agree) as server:
        reply = sender.send(hurry(server.https("127.0.0.1")))
    assert (reply.status, reply.error) == (None, LATE)
    assert reply.duration_ms < PATIENCE_MS


def test_a_tls_answer_that_drips_is_under_the_deadline_too(
    trusting: HttpSender, certificate: ssl.SSLContext
) -> None:
    with serving(hostility.drip_body, tls=certificate) as server:
        reply = trusting.send(hurry(server.https("hook.example")))
    assert (len(server.received), reply.status, reply.error) == (1, None, LATE)


def test_one_slow_receiver_does_not_end_the_exchange_with_another(sender: HttpSender) -> None:
    """Deadlines belong to their own request."""
    with serving(hostility.drip_body) as slow, serving(answering_ok) as fast:
        assert sender.send(hurry(slow.url)).error == LATE
        assert sender.send(hurry(fast.url)).status == 200


def answering_ok(visit: Visit) -> None:
    while visit.request() is not None:
        visit.send(OK)


@pytest.mark.parametrize("script", hostility.WITHOUT_END, ids=named)
def test_an_answer_without_end_is_read_for_its_beginning(sender: HttpSender, script: Script) -> None:
    with serving(script) as server, little_memory():
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt, reply.error) == (200, "x" * EXCERPT_BYTES, "")


@pytest.mark.parametrize("script", hostility.NO_ANSWER, ids=named)
def test_what_goes_beyond_all_bounds_is_no_answer(sender: HttpSender, script: Script) -> None:
    with serving(script) as server, little_memory():
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.error) == (None, NOT_HTTP)


def test_a_gzip_bomb_does_not_go_off(sender: HttpSender) -> None:
    with serving(hostility.throw_a_gzip_bomb) as server, little_memory():
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt) == (200, "(compressed)")


def say(content: bytes) -> Script:
    def script(visit: Visit) -> None:
        visit.request()
        visit.send(content)

    return script


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"x" * 100_000 + b"\r\n",
        b"".join(b"X-%d: x\r\n" % number for number in range(1000)),
    ],
    ids=["one long", "many"],
)
def test_headers_beyond_reason_are_no_answer(sender: HttpSender, head: bytes) -> None:
    with serving(say(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.error) == (None, NOT_HTTP)


@pytest.mark.parametrize(
    "content",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\xff\xfe\r\n\r\n",
        b"HTTP/1.1 one OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_what_is_not_http_is_said_to_be_none(sender: HttpSender, content: bytes) -> None:
    with serving(say(content)) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.error) == (None, NOT_HTTP)


def test_a_body_that_ends_early_changes_nothing_about_its_status(sender: HttpSender) -> None:
    with serving(say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt) == (200, "short")


@pytest.mark.parametrize("script", hostility.BREAKING_OFF, ids=named)
def test_a_connection_that_breaks_off_is_no_answer(sender: HttpSender, script: Script) -> None:
    with serving(script) as server:
        reply = sender.send(ask(server.url))
        assert (reply.status, reply.error) == (None, BROKEN_OFF)
        assert len(server.received) == 1, "the library must not try again by itself"


def test_nobody_at_home_is_a_refused_connection(sender: HttpSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = sender.send(ask(f"http://127.0.0.1:{port}/"))
    assert (reply.status, reply.error) == (None, "the connection was refused")


class Anything:
    """Says whatever it is told to, and hangs up."""

    def __init__(self) -> None:
        self.content = b""

    def __call__(self, visit: Visit) -> None:
        visit.request()
        visit.send(self.content)


@pytest.fixture(scope="module")
def anything() -> Iterator[tuple[Anything, Server]]:
    script = Anything()
    with serving(script) as server:
        yield script, server


pieces = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 301 Gone\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 3, 4\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: br\r\n",
        b"Content-Type: text/html; charset=\xff\r\n",
        b"Set-Cookie: \xff=\r\n",
        b"Location: http://[\r\n",
        b"Connection: keep-alive\r\n",
        b"\r\n",
        b"abc",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
    ]
)


@given(content=st.lists(pieces | st.binary(max_size=40), max_size=12).map(b"".join))
@settings(max_examples=150, deadline=None)
def test_whatever_comes_back_is_a_status_or_words_and_never_an_exception(
    anything: tuple[Anything, Server], content: bytes
) -> None:
    script, server = anything
    script.content = content
    reply = HttpSender(Names(), LOOPBACK).send(ask(server.url))
    assert (reply.status is None) == bool(reply.error)
    assert len(reply.excerpt) <= EXCERPT_BYTES


@pytest.fixture
def certificate(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(context)
    return context


@pytest.fixture
def trusting(trusted: object) -> HttpSender:
    names = Names(hook_example=[["127.0.0.1"]])
    return HttpSender(names, LOOPBACK, certificates=str(trusted))
