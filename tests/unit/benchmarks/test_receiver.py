"""The receiver answers, and knows how often it was called."""

from __future__ import annotations

import socket
import time
from http.client import HTTPConnection

from benchmarks.receiver import Receiver, receiving


def _post(connection: HTTPConnection) -> bytes:
    connection.request("POST", "/hook", body=b"x" * 100_000)
    return connection.getresponse().read()


def _calling(receiver: Receiver) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", receiver.port, timeout=5)


def test_connections_and_requests_are_counted_apart() -> None:
    with receiving() as receiver:
        one, another = _calling(receiver), _calling(receiver)
        assert [_post(one), _post(one), _post(another)] == [b"thanks"] * 3
        one.close()
        another.close()
    assert (receiver.connections, receiver.requests) == (2, 3)


def test_a_slow_receiver_takes_its_time() -> None:
    with receiving(delay=0.1) as receiver:
        connection = _calling(receiver)
        began = time.monotonic()
        assert _post(connection) == b"thanks"
        assert time.monotonic() - began >= 0.1
        connection.close()


def test_whoever_is_still_connected_is_cut_off_at_the_end() -> None:
    with receiving() as receiver:
        caller = socket.create_connection(("127.0.0.1", receiver.port), timeout=5)
        caller.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
        assert caller.recv(8) == b"HTTP/1.1"
    with caller:
        assert not caller.recv(1000) or caller.recv(1) == b""
