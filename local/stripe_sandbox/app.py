"""The sandbox as a WSGI application: Stripe's API, its script for browsers, and the control API."""

from functools import partial
from pathlib import Path

from flask import Flask, Response, request

from local.stripe_sandbox import challenge, control
from local.stripe_sandbox.answering import answer, error_response
from local.stripe_sandbox.errors import StripeError, unknown_url
from local.stripe_sandbox.operations import OPERATIONS
from local.stripe_sandbox.sandbox import Sandbox

_SCRIPT = Path(__file__).with_name("stripe.js")
_PLACEHOLDER = "http://sandbox.invalid"


def create_app(sandbox: Sandbox) -> Flask:
    app = Flask("stripe_sandbox")
    for operation in OPERATIONS:
        view = partial(answer, sandbox, operation)
        app.add_url_rule(operation.path, operation.name, view, methods=[operation.method])
    app.add_url_rule("/v3/", "stripe.js", stripe_js)
    app.add_url_rule("/<release>/stripe.js", "stripe.js", stripe_js)
    app.register_blueprint(challenge.blueprint(sandbox))
    app.register_blueprint(control.blueprint(sandbox))
    app.register_error_handler(404, partial(_unknown, sandbox))
    app.register_error_handler(405, partial(_unknown, sandbox))
    app.after_request(allow_browsers)
    return app


def stripe_js(release: str = "v3") -> Response:  # noqa: ARG001  (one script stands in for every release)
    """The script, told where it came from."""
    script = _SCRIPT.read_text(encoding="utf-8").replace(_PLACEHOLDER, request.host_url.rstrip("/"))
    return Response(script, content_type="text/javascript; charset=utf-8")


def allow_browsers(response: Response) -> Response:
    """Pages of any origin may call what Stripe.js calls; the control API is for tests, not for pages."""
    if request.path.startswith("/_sandbox/") and not request.path.startswith(challenge.PATH):
        return response
    response.headers.update(
        {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
            "Access-Control-Expose-Headers": "Request-Id, Stripe-Version, Idempotent-Replayed",
            "Access-Control-Max-Age": "300",
        }
    )
    return response


def _unknown(sandbox: Sandbox, _: Exception) -> Response:
    error: StripeError = unknown_url(request.method, request.path)
    return error_response(error, sandbox.new_id("req"))
