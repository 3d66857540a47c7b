"""Run the receiver until SIGTERM or SIGINT.

    python -m local.receiver --port 0

The secret comes by PUT /secret: it is known only once the endpoint is registered, and an argument would
be seen in the list of processes.
"""

import argparse
import signal
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

from local.receiver.app import create_app
from local.receiver.inbox import Inbox

_HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    """No line per request: the page shows what matters."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.receiver", description="Verify webhooks and show them on a page."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port (default)")
    port = parser.parse_args(arguments).port
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = make_server(_HOST, port, create_app(Inbox()), threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"receiver listening on http://{_HOST}:{server.server_port}", flush=True)
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
