"""What of an event an endpoint gets, in which form, and whether at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import InvalidExpression, InvalidRequest
from chalicelib.domain.event_types import EVENT_TYPES, example_of
from chalicelib.domain.exchanges import Request
from chalicelib.domain.shaping import MEDIA_TYPES, Unencodable, encode, is_true, point_at
from chalicelib.domain.signing import EndpointSecrets, signed_headers
from chalicelib.ports import ExpressionFailed, Expressions

log = logging.getLogger(__name__)


def wants(
    endpoint: Endpoint, event_type: str, payload: str | dict[str, Any], *, expressions: Expressions
) -> bool:
    """Whether the endpoint is to get the event with this payload (its text, or what that says).

    If its filter can't be applied to it, it is: a webhook too many is seen, one too few is not.
    """
    if not endpoint.hears_of(event_type):
        return False
    if not endpoint.filter:
        return True
    document = _document(payload)
    try:
        return is_true(expressions.search(endpoint.filter, document))
    except ExpressionFailed:
        ids = {"endpoint_id": endpoint.id, "event_id": str(document.get("id", ""))}
        log.warning("filter can't be applied, so the event is delivered", extra=ids)
        return True


def render(
    endpoint: Endpoint,
    event_id: str,
    payload: str,
    *,
    secrets: EndpointSecrets,
    expressions: Expressions,
    now: datetime,
) -> Request:
    """The request that brings the event, signed over the very bytes of its body.

    ExpressionFailed, in plain words, if the payload can't be shaped as the endpoint wants it.
    """
    try:
        body = _shape(endpoint, payload, expressions=expressions)
    except ExpressionFailed as problem:
        raise ExpressionFailed(f"the payload can't be made: {problem}") from None
    signature = signed_headers(message_id=event_id, payload=body, secrets=secrets.at(now), now=now)
    return Request(
        method=endpoint.method,
        url=endpoint.url,
        headers={"content-type": MEDIA_TYPES[endpoint.content_type], **secrets.headers, **signature},
        body=body,
        timeout_seconds=endpoint.timeout_seconds,
    )


def _shape(endpoint: Endpoint, payload: str | dict[str, Any], *, expressions: Expressions) -> bytes:
    if isinstance(payload, str) and not endpoint.payload and endpoint.content_type == "json":
        return payload.encode()
    content = expressions.search(endpoint.payload or "@", _document(payload))
    try:
        return encode(content, endpoint.content_type)
    except Unencodable as problem:
        raise ExpressionFailed(str(problem)) from None


def _document(payload: str | dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(payload, type=dict[str, Any]) if isinstance(payload, str) else payload


def heard_types(endpoint: Endpoint) -> list[str]:
    """The types that it hears of, or would if it were enabled."""
    listening = replace(endpoint, enabled=True)
    return [event_type for event_type in EVENT_TYPES if listening.hears_of(event_type)]


def check_shape(endpoint: Endpoint, *, expressions: Expressions) -> None:
    """Refuse, while its owner is there to read why, what would fail with every event of a type.

    InvalidExpression says in which `field` it is, and with which `event_type` if it can be read at all.
    """
    check_syntax(endpoint, expressions=expressions)
    for event_type in heard_types(endpoint):
        example = example_of(event_type)
        with _refused("filter", endpoint.filter, event_type):
            expressions.search(endpoint.filter or "@", example)
        with _refused("payload", endpoint.payload, event_type):
            _shape(endpoint, example, expressions=expressions)


def check_syntax(endpoint: Endpoint, *, expressions: Expressions) -> None:
    """Refuse what can't be right for any event."""
    if endpoint.content_type == "form" and not endpoint.payload:
        raise InvalidRequest(
            "A form needs a payload that says which fields it has, such as {email: data.order.contact.email}."
        )
    for field, expression in (("filter", endpoint.filter), ("payload", endpoint.payload)):
        try:
            if expression:
                expressions.check(expression)
        except InvalidExpression as error:
            problem = f"The {field} can't be read. {error}"
            raise InvalidExpression(problem, field=field, **error.details) from None


@contextmanager
def _refused(field: str, expression: str, event_type: str) -> Iterator[None]:
    """Refuse the expression if it fails inside, pointing at the place if there is no doubt about it."""
    try:
        yield
    except ExpressionFailed as problem:
        text = f"The {field} fails with the example of {event_type}: {problem}"
        call = f"{problem.function}("
        known: dict[str, object] = {"field": field, "event_type": event_type, "expression": expression}
        if problem.function and expression.count(call) == 1:
            pointed = point_at(expression, expression.index(call), text)
            text, known = str(pointed), known | pointed.details
        advice = f"If the endpoint needs no {event_type}, leave it out of its events."
        raise InvalidExpression(f"{text}\n{advice}", **known) from None
