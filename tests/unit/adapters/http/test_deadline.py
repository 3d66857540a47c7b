from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from chalicelib.adapters.http.deadline import Deadline, at_most, current


def wait_until(condition: Callable[[], bool]) -> None:
    given_up_at = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < given_up_at


def test_a_watched_socket_is_shut_when_the_time_is_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.05) as deadline:
        deadline.watch(ours)
        theirs.settimeout(5)
        assert theirs.recv(1) == b"", "the other side must see the end"
        assert deadline.expired


def test_a_socket_that_comes_too_late_is_shut_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0) as deadline:
        wait_until(lambda: deadline.expired)
        deadline.watch(ours)
        theirs.settimeout(5)
        assert theirs.recv(1) == b""


def test_a_socket_outlives_a_deadline_that_was_kept() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with Deadline(0.05) as deadline:
            deadline.watch(ours)
        threading.Event().wait(0.1)  # past the deadline's hour
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
        assert not deadline.expired


def test_each_deadline_is_kept_in_whatever_order_they_come() -> None:
    with Deadline(60) as patient, Deadline(0.05) as hasty, Deadline(0.1) as hurried:
        wait_until(lambda: hasty.expired and hurried.expired)
        assert not patient.expired


def test_one_thread_watches_over_all_deadlines() -> None:
    with ExitStack() as deadlines:
        for _ in range(50):
            deadlines.enter_context(Deadline(60))
        names = [thread.name for thread in threading.enumerate()]
    assert names.count("deadlines") == 1


def test_outside_of_a_request_only_ones_own_limit_counts() -> None:
    assert at_most(3) == 3
    with Deadline(2):
        assert 1 < at_most(3) <= 2
        assert at_most(1) == 1
    assert at_most(3) == 3


def test_what_remains_falls_with_the_clock_and_stays_above_nothing() -> None:
    moments = iter([100.0, 104.0, 200.0])
    deadline = Deadline(10, monotonic=lambda: next(moments))
    assert deadline.remaining() == 6
    assert 0 < deadline.remaining() < 0.01


def test_each_thread_has_its_own_deadline() -> None:
    seen: list[Deadline] = []
    together = threading.Barrier(2)

    def work() -> None:
        with Deadline(5) as mine:
            together.wait(5)
            assert current() is mine
            seen.append(mine)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, seen))) == 2
