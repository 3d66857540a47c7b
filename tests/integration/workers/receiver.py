"""An owner's endpoint on the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True, kw_only=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> dict[str, Any]:
        """The payload, once the official library has found it signed with the secret."""
        payload: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return payload


@dataclass
class Receiver:
    """Answers with `status(post)` and the body `says`; `posts` has what came, in the order of arrival."""

    url: str
    posts: list[Post] = field(default_factory=list)
    status: Callable[[Post], int] = lambda _: 200
    says: bytes = b"thanks"

    def at(self, path: object) -> str:
        return f"{self.url}/{path}"

    def paths(self) -> list[str]:
        return sorted(post.path.removeprefix("/") for post in self.posts)

    def waits_for(self, number: int) -> None:
        """Answer nobody before so many are here together; 508 to whoever waits in vain."""
        together = threading.Barrier(number, timeout=12)  # within the sender's 15 s

        def status(_: Post) -> int:
            try:
                together.wait()
            except threading.BrokenBarrierError:
                return 508
            return 200

        self.status = status


class _Server(ThreadingHTTPServer):
    request_queue_size = 50


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = Post(path=self.path, headers=headers, body=body)
            receiver.posts.append(post)
            self.send_response(receiver.status(post))
            self.send_header("content-length", str(len(receiver.says)))
            self.end_headers()
            self.wfile.write(receiver.says)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
