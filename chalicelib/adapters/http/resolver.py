"""Name lookup that ends in time."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from chalicelib.domain.addresses import IPAddress

from .deadline import at_most

_LIMIT_SECONDS = 5.0


class SystemResolver:
    """Keeps chalicelib.ports.Resolver with the system's own resolver."""

    def __init__(
        self,
        *,
        getaddrinfo: Callable[..., Sequence[tuple[Any, ...]]] = socket.getaddrinfo,
        limit: float = _LIMIT_SECONDS,
    ) -> None:
        self._getaddrinfo = getaddrinfo
        self._limit = limit

    def resolve(self, host: str) -> list[IPAddress]:
        """All addresses of a name, in the system's order; empty if there are none, or none in time."""
        answers: SimpleQueue[list[IPAddress]] = SimpleQueue()
        # getaddrinfo can't be interrupted, so it gets a thread that may outlive the question.
        Thread(target=lambda: answers.put(self._look_up(host)), daemon=True).start()
        try:
            return answers.get(timeout=at_most(self._limit))
        except Empty:
            return []

    def _look_up(self, host: str) -> list[IPAddress]:
        try:
            found = self._getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        texts = [str(address[0]) for *_, address in found]
        return [ipaddress.ip_address(text.split("%", maxsplit=1)[0]) for text in dict.fromkeys(texts)]
