"""What an exchange with an ordinary receiver comes to."""

from __future__ import annotations

import gzip
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from chalicelib.adapters.http.sender import HttpSender
from chalicelib.domain.exchanges import EXCERPT_BYTES, KEPT_HEADERS
from tests.unit.adapters.http.asking import ask
from tests.unit.adapters.http.servers import OK, Visit, answering, answering_once, serving


def respond(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_the_receiver_gets_exactly_the_bytes_and_headers_that_were_given(sender: HttpSender) -> None:
    with serving(answering(OK)) as server:
        sender.send(ask(server.url, headers={"webhook-id": "evt_1"}, body=b'{"\xc3\xa4": 1}'))
    (request,) = server.received
    assert request.line == "POST /hooks?a=1 HTTP/1.1"
    assert request.body == b'{"\xc3\xa4": 1}'
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "Tillhook",
        "accept": "*/*",
        "accept-encoding": "identity",
        "webhook-id": "evt_1",
        "content-length": "9",
    }


def test_head_and_body_arrive_together(sender: HttpSender) -> None:
    """For receivers that read once and take it for all."""
    heard: list[bytes] = []

    def read_once(visit: Visit) -> None:
        heard.append(visit.sock.recv(65_536))
        visit.send(OK)

    with serving(read_once) as server:
        assert sender.send(ask(server.url, body=b"[1, 2]")).status == 200
    assert heard[0].startswith(b"POST /hooks")
    assert heard[0].endswith(b"[1, 2]")


def test_what_a_request_says_of_itself_counts_more_than_what_we_would_say(sender: HttpSender) -> None:
    with serving(answering(OK)) as server:
        sender.send(ask(server.url, headers={"User-Agent": "Ada's shop", "X-Key": "1"}))
    headers = server.received[0].headers
    assert (headers["user-agent"], headers["x-key"]) == ("Ada's shop", "1")


@pytest.mark.parametrize("status", ["200 OK", "503 Later"])
def test_a_put_is_a_put_and_made_once(sender: HttpSender, status: str) -> None:
    """urllib3 would repeat a PUT where it would not repeat a POST."""
    with serving(answering(respond(status, b"", "Retry-After: 0"))) as server:
        reply = sender.send(replace(ask(server.url, body=b"[1]"), method="PUT"))
    (request,) = server.received
    assert (request.line, request.body) == ("PUT /hooks?a=1 HTTP/1.1", b"[1]")
    assert reply.status == int(status[:3])


