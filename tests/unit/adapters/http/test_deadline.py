from __future__ import annotations

import socket
import threading
import time

from chalicelib.adapters.http.deadline import Deadline, current


def test_a_watched_socket_is_shut_when_the_time_is_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.05, monotonic=time.monotonic) as deadline:
        deadline.watch(ours)
        theirs.settimeout(5)
        assert theirs.recv(1) == b"", "the other side must see the end"
        assert deadline.expired


def test_a_socket_that_comes_too_late_is_shut_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0, monotonic=time.monotonic) as deadline:
        expired_at = time.monotonic() + 5
        while not deadline.expired:
            assert time.monotonic() < expired_at
        deadline.watch(ours)
        theirs.settimeout(5)
        assert theirs.recv(1) == b""


def test_a_socket_outlives_a_deadline_that_was_kept() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with Deadline(0.05, monotonic=time.monotonic) as deadline:
            deadline.watch(ours)
        threading.Event().wait(0.1)  # past the deadline's hour
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
        assert not deadline.expired


def test_what_remains_falls_with_the_clock_and_stays_above_nothing() -> None:
    moments = iter([100.0, 104.0, 200.0])
    deadline = Deadline(10, monotonic=lambda: next(moments))
    assert deadline.remaining() == 6
    assert 0 < deadline.remaining() < 0.01


def test_each_thread_has_its_own_deadline() -> None:
    seen: list[Deadline] = []
    together = threading.Barrier(2)

    def work() -> None:
        with Deadline(5, monotonic=time.monotonic) as mine:
            together.wait(5)
            assert current() is mine
            seen.append(mine)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, seen))) == 2
