"""What an exchange with an ordinary receiver comes to."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from chalicelib.adapters.http.sender import HttpSender
from chalicelib.domain.deliveries import EXCERPT_BYTES
from tests.unit.adapters.http.servers import OK, answering, answering_once, serving


def respond(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_the_receiver_gets_exactly_the_bytes_and_headers_that_were_given(patient: HttpSender) -> None:
    with serving(answering(OK)) as server:
        patient.post(server.url, headers={"webhook-id": "evt_1"}, body=b'{"\xc3\xa4": 1}')
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


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "410 Gone", "429 Slow down", "500 Oh no"])
def test_an_answer_is_its_status_and_how_it_begins(patient: HttpSender, status: str) -> None:
    with serving(answering(respond(status, b"thank you"))) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert (reply.status, reply.excerpt, reply.error) == (int(status[:3]), "thank you", "")
    assert 0 <= reply.duration_ms < 5_000


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_has_no_body_by_nature_is_complete(patient: HttpSender, status: str) -> None:
    with serving(answering(f"HTTP/1.1 {status}\r\n\r\n".encode())) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert (reply.status, reply.excerpt, reply.error) == (int(status[:3]), "", "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_its_target_is_never_called(patient: HttpSender, status: int) -> None:
    with serving(answering(OK)) as target:
        answer = respond(f"{status} Elsewhere", b"", f"Location: {target.url}")
        with serving(answering(answer)) as server:
            reply = patient.post(server.url, headers={}, body=b"{}")
    assert reply.status == status
    assert (len(server.received), target.visits) == (1, 0)


def test_a_chunked_answer_is_put_together(patient: HttpSender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serving(answering(answer)) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert (reply.status, reply.excerpt) == (200, "abcde")


def test_one_connection_serves_many_posts(patient: HttpSender) -> None:
    with serving(answering(OK)) as server:
        for _ in range(3):
            assert patient.post(server.url, headers={}, body=b"{}").status == 200
        assert (server.visits, len(server.received)) == (1, 3)


def test_a_kept_connection_that_the_receiver_closed_meanwhile_is_made_anew(patient: HttpSender) -> None:
    with serving(answering_once(OK)) as server:
        for _ in range(3):
            assert patient.post(server.url, headers={}, body=b"{}").status == 200
            server.wait_until_closed()
        assert server.visits == 3


def test_cookies_are_not_sent_back(patient: HttpSender) -> None:
    with serving(answering(respond("200 OK", b"", "Set-Cookie: session=1; Path=/"))) as server:
        for _ in range(2):
            patient.post(server.url, headers={}, body=b"{}")
        assert all("cookie" not in request.headers for request in server.received)


def test_the_environments_proxies_are_ignored(patient: HttpSender, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(OK)) as proxy, serving(answering(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert patient.post(server.url, headers={}, body=b"{}").status == 200
    assert (server.visits, proxy.visits) == (1, 0)


def test_the_users_stored_passwords_are_ignored(
    patient: HttpSender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login owner password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(answering(OK)) as server:
        patient.post(server.url, headers={}, body=b"{}")
    assert "authorization" not in server.received[0].headers


def test_an_excerpt_is_the_first_kilobyte(patient: HttpSender) -> None:
    with serving(answering(respond("200 OK", b"x" * 5000))) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert reply.excerpt == "x" * EXCERPT_BYTES


def test_an_excerpt_is_text_that_is_safe_to_show(patient: HttpSender) -> None:
    body = "né\0\x1b[31m\u202e\n\t".encode() + b"\xff"
    with serving(answering(respond("200 OK", body))) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert reply.excerpt == "né��[31m�\n\t�"


def test_an_excerpt_that_ends_within_a_character_is_still_text(patient: HttpSender) -> None:
    with serving(answering(respond("200 OK", b"x" + "é".encode() * 600))) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert reply.excerpt == "x" + "é" * 511 + "�"


def test_what_is_compressed_stays_closed(patient: HttpSender) -> None:
    answer = respond("200 OK", gzip.compress(b"hello"), "Content-Encoding: gzip")
    with serving(answering(answer)) as server:
        reply = patient.post(server.url, headers={}, body=b"{}")
    assert (reply.status, reply.excerpt) == (200, "(compressed)")


def test_posts_leave_neither_descriptors_nor_threads_behind(patient: HttpSender) -> None:
    with serving(answering_once(OK)) as server:
        patient.post(server.url, headers={}, body=b"{}")
        server.wait_until_closed()
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208 (it is no folder of files)
        for _ in range(20):
            patient.post(server.url, headers={}, body=b"{}")
            server.wait_until_closed()
        assert len(os.listdir("/dev/fd")) <= before + 1  # noqa: PTH208 (as above)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(timeout=5)
            assert not thread.is_alive()
