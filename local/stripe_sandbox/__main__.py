"""Run the sandbox until SIGTERM or SIGINT."""

import argparse
import signal
import sys
import threading

from local.stripe_sandbox.sandbox import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET
from local.stripe_sandbox.server import serve


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(
        port=options.port,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        secret_key=options.secret_key,
        publishable_key=options.publishable_key,
    ) as running:
        print(f"stripe sandbox listening on {running.url}", flush=True)
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.stripe_sandbox",
        description="A stand-in for Stripe on 127.0.0.1; GET /_sandbox/health answers once it is there.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port (default)")
    parser.add_argument("--webhook-url", help="where events are sent; none are without it")
    parser.add_argument("--webhook-secret", default=WEBHOOK_SECRET, help="signs them (default: %(default)s)")
    parser.add_argument("--secret-key", default=SECRET_KEY, help="the shop's key (default: %(default)s)")
    parser.add_argument("--publishable-key", default=PUBLISHABLE_KEY, help="browsers' (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
