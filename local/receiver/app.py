"""The receiver as a web application.

    POST /hook            webhooks: 200 if verified, 400 if not
    GET  /                the page for people
    GET  /received.json   the same for programs
    PUT  /secret          {"secret": "whsec_…"}: verify with this from now on

It trusts whoever is on this machine, but no web page that a browser here may have open: only its own
names for itself are answered, and the secret is taken as JSON, which no foreign page may send.
"""

import json
import secrets
from datetime import datetime
from typing import Any

import msgspec
from flask import Flask, Response, abort, render_template, request

from chalicelib.domain.money import display
from local.receiver.inbox import Inbox, Received, Unverified

_MOST_BYTES = 1024 * 1024


def create_app(inbox: Inbox) -> Flask:
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.jinja_env.filters |= {"money": _money, "clock": _clock, "pretty": _pretty, "order": _order}

    @app.post("/hook")
    def hook() -> tuple[str, int]:
        received = inbox.take(request.get_data(), {name.lower(): value for name, value in request.headers})
        return ("verified", 200) if received.verified else (received.problem, 400)

    @app.get("/")
    def page() -> Response:
        nonce = secrets.token_urlsafe(16)
        received = inbox.newest()
        html = render_template(
            "page.html",
            received=received,
            verified=sum(one.verified for one in received),
            refused=sum(not one.verified for one in received),
            has_secret=inbox.has_secret,
            hook_url=f"{request.host_url}hook",
            nonce=nonce,
        )
        return _closed(Response(html), nonce)

    @app.get("/received.json")
    def received_json() -> Response:
        return _json({"received": [_described(received) for received in inbox.newest()]})

    @app.put("/secret")
    def use_secret() -> Response:
        given = request.get_json()
        if not isinstance(given, dict) or not isinstance(given.get("secret"), str):
            abort(400)
        try:
            inbox.use_secret(given["secret"])
        except Unverified as error:
            return _json({"error": str(error)}, status=400)
        return _json({})

    return app


def _described(received: Received) -> dict[str, Any]:
    return {"verified": received.verified, **msgspec.to_builtins(received)}


def _json(content: object, *, status: int = 200) -> Response:
    body = msgspec.json.format(msgspec.json.encode(content))
    return Response(
        body,
        status=status,
        mimetype="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _closed(response: Response, nonce: str) -> Response:
    """Nothing on the page but its own style and script, and nothing from elsewhere."""
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _money(amount: object, currency: object) -> str:
    """An amount of the payload; empty if it is none, since the page shows any event there is."""
    return display(amount, currency) if isinstance(amount, int) and isinstance(currency, str) else ""


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def _order(payload: dict[str, Any]) -> dict[str, Any]:
    """The order that a payload is about; empty if it is about something else."""
    content = payload.get("data")
    order = content.get("order") if isinstance(content, dict) else None
    return order if isinstance(order, dict) else {}


def _pretty(payload: dict[str, Any]) -> str:
    return json.dumps(payload, indent=2, ensure_ascii=False)
