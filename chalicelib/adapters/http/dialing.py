"""Connections that are only ever made to an address that was checked.

The name is resolved, every address of it is checked, and one of those very addresses is dialled; TLS and
the Host header keep the name. So nothing can change between the check and the connection.
"""

from __future__ import annotations

import socket
from http.client import HTTPResponse, LineTooLong
from io import BufferedIOBase
from ssl import SSLContext
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from chalicelib.domain.addresses import EndpointPolicy, IPAddress
from chalicelib.domain.endpoints import check_addresses
from chalicelib.ports import Resolver

from . import deadline

_ENDPOINTS = 64
"""How many endpoints' connections are kept."""

_HEAD_BYTES = 64 * 1024
"""An answer's status and headers beyond this are no answer."""


class _Answer(HTTPResponse):
    """http.client's, where a receiver could make it take memory without bound."""

    def begin(self) -> None:
        """Read the head. http.client would take a hundred lines of 64 KB each, and "Continue" without end."""
        stream = self.fp
        self.fp = _Head(stream)  # type: ignore[assignment]  # all that begin() asks of it
        try:
            super().begin()
        finally:
            if self.fp is not None:  # as it is once closed
                self.fp = stream

    def _read_next_chunk_size(self) -> int:
        """http.client takes a negative size for "read to the end"."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # http.client's own, untyped
        if size < 0:
            raise ValueError  # which http.client takes for a broken chunk
        return size


class _Head:
    """An answer's stream up to its body, within bounds."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._left = _HEAD_BYTES
        self._stream = stream
        self.close = stream.close

    def readline(self, limit: int) -> bytes:
        line = self._stream.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("head")
        return line


def checked_pools(
    resolver: Resolver, policy: EndpointPolicy, *, connections: int, tls: SSLContext
) -> PoolManager:
    """Pools of connections, up to `connections` per endpoint, for requests that run under a deadline."""

    class Dial:
        """What both kinds of connection do differently."""

        host: str
        port: int
        sock: socket.socket | None
        _unsent: list[bytes]

        def _new_conn(self) -> socket.socket:
            addresses = check_addresses(self.host, resolver.resolve(self.host), policy)
            return _dial(addresses, self.port)

        def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (urllib3's own signature)
            """Head and body leave together, as one packet, and not each by itself."""
            if self.sock is not None:  # kept alive since an earlier request
                deadline.current().watch(self.sock)
            self._unsent = []
            super().request(*args, **options)  # type: ignore[misc]  # the connection that this is mixed into
            super().send(b"".join(self._unsent))  # type: ignore[misc]  # as above

        def send(self, data: Any) -> None:  # noqa: ANN401 (urllib3 has bytes here, where http.client may have more)
            self._unsent.append(data)

    class CheckedHTTPConnection(Dial, HTTPConnection):
        response_class = _Answer

    class CheckedHTTPSConnection(Dial, HTTPSConnection):
        response_class = _Answer

    class CheckedHTTPPool(HTTPConnectionPool):
        ConnectionCls = CheckedHTTPConnection

    class CheckedHTTPSPool(HTTPSConnectionPool):
        ConnectionCls = CheckedHTTPSConnection

    # No ProxyManager, and so no proxy, whatever the environment says.
    pools = PoolManager(num_pools=_ENDPOINTS, maxsize=connections, ssl_context=tls)
    pools.pool_classes_by_scheme = {"http": CheckedHTTPPool, "https": CheckedHTTPSPool}
    return pools


def _dial(addresses: list[IPAddress], port: int) -> socket.socket:
    """A connection to the first address that takes one, within the time that is left for the request."""
    limit = deadline.current()
    problem: OSError | None = None
    for index, address in enumerate(addresses):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 (IP's versions)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            # A dead address must leave time for the next one.
            sock.settimeout(limit.remaining() / (len(addresses) - index))
            sock.connect((str(address), port))
            sock.settimeout(None)  # from here on the deadline ends whatever blocks
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            limit.watch(sock)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem or OSError("no address")
