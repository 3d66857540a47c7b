"""An owner's endpoint that takes as little of the machine as it can, and counts its callers."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

HOST = "localhost"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nthanks"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Receiver:
    """`connections` counts those that were accepted, `requests` what was answered on them."""

    port: int
    scheme: str
    connections: int = 0
    requests: int = 0
    open: list[asyncio.Transport] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}/hook"


class _Visit(asyncio.Protocol):
    """One connection: every request is answered with 200, after `delay` seconds."""

    def __init__(self, receiver: Receiver, delay: float) -> None:
        self._receiver = receiver
        self._delay = delay
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (asyncio gives no other to a server)
        self._receiver.connections += 1
        self._receiver.open.append(transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return
        self._heard = b""  # nobody speaks before the answer
        self._receiver.requests += 1
        asyncio.get_running_loop().call_later(self._delay, self._transport.write, ANSWER)


@contextmanager
def receiving(*, delay: float = 0.0, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Take requests at a free port, in a thread of this process: whoever is measured runs in another."""
    receiver = Receiver(port=0, scheme="http" if tls is None else "https")
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: _Visit(receiver, delay), "127.0.0.1", 0, ssl=tls, backlog=100)
    )
    receiver.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for transport in receiver.open:
            transport.abort()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
