"""The sandbox as an HTTP server on the loopback interface.

Werkzeug's threaded server rather than waitress: it hands a request its socket, so that a connection can be
dropped for real, and a call that is held under way takes no thread from the others.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.serving import WSGIRequestHandler, make_server

from local.stripe_sandbox.account import Clock, NewId
from local.stripe_sandbox.app import create_app
from local.stripe_sandbox.sandbox import (
    PUBLISHABLE_KEY,
    SECRET_KEY,
    WEBHOOK_SECRET,
    Sandbox,
    random_id,
)
from local.stripe_sandbox.webhooks import RETRY_DELAYS, Endpoint

__all__ = ["Running", "create_app", "serve"]

_HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A sandbox that answers at `url`; its parts are there for tests in the same process."""

    url: str
    sandbox: Sandbox
    secret_key: str
    publishable_key: str


class _Quiet(WSGIRequestHandler):
    """No line per request: what was sent and answered can be asked of the control API."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def serve(
    *,
    port: int = 0,
    webhook_url: str | None = None,
    webhook_secret: str = WEBHOOK_SECRET,
    secret_key: str = SECRET_KEY,
    publishable_key: str = PUBLISHABLE_KEY,
    clock: Clock = time.time,
    new_id: NewId = random_id,
    retry_delays: tuple[float, ...] = RETRY_DELAYS,
) -> Iterator[Running]:
    """Answer from here to the end of the block; port 0 takes any free one."""
    sandbox = Sandbox(
        secret_key=secret_key,
        publishable_key=publishable_key,
        endpoints=[Endpoint(webhook_url, webhook_secret)] if webhook_url else [],
        clock=clock,
        new_id=new_id,
        retry_delays=retry_delays,
    )
    server = make_server(_HOST, port, create_app(sandbox), threaded=True, request_handler=_Quiet)
    # The default polls for shutdown every half second, which every test would wait for.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    sandbox.webhooks.start()
    thread.start()
    try:
        yield Running(
            url=f"http://{_HOST}:{server.server_port}",
            sandbox=sandbox,
            secret_key=secret_key,
            publishable_key=publishable_key,
        )
    finally:
        sandbox.faults.clear()
        server.shutdown()
        thread.join()
        server.server_close()
        sandbox.webhooks.stop()
