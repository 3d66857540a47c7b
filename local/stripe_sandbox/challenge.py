"""3-D Secure: the page a card holder is sent to, and the answer that it (or Stripe.js's dialog) gives."""

from html import escape
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from local.stripe_sandbox import errors, intents, settling
from local.stripe_sandbox.account import JsonObject
from local.stripe_sandbox.calls import Call
from local.stripe_sandbox.currencies import in_words
from local.stripe_sandbox.sandbox import Sandbox

PATH = "/_sandbox/3ds"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>3-D Secure test page</title>
<h1>3-D Secure test page</h1>
<p>Your bank asks: do you want to pay {amount}?</p>
<form method="post" action="{path}">
<input type="hidden" name="client_secret" value="{secret}">
<button name="outcome" value="succeeded">Complete</button>
<button name="outcome" value="failed">Fail</button>
</form>
"""
_REDIRECT_STATUS = {"succeeded": "succeeded", "processing": "pending"}


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("challenge", __name__, url_prefix=PATH)
    account = sandbox.account

    @routes.get("/<intent_id>")
    def ask(intent_id: str) -> str:
        with account.changing():
            intent = _proven(account.payment_intents.get(intent_id), request.args.get("client_secret"))
            return _PAGE.format(
                amount=escape(in_words(intent["amount"], intent["currency"])),
                path=escape(f"{PATH}/{intent_id}"),
                secret=escape(intent["client_secret"]),
            )

    @routes.post("/<intent_id>")
    def hear(intent_id: str) -> ResponseReturnValue:
        with account.changing():
            intent = _proven(account.payment_intents.get(intent_id), request.form.get("client_secret"))
            return_url = _return_url(intent)
            settling.authenticate(account, intent, passed=request.form.get("outcome") == "succeeded")
            if return_url:
                return redirect(_back(return_url, intent), code=HTTPStatus.SEE_OTHER)
            return jsonify(intents.shown(intent, Call(params={}, by_browser=True)))

    @routes.errorhandler(errors.StripeError)
    def refuse(error: errors.StripeError) -> tuple[Response, int]:
        return jsonify(error.body), error.status

    return routes


def _proven(intent: JsonObject, client_secret: str | None) -> JsonObject:
    if client_secret != intent["client_secret"]:
        raise errors.wrong_client_secret()
    return intent


def _return_url(intent: JsonObject) -> str | None:
    redirection = (intent["next_action"] or {}).get("redirect_to_url", {})
    url: str | None = redirection.get("return_url")
    return url


def _back(return_url: str, intent: JsonObject) -> str:
    told = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": _REDIRECT_STATUS.get(intent["status"], "failed"),
    }
    parts = urlsplit(return_url)
    query = "&".join(part for part in (parts.query, urlencode(told)) if part)
    return parts._replace(query=query).geturl()
