"""What an owner is shown of an endpoint before anything is sent to it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from chalicelib import wiring
from tests.integration.api.callers import Json, Shop
from tests.making import an_event, an_id

URL = "https://hooks.example.com/till"
MAILCHIMP = {
    "url": URL,
    "events": ["order.paid"],
    "method": "PUT",
    "headers": {"Authorization": "Basic c2VjcmV0"},
    "payload": "{email_address: data.order.contact.email, status_if_new: 'subscribed'}",
}
MOODLE = {
    "url": "https://learn.example.com/webservice/rest/server.php",
    "events": ["order.paid"],
    "content_type": "form",
    "payload": """{wsfunction: 'core_user_create_users', "users[0][email]": data.order.contact.email}""",
    "filter": "data.order.lines[?sku=='course']",
}


def preview(shop: Shop, body: Json) -> Any:  # noqa: ANN401 (JSON)
    return shop.admin("POST", "/endpoints/preview", {"event_type": "order.paid"} | body)


def test_the_request_is_shown_with_its_secrets_hidden(shop: Shop) -> None:
    with shop.unchanged():
        shown = preview(shop, MAILCHIMP)
    assert (shown["matches"], shown["why"], shown["method"], shown["url"]) == (True, "", "PUT", URL)
    assert shown["body"] == '{"email_address":"ada@example.com","status_if_new":"subscribed"}'
    assert list(shown["headers"]) == [
        "content-type", "Authorization", "webhook-id", "webhook-timestamp", "webhook-signature",
    ]  # fmt: skip
    assert shown["headers"]["Authorization"] == "•••"


def test_a_form_is_shown_as_it_goes_out_even_if_it_would_not(shop: Shop) -> None:
    shown = preview(shop, MOODLE)
    assert (shown["matches"], shown["why"]) == (False, "The filter gives [].")
    assert shown["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(shown["body"])) == {
        "wsfunction": "core_user_create_users",
        "users[0][email]": "ada@example.com",
    }


def test_a_saved_endpoint_is_shown_as_it_is_and_as_it_would_be(shop: Shop) -> None:
    saved = {"endpoint_id": shop.admin("POST", "/endpoints", MAILCHIMP)["endpoint"]["id"]}
    with shop.unchanged():
        as_it_is = preview(shop, saved)
        assert as_it_is["headers"]["Authorization"] == "•••"
        assert json.loads(as_it_is["body"])["status_if_new"] == "subscribed"
        draft = preview(shop, saved | {"payload": "", "headers": {"X-Key": "1"}, "method": "POST"})
    assert (draft["method"], json.loads(draft["body"])["type"]) == ("POST", "order.paid")
    assert "Authorization" not in draft["headers"]
    assert draft["headers"]["X-Key"] == "•••"


def test_an_event_that_has_happened_is_shown_as_it_was(shop: Shop) -> None:
    event = an_event(data="Zoë")
    wiring.events().put_event(event)
    shown = shop.admin("POST", "/endpoints/preview", {"url": URL, "event_id": event.id})
    assert (shown["body"], shown["headers"]["webhook-id"]) == (event.payload, event.id)


def test_nobody_is_asked_for_the_name(shop: Shop) -> None:
    assert preview(shop, {"url": "https://nowhere.example.com/"})["matches"]


@pytest.mark.parametrize(
    ("body", "field", "column"),
    [({"filter": "data..order"}, "filter", 6), ({"payload": "{a: nope(id)}"}, "payload", 5)],
)
def test_a_bad_expression_is_refused_where_it_is_bad(shop: Shop, body: Json, field: str, column: int) -> None:
    answer = shop.admin_call("POST", "/endpoints/preview", {"url": URL, "event_type": "order.paid"} | body)
    error = answer.refusal(422, "InvalidExpression")
    assert (error["field"], error["line"], error["column"]) == (field, 1, column)


def test_a_shape_that_fails_with_this_event_is_refused(shop: Shop) -> None:
    body = {"url": URL, "payload": "data.order", "event_type": "test.ping"}
    error = shop.admin_call("POST", "/endpoints/preview", body).refusal(422, "InvalidExpression")
    assert "finds nothing" in error["message"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({}, 400, "UnsafeEndpoint"), ({"url": URL}, 400, "InvalidRequest"),
        ({"event_type": "order.paid"}, 400, "UnsafeEndpoint"),
        ({"url": URL, "event_type": "order.payed"}, 400, "InvalidRequest"),
        ({"url": URL, "event_type": "order.paid", "event_id": an_id("evt")}, 400, "InvalidRequest"),
        ({"url": URL, "event_id": an_id("evt")}, 404, "EventNotFound"),
        ({"url": URL, "event_id": "x"}, 404, "EventNotFound"),
        ({"endpoint_id": an_id("ep"), "event_type": "order.paid"}, 404, "EndpointNotFound"),
        ({"endpoint_id": "x", "event_type": "order.paid"}, 404, "EndpointNotFound"),
        ({"url": "https://127.0.0.1/", "event_type": "order.paid"}, 400, "UnsafeEndpoint"),
        ({"url": URL, "event_type": "order.paid", "events": ["order.payed"]}, 400, "InvalidRequest"),
        ({"url": URL, "event_type": "order.paid", "headers": {"Host": "x"}}, 400, "InvalidRequest"),
        ({"url": URL, "event_type": "order.paid", "content_type": "form"}, 400, "InvalidRequest"),
        ({"url": URL, "event_type": "order.paid", "enabled": False}, 400, "InvalidRequest"),
        ({"url": URL, "event_type": "order.paid", "secret": "x"}, 400, "InvalidRequest"),
    ],
)  # fmt: skip
def test_what_can_not_be_shown_is_refused(shop: Shop, body: Json, status: int, kind: str) -> None:
    shop.admin_call("POST", "/endpoints/preview", body).refusal(status, kind)
