"""Receivers on the loopback interface that do to a sender whatever a script tells them."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came in; `headers` by lower-case name."""

    line: str
    headers: dict[str, str]
    body: bytes


class Visit:
    """One connection, in the hands of the script."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock

    def request(self) -> Received | None:
        """The next request, remembered by the server; None at the end of the connection."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.sock.recv(1)
            if not byte:
                return None
            head += byte
        line, *lines = head.decode("latin-1").strip().split("\r\n")
        pairs = [text.partition(":")[::2] for text in lines]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        received = Received(line=line, headers=headers, body=self._body(int(headers["content-length"])))
        self.server.received.append(received)
        return received

    def _body(self, length: int) -> bytes:
        body = b""
        while len(body) < length:
            body += self.sock.recv(length - len(body))
        return body

    def send(self, content: bytes) -> None:
        self.sock.sendall(content)

    def drip(self, content: bytes, *, every: float = 0.05) -> None:
        """One byte at a time, so that no read ever waits long, and never done."""
        for byte in content:
            if self.server.is_closing.wait(every):
                return
            self.send(bytes([byte]))

    def flood(self, content: bytes) -> None:
        """Over and over, until the other side has had enough."""
        while not self.server.is_closing.is_set():
            self.send(content)

    def idle(self) -> None:
        """Say nothing and keep the line open."""
        self.server.is_closing.wait(30)

    def reset(self) -> None:
        """Close it with a RST: what was under way is lost."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()


Script = Callable[[Visit], None]


@dataclass
class Server:
    """`visits` counts connections, `received` keeps the requests of all of them."""

    port: int
    visits: int = 0
    received: list[Received] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)
    gone: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/hooks?a=1"

    def https(self, name: str) -> str:
        return f"https://{name}:{self.port}/hooks"

    def wait_until_closed(self) -> None:
        """Return when one more connection has been closed."""
        assert self.gone.acquire(timeout=5)


def answering(*answers: bytes) -> Script:
    """Give one answer after another, on as few connections as the sender needs, then the last one."""
    left = list(answers)

    def script(visit: Visit) -> None:
        while visit.request() is not None:
            visit.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def answering_once(answer: bytes) -> Script:
    """One answer for each connection, which is then closed without a word about it."""

    def script(visit: Visit) -> None:
        visit.request()
        visit.send(answer)

    return script


@contextmanager
def serving(
    script: Script, *, tls: ssl.SSLContext | None = None, family: int = socket.AF_INET
) -> Iterator[Server]:
    listener = socket.create_server(
        (HOST if family == socket.AF_INET else "::1", 0), family=family, backlog=20
    )
    server = Server(listener.getsockname()[1])
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            server.visits += 1
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            sockets.append(sock)
            threads.append(threading.Thread(target=_serve, args=(server, sock, script), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        server.is_closing.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(timeout=5)
        for sock in sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=5)


def _serve(server: Server, sock: socket.socket, script: Script) -> None:
    with suppress(OSError), sock:  # the sender may hang up
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        script(Visit(server, sock))
    server.gone.release()


@contextmanager
def never_accepting() -> Iterator[str]:
    """The address of somebody whose queue of callers is full, so that no connection comes about."""
    with socket.create_server((HOST, 0), backlog=0) as listener:
        address = listener.getsockname()
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.settimeout(0)
            caller.connect_ex(address)
        try:
            yield f"http://{HOST}:{address[1]}/"
        finally:
            for caller in callers:
                caller.close()
