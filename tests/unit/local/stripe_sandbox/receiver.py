"""A webhook endpoint that remembers what it was sent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

SECRET = "whsec_of_the_test"


@dataclass(frozen=True)
class Webhook:
    payload: bytes
    signature: str

    @property
    def event(self) -> stripe.Event:
        """Verified as our own callback would."""
        return stripe.Webhook.construct_event(self.payload, self.signature, SECRET)  # type: ignore[no-any-return]  # the SDK leaves this function untyped


class Receiver:
    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []  # the next ones; 200 when there are none
        self._webhooks: list[Webhook] = []
        self._arrived = threading.Condition()

    def take(self, webhook: Webhook) -> int:
        with self._arrived:
            self._webhooks.append(webhook)
            self._arrived.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, count: int) -> list[Webhook]:
        """Return the first `count` webhooks once they are there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self._webhooks) >= count, timeout=5), self._webhooks
            return self._webhooks[:count]

    def types(self, count: int) -> list[str]:
        return [webhook.event.type for webhook in self.wait_for(count)]

    @property
    def received(self) -> int:
        with self._arrived:
            return len(self._webhooks)


def _handler(take: Callable[[Webhook], int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(take(Webhook(payload, self.headers["Stripe-Signature"])))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver.take))
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