def test_each_request_has_its_own_time(sender: HttpSender) -> None:
    def take_a_while(visit: Visit) -> None:
        visit.request()
        visit.server.is_closing.wait(1.5)
        visit.send(OK)

    with serving(take_a_while) as server, ThreadPoolExecutor() as pool:
        requests = [ask(server.url, seconds=seconds) for seconds in (30, 0.3, 1)]
        patient, hasty, hurried = pool.map(sender.send, requests)
    assert (patient.status, patient.error) == (200, "")
    assert (hasty.status, hasty.error) == (None, "no complete answer within 0.3 s")
    assert (hurried.status, hurried.error) == (None, "no complete answer within 1 s")
    assert hasty.duration_ms < 1000 <= hurried.duration_ms < patient.duration_ms


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "410 Gone", "429 Slow down", "500 Oh no"])
def test_an_answer_is_its_status_and_how_it_begins(sender: HttpSender, status: str) -> None:
    with serving(answering(respond(status, b"thank you"))) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt, reply.error) == (int(status[:3]), "thank you", "")
    assert 0 <= reply.duration_ms < 5_000


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_has_no_body_by_nature_is_complete(sender: HttpSender, status: str) -> None:
    with serving(answering(f"HTTP/1.1 {status}\r\n\r\n".encode())) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt, reply.error) == (int(status[:3]), "", "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_its_target_is_never_called(sender: HttpSender, status: int) -> None:
    with serving(answering(OK)) as target:
        answer = respond(f"{status} Elsewhere", b"", f"Location: {target.url}")
        with serving(answering(answer)) as server:
            reply = sender.send(ask(server.url))
    assert reply.status == status
    assert (len(server.received), target.visits) == (1, 0)


def test_a_chunked_answer_is_put_together(sender: HttpSender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serving(answering(answer)) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt) == (200, "abcde")


def test_one_connection_serves_many_posts(sender: HttpSender) -> None:
    with serving(answering(OK)) as server:
        for _ in range(3):
            assert sender.send(ask(server.url)).status == 200
        assert (server.visits, len(server.received)) == (1, 3)


def test_a_kept_connection_that_the_receiver_closed_meanwhile_is_made_anew(sender: HttpSender) -> None:
    with serving(answering_once(OK)) as server:
        for _ in range(3):
            assert sender.send(ask(server.url)).status == 200
            server.wait_until_closed()
        assert server.visits == 3


def test_cookies_are_not_sent_back(sender: HttpSender) -> None:
    with serving(answering(respond("200 OK", b"", "Set-Cookie: session=1; Path=/"))) as server:
        for _ in range(2):
            sender.send(ask(server.url))
        assert all("cookie" not in request.headers for request in server.received)


def test_the_environments_proxies_are_ignored(sender: HttpSender, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(OK)) as proxy, serving(answering(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert sender.send(ask(server.url)).status == 200
    assert (server.visits, proxy.visits) == (1, 0)


def test_the_users_stored_passwords_are_ignored(
    sender: HttpSender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login owner password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(answering(OK)) as server:
        sender.send(ask(server.url))
    assert "authorization" not in server.received[0].headers


def test_an_excerpt_is_the_first_four_kilobytes(sender: HttpSender) -> None:
    with serving(answering(respond("200 OK", b"x" * 5000))) as server:
        reply = sender.send(ask(server.url))
    assert reply.excerpt == "x" * EXCERPT_BYTES


def test_an_excerpt_is_text_that_is_safe_to_show(sender: HttpSender) -> None:
    body = "né\0\x1b[31m\u202e\n\t".encode() + b"\xff"
    with serving(answering(respond("200 OK", body))) as server:
        reply = sender.send(ask(server.url))
    assert reply.excerpt == "né��[31m�\n\t�"


def test_an_excerpt_that_ends_within_a_character_is_still_text(sender: HttpSender) -> None:
    with serving(answering(respond("200 OK", b"x" + "é".encode() * 3000))) as server:
        reply = sender.send(ask(server.url))
    assert reply.excerpt == "x" + "é" * 2047


@pytest.mark.parametrize("byte", [b"\xff", b"\0"])
def test_an_excerpt_of_nothing_but_rubbish_is_no_larger_where_it_is_kept(
    sender: HttpSender, byte: bytes
) -> None:
    with serving(answering(respond("200 OK", byte * 5000))) as server:
        reply = sender.send(ask(server.url))
    assert 0 < len(reply.excerpt.encode()) <= EXCERPT_BYTES


def test_those_headers_are_kept_that_help_to_find_the_answer_again(sender: HttpSender) -> None:
    answer = respond("200 OK", b"", "X-Request-ID: 42", "Retry-After: 120", "Set-Cookie: a=1", "X-Other: 1")
    with serving(answering(answer)) as server:
        reply = sender.send(ask(server.url))
    assert reply.headers == {"retry-after": "120", "x-request-id": "42"}


def test_all_headers_worth_keeping_are_kept(sender: HttpSender) -> None:
    answer = respond("200 OK", b"", *(f"{name.title()}: of {name}" for name in KEPT_HEADERS))
    with serving(answering(answer)) as server:
        reply = sender.send(ask(server.url))
    assert reply.headers == {name: f"of {name}" for name in KEPT_HEADERS}


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["Server: " + "x" * 60_000], "x" * 200),
        (["Server: a\x1b[31mb\x00c\x7f"], "a�[31mb�c�"),
        (["Server: a", "Server: b"], "a, b"),
        (["Server: a\r\n folded"], "a folded"),
        (["Server: \xe9\x9b"], "é�"),
        (["Server:"], ""),
    ],
    ids=["long", "unprintable", "repeated", "folded", "not ASCII", "empty"],
)
def test_a_kept_header_is_short_and_safe_to_show(sender: HttpSender, lines: list[str], kept: str) -> None:
    answer = "\r\n".join(["HTTP/1.1 200 OK", "Content-Length: 0", *lines, "", ""]).encode("latin-1")
    with serving(answering(answer)) as server:
        reply = sender.send(ask(server.url))
    assert reply.headers == {"server": kept}


def test_what_is_compressed_stays_closed(sender: HttpSender) -> None:
    answer = respond("200 OK", gzip.compress(b"hello"), "Content-Encoding: gzip")
    with serving(answering(answer)) as server:
        reply = sender.send(ask(server.url))
    assert (reply.status, reply.excerpt) == (200, "(compressed)")


def test_requests_leave_neither_descriptors_nor_threads_behind(sender: HttpSender) -> None:
    with serving(answering_once(OK)) as server:
        sender.send(ask(server.url))
        server.wait_until_closed()
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208 (it is no folder of files)
        for _ in range(20):
            sender.send(ask(server.url))
            server.wait_until_closed()
        assert len(os.listdir("/dev/fd")) <= before + 1  # noqa: PTH208 (as above)
    assert [thread.name for thread in threading.enumerate()].count("deadlines") == 1
