from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.adapters.jmespath import JmesPath
from chalicelib.domain.endpoints import Endpoint, disabled
from chalicelib.domain.errors import EventNotFound, InvalidExpression, InvalidRequest
from chalicelib.domain.event_types import EVENT_TYPES, example_of
from chalicelib.services.previews import Preview, find_sample, preview
from chalicelib.services.shaping import render
from tests.fakes import NOW, World
from tests.making import an_endpoint, an_event, an_id, signing_secrets

PATH = JmesPath()
HOOK = replace(an_endpoint(events=("order.*",)), header_names=["Authorization", "X-Shop"])


def shown(endpoint: Endpoint, event_type: str = "order.paid", **changes: Any) -> Preview:  # noqa: ANN401 (fields)
    sample = find_sample(event_type, None, events=World())
    return preview(replace(endpoint, **changes), sample, expressions=PATH, now=NOW)


def test_a_preview_is_the_request_without_what_is_secret() -> None:
    hook = replace(HOOK, method="PUT", payload="{email: data.order.contact.email}")
    found = shown(hook)
    sample = find_sample("order.paid", None, events=World())
    secrets = signing_secrets("whsec_c2VjcmV0").with_headers({"Authorization": "Basic x", "X-Shop": "mine"})
    request = render(hook, sample.id, sample.payload, secrets=secrets, expressions=PATH, now=NOW)
    assert (found.method, found.url, found.body) == (request.method, request.url, request.body.decode())
    assert list(found.headers) == list(request.headers)
    hidden = {"Authorization": "•••", "X-Shop": "•••", "webhook-signature": "v1,(made anew for each attempt)"}
    assert found.headers == {**request.headers, **hidden}


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_type_has_an_example_in_the_form_in_which_events_are_sent(event_type: str) -> None:
    found = shown(an_endpoint(), event_type)
    assert found.matches
    body = json.loads(found.body)
    assert body == example_of(event_type)
    assert list(body) == ["id", "type", "timestamp", "data"]
    assert found.headers["webhook-id"] == body["id"]


def test_an_event_that_has_happened_is_shown_as_it_was() -> None:
    world, event = World(), an_event(data="Zoë")
    world.put_event(event)
    found = preview(HOOK, find_sample(None, event.id, events=world), expressions=PATH, now=NOW)
    assert (found.body, found.headers["webhook-id"]) == (event.payload, event.id)


@pytest.mark.parametrize("event_id", ["", "nothing", an_id("evt", "missing"), an_id("ord")])
def test_what_is_no_event_is_not_found(event_id: str) -> None:
    with pytest.raises(EventNotFound):
        find_sample(None, event_id, events=World())


@pytest.mark.parametrize(
    ("event_type", "event_id"),
    [(None, None), ("order.paid", an_id("evt")), ("order.payed", None), ("", None)],
)
def test_an_example_or_an_event_has_to_be_named(event_type: str | None, event_id: str | None) -> None:
    with pytest.raises(InvalidRequest):
        find_sample(event_type, event_id, events=World())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"events": ["order.payment_failed"]}, "Its events leave out order.paid."),
        ({"enabled": False}, "The endpoint is disabled."),
        ({"filter": "data.order.lines[?sku=='shirt']"}, "The filter gives []."),
        ({"filter": "data.order.missing"}, "The filter gives null."),
    ],
)
def test_what_would_not_be_sent_is_shown_with_the_reason(changes: dict[str, Any], why: str) -> None:
    found = shown(HOOK, **changes)
    assert (found.matches, found.why) == (False, why)
    assert found.body


def test_what_would_be_sent_needs_no_reason() -> None:
    found = shown(HOOK, filter="data.order.lines[?sku=='mug']")
    assert (found.matches, found.why) == (True, "")


def test_what_we_disabled_would_hear_of_it_later() -> None:
    assert shown(disabled(HOOK, "It answered 410 Gone.", now=NOW)).matches


def test_a_filter_that_fails_with_this_event_lets_it_through_and_says_so() -> None:
    found = shown(HOOK, filter="length(data.missing)")
    assert found.matches
    assert found.why.startswith("The filter can't be applied: length() takes")


def test_an_event_about_the_endpoint_itself_is_for_others() -> None:
    world, event = World(), an_event(not_to=HOOK.id)
    world.put_event(event)
    found = preview(HOOK, find_sample(None, event.id, events=world), expressions=PATH, now=NOW)
    assert (found.matches, found.why) == (False, "The event is about this endpoint itself.")


@pytest.mark.parametrize("field", ["filter", "payload"])
def test_what_can_not_be_read_is_refused_with_its_place(field: str) -> None:
    with pytest.raises(InvalidExpression) as refusal:
        shown(HOOK, **{field: "data..order"})
    assert (refusal.value.details["field"], refusal.value.details["column"]) == (field, 6)


def test_what_fails_with_this_event_is_refused() -> None:
    with pytest.raises(
        InvalidExpression, match="With this event the payload can't be made: it finds nothing"
    ):
        shown(HOOK, payload="data.missing")
