"""The control API under ``/_sandbox``: what tests and people order of the sandbox, in JSON.

GET  health                                  {"status": "ok", …}
POST reset                                   all is forgotten but keys and webhook endpoints

POST payment_intents/ID/authenticate         {"outcome": "succeeded" | "failed"}    the 3-D Secure answer
POST payment_intents/ID/complete             {"outcome": "succeeded" | "failed"}    a bank debit's end
POST refunds/ID/settle                       {"outcome": "succeeded" | "failed"}
PUT  tax_rates                               {"rates": {"US-NY": {"default": 88750, "txcd_…"?: 0}}}
                                             in millionths; "shipping" is shipping's
POST disputes                                {"payment_intent", "reason"?, "amount"?}
POST disputes/ID/close                       {"outcome": "won" | "lost"}

GET, PUT webhooks/endpoints                  {"endpoints": [{"url", "secret", "events"?: ["charge.*"]}]}
GET, PUT webhooks/switches                   {"duplicate"?: 0, "reorder"?: false, "delay"?: 0, "hold"?: false}
GET  webhooks/held                           {"event_ids": […]}
POST webhooks/release                        {"order"?: "oldest_first" | "newest_first", "event_ids"?: […]}
POST webhooks/resend                         {"event_id"}
GET  webhooks/sent                           {"attempts": […]}, each with the answer it got
GET  webhooks/idle?timeout=5                 {"idle": true} once nothing is on its way

GET, POST, DELETE faults                     see `Fault`
POST faults/release                          let held calls go on
"""

from typing import Annotated, Literal, TypeVar

import msgspec
from flask import Blueprint, Response, jsonify, request

from local.stripe_sandbox import disputes, refunds, settling
from local.stripe_sandbox.account import API_VERSION, JsonObject
from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.sandbox import Sandbox
from local.stripe_sandbox.webhooks import Endpoint, Order, Switches

_Body = TypeVar("_Body")
_LONGEST_WAIT = 30.0


class Endpoints(msgspec.Struct, forbid_unknown_fields=True):
    endpoints: tuple[Endpoint, ...]


class Release(msgspec.Struct, forbid_unknown_fields=True):
    order: Order = "oldest_first"
    event_ids: list[str] | None = None


class Resend(msgspec.Struct, forbid_unknown_fields=True):
    event_id: str


class TaxRates(msgspec.Struct, forbid_unknown_fields=True):
    rates: dict[str, dict[str, Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]]]


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    outcome: Literal["succeeded", "failed"]


class NewDispute(msgspec.Struct, forbid_unknown_fields=True):
    payment_intent: str
    reason: str = "fraudulent"
    amount: int | None = None


class Verdict(msgspec.Struct, forbid_unknown_fields=True):
    outcome: Literal["won", "lost"]


def blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control", __name__, url_prefix="/_sandbox")
    _add_housekeeping(routes, sandbox)
    _add_payments(routes, sandbox)
    _add_webhooks(routes, sandbox)
    _add_faults(routes, sandbox)
    routes.register_error_handler(msgspec.MsgspecError, _refuse_body)
    routes.register_error_handler(StripeError, _refuse)
    return routes


def _add_housekeeping(routes: Blueprint, sandbox: Sandbox) -> None:
    @routes.get("/health")
    def health() -> JsonObject:
        return {"status": "ok", "api_version": API_VERSION}

    @routes.post("/reset")
    def reset() -> JsonObject:
        sandbox.reset()
        return {}


