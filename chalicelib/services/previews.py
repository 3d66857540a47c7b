"""Showing an owner what an endpoint would be sent."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import EventNotFound, InvalidExpression, InvalidRequest
from chalicelib.domain.event_types import EVENT_TYPES, example_of
from chalicelib.domain.events import Envelope
from chalicelib.domain.exchanges import Method
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.shaping import is_true
from chalicelib.domain.signing import EndpointSecrets
from chalicelib.ports import EventStore, ExpressionFailed, Expressions

from .shaping import check_syntax, heard_types, render

HIDDEN = "•••"
"""Stands for a value that is never shown."""

UNSIGNED = "v1,(made anew for each attempt)"


class Preview(Struct, frozen=True, kw_only=True):
    """The request that an event would become. If `matches` is false, `why` says why it would not be sent.

    `headers` stand in their order, without those that the connection adds; what is secret is hidden.
    """

    matches: bool
    why: str
    method: Method
    url: str
    headers: dict[str, str]
    body: str


class Sample(Struct, frozen=True, kw_only=True):
    """An event to show a request with."""

    id: str
    type: str
    payload: str
    not_to: str = ""


def find_sample(event_type: str | None, event_id: str | None, *, events: EventStore) -> Sample:
    """The example of a type, or an event that has happened."""
    if (event_type is None) == (event_id is None):
        raise InvalidRequest("Name either an event_type, for its example, or an event_id.")
    if event_type is not None:
        return _example(event_type)
    event = events.get_event(event_id) if event_id and is_id("evt", event_id) else None
    if event is None:
        raise EventNotFound
    return Sample(id=event.id, type=event.type, payload=event.payload, not_to=event.not_to)


def _example(event_type: str) -> Sample:
    if event_type not in EVENT_TYPES:
        raise InvalidRequest(f"There is no event type {event_type!r}. See GET /events/types.")
    envelope = msgspec.convert(example_of(event_type), Envelope)
    return Sample(id=envelope.id, type=event_type, payload=msgspec.json.encode(envelope).decode())


def preview(endpoint: Endpoint, sample: Sample, *, expressions: Expressions, now: datetime) -> Preview:
    """What would be sent, without sending it; InvalidExpression if that can't be made."""
    check_syntax(endpoint, expressions=expressions)
    matches, why = _judge(endpoint, sample, expressions=expressions)
    secrets = EndpointSecrets([], dict.fromkeys(endpoint.header_names, HIDDEN))
    try:
        request = render(
            endpoint, sample.id, sample.payload, secrets=secrets, expressions=expressions, now=now
        )
    except ExpressionFailed as problem:
        text = f"With this event {problem}."
        raise InvalidExpression(text, field="payload", expression=endpoint.payload) from None
    return Preview(
        matches=matches,
        why=why,
        method=request.method,
        url=request.url,
        headers={**request.headers, "webhook-signature": UNSIGNED},
        body=request.body.decode(),
    )


def _judge(endpoint: Endpoint, sample: Sample, *, expressions: Expressions) -> tuple[bool, str]:
    """Whether the event would be sent, as services.shaping.wants() has it, and why not."""
    if sample.not_to and sample.not_to == endpoint.id:
        return False, "The event is about this endpoint itself."
    if not endpoint.hears_of(sample.type):
        is_subscribed = sample.type in heard_types(endpoint)
        return False, "The endpoint is disabled." if is_subscribed else f"Its events leave out {sample.type}."
    if not endpoint.filter:
        return True, ""
    try:
        found = expressions.search(endpoint.filter, msgspec.json.decode(sample.payload))
    except ExpressionFailed as problem:
        return True, f"The filter can't be applied: {problem}. Such an event is delivered."
    if is_true(found):
        return True, ""
    return False, f"The filter gives {msgspec.json.encode(found).decode()}."
