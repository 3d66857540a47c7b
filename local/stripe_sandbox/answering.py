"""One call of the API from its HTTP request to its HTTP answer."""

import json
import socket
from dataclasses import dataclass
from http import HTTPStatus

from flask import Request, Response, request

from local.stripe_sandbox import errors
from local.stripe_sandbox.account import API_VERSION, Cause, JsonObject
from local.stripe_sandbox.calls import Call
from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.expanding import expand
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.idempotency import Answer, KeyUse
from local.stripe_sandbox.keys import presented_key
from local.stripe_sandbox.operations import Operation
from local.stripe_sandbox.parameters import Raw, decode
from local.stripe_sandbox.sandbox import Sandbox


def answer(sandbox: Sandbox, operation: Operation, object_id: str = "") -> Response:
    """Answer the request at hand, with the mishap that may be on order for it."""
    fault = sandbox.faults.take(request.method, request.path)
    request_id = sandbox.new_id("req")
    if fault is None or fault.outcome == "hold":
        return _Conversation(sandbox, operation, object_id, request_id, fault).answer()
    if fault.effect == "after":
        _Conversation(sandbox, operation, object_id, request_id, None).answer()
    if fault.outcome == "drop":
        return drop_connection(request)
    return _mishap(fault, request_id)


@dataclass(frozen=True)
class _Conversation:
    sandbox: Sandbox
    operation: Operation
    object_id: str
    request_id: str
    fault: Fault | None

    def answer(self) -> Response:
        try:
            return self._answer()
        except StripeError as error:
            return error_response(error, self.request_id)

    def _answer(self) -> Response:
        encoded = request.query_string if request.method == "GET" else request.get_data()
        raw = decode(encoded.decode(errors="replace"))
        key = presented_key(request.authorization, raw.pop("key", None))
        by_browser = self.sandbox.keys.is_browser(key)
        _check_version(request.headers.get("Stripe-Version"))
        idempotency_key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if not idempotency_key:
            return _response(self._work(raw, by_browser=by_browser), self.request_id)
        use = KeyUse(key=idempotency_key, caller=key, endpoint=request.path, parameters=raw)
        kept, replayed = self.sandbox.idempotency.once(use, lambda: self._work(raw, by_browser=by_browser))
        headers = {"Idempotency-Key": idempotency_key, "Original-Request": kept.request_id}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return _response(kept, self.request_id, headers)

    def _work(self, raw: dict[str, Raw], *, by_browser: bool) -> Answer:
        """Raise what is refused before anything happens; every later error is an answer like others."""
        params = self.operation.read(raw, by_browser=by_browser)
        if self.fault:
            self.sandbox.faults.hold()
        call = Call(
            params=params,
            object_id=self.object_id,
            by_browser=by_browser,
            base_url=request.host_url.rstrip("/"),
        )
        cause = Cause(request_id=self.request_id, idempotency_key=request.headers.get("Idempotency-Key"))
        with self.sandbox.account.changing(cause):
            status, body = self._run(call)
            return Answer(status=status, body=json.dumps(body, indent=2), request_id=self.request_id)

    def _run(self, call: Call) -> tuple[int, JsonObject]:
        account = self.sandbox.account
        try:
            done = self.operation.run(account, call)
            return HTTPStatus.OK, expand(account, done, call.params.get("expand", []))
        except StripeError as error:
            return error.status, error.body


def error_response(error: StripeError, request_id: str) -> Response:
    body = json.dumps(error.body, indent=2)
    retry = {"Stripe-Should-Retry": "true"} if error.status == HTTPStatus.CONFLICT else {}
    return _response(Answer(status=error.status, body=body, request_id=request_id), request_id, retry)


def drop_connection(dropped: Request) -> Response:
    """Close the socket under the request; whatever is returned then reaches nobody."""
    connection: socket.socket = dropped.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=HTTPStatus.NO_CONTENT)


def _mishap(fault: Fault, request_id: str) -> Response:
    error = StripeError("An error ordered of this sandbox.", status=fault.status, kind="api_error")
    response = error_response(error, request_id)
    response.headers.update(fault.headers)
    return response


def _check_version(asked: str | None) -> None:
    if asked not in {None, API_VERSION}:
        raise errors.StripeError(f"Invalid Stripe API version: {asked}. This sandbox speaks {API_VERSION}.")


def _response(kept: Answer, request_id: str, headers: dict[str, str] | None = None) -> Response:
    response = Response(kept.body, status=kept.status, content_type="application/json")
    response.headers["Request-Id"] = request_id
    response.headers["Stripe-Version"] = API_VERSION
    response.headers.update(headers or {})
    return response