def _add_payments(routes: Blueprint, sandbox: Sandbox) -> None:
    account = sandbox.account

    @routes.post("/payment_intents/<intent_id>/authenticate")
    def authenticate(intent_id: str) -> JsonObject:
        passed = _body(Outcome).outcome == "succeeded"
        with account.changing():
            intent = account.payment_intents.get(intent_id)
            settling.authenticate(account, intent, passed=passed)
            return dict(intent)

    @routes.post("/payment_intents/<intent_id>/complete")
    def complete(intent_id: str) -> JsonObject:
        paid = _body(Outcome).outcome == "succeeded"
        with account.changing():
            intent = account.payment_intents.get(intent_id)
            settling.complete(account, intent, paid=paid)
            return dict(intent)

    @routes.post("/refunds/<refund_id>/settle")
    def settle(refund_id: str) -> JsonObject:
        outcome = _body(Outcome).outcome
        with account.changing():
            return dict(refunds.settle(account, refund_id, outcome))

    @routes.put("/tax_rates")
    def set_tax_rates() -> JsonObject:
        rates = _body(TaxRates).rates
        with account.changing():
            account.tax_rates = rates
            return {"rates": rates}

    @routes.post("/disputes")
    def dispute() -> JsonObject:
        new = _body(NewDispute)
        with account.changing():
            intent = account.payment_intents.get(new.payment_intent)
            if not intent["latest_charge"]:
                raise StripeError("Nothing was charged that could be disputed.")
            charge = account.charges.get(intent["latest_charge"])
            return dict(disputes.open_dispute(account, charge, reason=new.reason, amount=new.amount))

    @routes.post("/disputes/<dispute_id>/close")
    def close(dispute_id: str) -> JsonObject:
        verdict = _body(Verdict).outcome
        with account.changing():
            return dict(disputes.close(account, dispute_id, verdict))


def _add_webhooks(routes: Blueprint, sandbox: Sandbox) -> None:
    courier = sandbox.webhooks

    @routes.get("/webhooks/endpoints")
    def endpoints() -> JsonObject:
        return {"endpoints": msgspec.to_builtins(courier.endpoints)}

    @routes.put("/webhooks/endpoints")
    def set_endpoints() -> JsonObject:
        courier.endpoints = _body(Endpoints).endpoints
        return {"endpoints": msgspec.to_builtins(courier.endpoints)}

    @routes.get("/webhooks/switches")
    def switches() -> Response:
        return jsonify(msgspec.to_builtins(courier.switches))

    @routes.put("/webhooks/switches")
    def set_switches() -> Response:
        courier.switches = _body(Switches)
        return jsonify(msgspec.to_builtins(courier.switches))

    @routes.get("/webhooks/held")
    def held() -> JsonObject:
        return {"event_ids": courier.held()}

    @routes.post("/webhooks/release")
    def release() -> JsonObject:
        wish = _body(Release)
        return {"event_ids": courier.release(order=wish.order, event_ids=wish.event_ids)}

    @routes.post("/webhooks/resend")
    def resend() -> JsonObject:
        with sandbox.account.changing():
            event = sandbox.account.events.get(_body(Resend).event_id)
            courier.resend(event)
            return dict(event)

    @routes.get("/webhooks/sent")
    def sent() -> JsonObject:
        return {"attempts": msgspec.to_builtins(courier.attempts())}

    @routes.get("/webhooks/idle")
    def idle() -> JsonObject:
        timeout = request.args.get("timeout", default=0.0, type=float)
        return {"idle": courier.wait_until_idle(min(timeout, _LONGEST_WAIT))}


def _add_faults(routes: Blueprint, sandbox: Sandbox) -> None:
    faults = sandbox.faults

    @routes.get("/faults")
    def show_faults() -> dict[str, object]:
        return faults.state()

    @routes.post("/faults")
    def add_fault() -> dict[str, object]:
        faults.add(_body(Fault))
        return faults.state()

    @routes.post("/faults/release")
    def release_calls() -> dict[str, object]:
        faults.release()
        return faults.state()

    @routes.delete("/faults")
    def clear_faults() -> dict[str, object]:
        faults.clear()
        return faults.state()


def _body(kind: type[_Body]) -> _Body:
    return msgspec.json.decode(request.get_data() or b"{}", type=kind)


def _refuse_body(error: msgspec.MsgspecError) -> tuple[JsonObject, int]:
    return {"error": {"message": str(error), "type": "invalid_request_error"}}, 400


def _refuse(error: StripeError) -> tuple[JsonObject, int]:
    return error.body, error.status
