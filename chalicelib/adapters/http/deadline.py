"""One deadline over everything that a request does, whatever a receiver does to draw it out."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import TIMEOUT_MAX, Condition, Lock, Thread, local
from types import TracebackType
from typing import Self

_current = local()


def current() -> Deadline:
    """The deadline that this thread's request runs under."""
    deadline: Deadline = _current.deadline
    return deadline


def at_most(seconds: float) -> float:
    """So many seconds, or what is left of them to this thread's request, if it is at one."""
    deadline: Deadline | None = getattr(_current, "deadline", None)
    return seconds if deadline is None else min(seconds, deadline.remaining())


class Deadline:
    """A context: when its time is up, every watched socket is shut, and whoever reads from it wakes.

    Timeouts of sockets would be no help: they are per operation, and a receiver that sends a byte a second
    never meets them.
    """

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self.ends = monotonic() + seconds
        self.expired = False

    @property
    def is_over(self) -> bool:
        """Whether the time is up. Whoever dials may notice that a moment before the watch does."""
        return self.expired or self._monotonic() >= self.ends

    def remaining(self) -> float:
        """Seconds; never less than a moment, since a socket takes 0 for "do not block"."""
        return max(self.ends - self._monotonic(), 0.001)

    def watch(self, sock: socket.socket) -> None:
        # A duplicate: TLS takes the descriptor out of the object that it wraps, in the middle of its work.
        watched = socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))
        with self._lock:
            self._sockets.append(watched)
            if self.expired:
                _shut(watched)

    def expire(self) -> None:
        with self._lock:
            self.expired = True
            for sock in self._sockets:
                _shut(sock)

    def __enter__(self) -> Self:
        _watchdog.add(self)
        _current.deadline = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watchdog.remove(self)
        _current.deadline = None
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()


class _Watchdog:
    """One thread that sees to all deadlines: a thread for each costs more than the request it watches."""

    def __init__(self) -> None:
        self._running: set[Deadline] = set()
        self._changed = Condition()
        self._wakes_at = inf
        self._is_awake = False

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            if not self._is_awake:
                Thread(target=self._watch, name="deadlines", daemon=True).start()
                self._is_awake = True
            self._running.add(deadline)
            if deadline.ends < self._wakes_at:
                self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        with self._changed:
            self._running.discard(deadline)

    def _watch(self) -> None:
        with self._changed:
            while True:
                for deadline in [deadline for deadline in self._running if deadline.is_over]:
                    deadline.expire()
                    self._running.remove(deadline)
                self._wakes_at = min((deadline.ends for deadline in self._running), default=inf)
                self._changed.wait(min(self._wakes_at - time.monotonic(), TIMEOUT_MAX))


_watchdog = _Watchdog()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        sock.shutdown(socket.SHUT_RDWR)
