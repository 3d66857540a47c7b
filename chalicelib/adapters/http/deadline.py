"""One deadline over everything that a request does, whatever a receiver does to draw it out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Timer, local
from types import TracebackType
from typing import Self

_current = local()


def current() -> Deadline:
    """The deadline that this thread's request runs under."""
    deadline: Deadline = _current.deadline
    return deadline


class Deadline:
    """A context: when its time is up, every watched socket is shut, and whoever reads from it wakes.

    requests' timeouts are per socket operation: a receiver that sends a byte a second never meets them.
    """

    def __init__(self, seconds: float, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._ends = monotonic() + seconds
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._timer = Timer(seconds, self._expire)
        self._timer.daemon = True
        self.expired = False

    @property
    def is_over(self) -> bool:
        """Whether the time is up. A socket's own timeout may notice that a moment before the timer does."""
        return self.expired or self._monotonic() >= self._ends

    def remaining(self) -> float:
        """Seconds; never less than a moment, since a socket takes 0 for "do not block"."""
        return max(self._ends - self._monotonic(), 0.001)

    def watch(self, sock: socket.socket) -> None:
        # A duplicate: TLS takes the descriptor out of the object that it wraps, in the middle of its work.
        watched = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._sockets.append(watched)
            if self.expired:
                _shut(watched)

    def __enter__(self) -> Self:
        _current.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for sock in self._sockets:
                _shut(sock)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        sock.shutdown(socket.SHUT_RDWR)
