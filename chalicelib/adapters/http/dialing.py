"""Connections that are only ever made to an address that was checked.

The name is resolved, every address of it is checked, and one of those very addresses is dialled; TLS and
the Host header keep the name. So nothing can change between the check and the connection.
"""

from __future__ import annotations

import socket
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from chalicelib.domain.addresses import EndpointPolicy, IPAddress
from chalicelib.domain.endpoints import check_addresses
from chalicelib.ports import Resolver

from . import deadline


class _Answer(HTTPResponse):
    """http.client takes a chunk's negative size for "read to the end", without bound in memory."""

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # http.client's own, untyped
        if size < 0:
            raise ValueError  # which http.client takes for a broken chunk
        return size


def checked_adapter(resolver: Resolver, policy: EndpointPolicy, *, connections: int) -> HTTPAdapter:
    """An adapter for requests that keeps up to `connections` open per endpoint."""

    class Dial:
        """What both kinds of connection do differently."""

        host: str
        port: int
        sock: socket.socket | None

        def _new_conn(self) -> socket.socket:
            addresses = check_addresses(self.host, resolver.resolve(self.host), policy)
            return _dial(addresses, self.port)

        def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (urllib3's own signature)
            if self.sock is not None:  # kept alive since an earlier request
                deadline.current().watch(self.sock)
            super().request(*args, **options)  # type: ignore[misc]  # the connection that this is mixed into

    class CheckedHTTPConnection(Dial, HTTPConnection):
        response_class = _Answer

    class CheckedHTTPSConnection(Dial, HTTPSConnection):
        response_class = _Answer

    class CheckedHTTPPool(HTTPConnectionPool):
        ConnectionCls = CheckedHTTPConnection

    class CheckedHTTPSPool(HTTPSConnectionPool):
        ConnectionCls = CheckedHTTPSConnection

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, connections: int, maxsize: int, **_options: object) -> None:  # type: ignore[override]  # requests gives `block` by name
            self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize)
            self.poolmanager.pool_classes_by_scheme = {
                "http": CheckedHTTPPool,
                "https": CheckedHTTPSPool,
            }

    return Adapter(max_retries=0, pool_connections=64, pool_maxsize=connections)


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
            sock.settimeout(limit.remaining())
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            limit.watch(sock)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem or OSError("no address")
