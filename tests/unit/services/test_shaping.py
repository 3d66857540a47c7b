"""Third parties' APIs as endpoints, with no code in between."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook

from chalicelib import wiring
from chalicelib.adapters.jmespath import JmesPath
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import InvalidExpression, InvalidRequest
from chalicelib.domain.event_types import example_of
from chalicelib.domain.exchanges import Request
from chalicelib.domain.signing import EndpointSecrets
from chalicelib.ports import ExpressionFailed
from chalicelib.services.shaping import check_shape, render, wants
from tests.fakes import NOW
from tests.making import an_endpoint, signing_secrets

PATH = JmesPath()
SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
PAID = msgspec.json.encode(example_of("order.paid")).decode()
EVENT_ID = "evt_n3kw7y2vq5c4tj6hzx6m2b3d4e"

MAILCHIMP = replace(
    an_endpoint(url="https://us1.api.mailchimp.com/3.0/lists/a1b2c3/members/ada", events=("order.paid",)),
    method="PUT",
    payload="""{
        email_address: data.order.contact.email,
        status_if_new: 'subscribed',
        merge_fields: {FNAME: data.order.contact.name, ORDER: data.order.id}
    }""",
    header_names=["Authorization"],
)
LISTMONK = replace(
    an_endpoint(url="https://lists.example.com/subscription/form", events=("order.paid",)),
    content_type="form",
    payload="{email: data.order.contact.email, name: data.order.contact.name, l: ['uuid-1', 'uuid-2']}",
)
MOODLE = replace(
    an_endpoint(url="https://learn.example.com/webservice/rest/server.php", events=("order.paid",)),
    content_type="form",
    filter="data.order.lines[?sku=='mug']",
    payload="""{
        wsfunction: 'core_user_create_users',
        moodlewsrestformat: 'json',
        "users[0][email]": data.order.contact.email,
        "users[0][createpassword]": `1`,
        "users[0][idnumber]": data.order.id
    }""",
)


def sent(endpoint: Endpoint, *, headers: dict[str, str] | None = None, payload: str = PAID) -> Request:
    secrets = signing_secrets(SECRET).with_headers(headers or {})
    return render(endpoint, EVENT_ID, payload, secrets=secrets, expressions=PATH, now=NOW)


def test_without_a_shape_the_event_goes_out_as_the_bytes_that_it_is() -> None:
    payload = '{"id": "evt_1",  "name":"Zo\\u00eb 茶"}'
    request = sent(an_endpoint(), payload=payload)
    assert request.body == payload.encode()
    assert (request.method, request.url, request.timeout_seconds) == ("POST", an_endpoint().url, 15)
    assert list(request.headers) == ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"]
    assert request.headers["content-type"] == "application/json"


def test_a_mailing_list_is_told_to_subscribe_the_buyer() -> None:
    check_shape(MAILCHIMP, expressions=PATH)
    request = sent(MAILCHIMP, headers={"Authorization": "Basic YW55OmtleQ=="})
    assert (request.method, request.url) == ("PUT", MAILCHIMP.url)
    assert json.loads(request.body) == {
        "email_address": "ada@example.com",
        "status_if_new": "subscribed",
        "merge_fields": {"FNAME": "Ada Lovelace", "ORDER": "ord_n3kw7y2vq5c4tj6hzx6m2b3d4e"},
    }
    assert list(request.headers)[:2] == ["content-type", "Authorization"]
    assert request.headers["Authorization"] == "Basic YW55OmtleQ=="


def test_a_mailing_list_that_takes_forms_gets_a_form() -> None:
    check_shape(LISTMONK, expressions=PATH)
    request = sent(LISTMONK)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(request.body.decode(), strict_parsing=True) == [
        ("email", "ada@example.com"), ("name", "Ada Lovelace"), ("l", "uuid-1"), ("l", "uuid-2"),
    ]  # fmt: skip


def test_a_course_platform_is_told_of_a_new_pupil() -> None:
    check_shape(MOODLE, expressions=PATH)
    assert wants(MOODLE, "order.paid", PAID, expressions=PATH)
    fields = dict(parse_qsl(sent(MOODLE).body.decode(), strict_parsing=True))
    assert (fields["users[0][email]"], fields["users[0][createpassword]"]) == ("ada@example.com", "1")


@pytest.mark.parametrize(
    "endpoint", [an_endpoint(), MAILCHIMP, LISTMONK, MOODLE], ids=lambda hook: hook.method
)
def test_the_signature_is_of_the_very_bytes_that_go_out(endpoint: Endpoint) -> None:
    now = wiring.now()  # the library has its own clock
    secrets = signing_secrets(SECRET)
    request = render(endpoint, EVENT_ID, PAID, secrets=secrets, expressions=PATH, now=now)
    Webhook(SECRET).verify(request.body, dict(request.headers), json_parse=False)


def test_the_timeout_is_the_endpoints() -> None:
    assert sent(replace(an_endpoint(), timeout_seconds=30)).timeout_seconds == 30


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"payload": "data.missing"}, "nothing"), ({"payload": "length(data.missing)"}, r"length\(\)"),
        ({"payload": "data", "content_type": "form"}, "field order"), ({"payload": "&data"}, "&"),
        ({"content_type": "form"}, "field data"),
    ],
)  # fmt: skip
def test_what_can_not_be_shaped_fails_in_plain_words(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ExpressionFailed, match=f"the payload can't be made: .*{why}"):
        sent(replace(an_endpoint(), **changes))


def filtered(expression: str, *, event_type: str = "order.paid") -> bool:
    endpoint = replace(an_endpoint(events=("order.*",)), filter=expression)
    return wants(endpoint, event_type, example_of("order.paid"), expressions=PATH)


def test_only_events_that_it_subscribes_to_are_wanted() -> None:
    assert filtered("")
    assert not filtered("", event_type="endpoint.disabled")
    assert not filtered("`true`", event_type="endpoint.disabled")


@pytest.mark.parametrize(
    ("expression", "is_wanted"),
    [
        ("data.order.lines[?sku=='mug']", True), ("data.order.lines[?sku=='shirt']", False),
        ("data.order.amount >= `3820`", True), ("data.order.amount > `3820`", False), ("`0`", True),
        ("data.order.missing", False), ("''", False), ("`{}`", False), ("!(data.order.livemode)", True),
        ("data.order.contact.shipping_address.country == 'GB'", True),
    ],
)  # fmt: skip
def test_a_filter_decides_by_what_it_finds(expression: str, *, is_wanted: bool) -> None:
    assert filtered(expression) == is_wanted


def test_an_event_is_the_same_as_its_text() -> None:
    endpoint = replace(an_endpoint(), filter="data.order.lines[?sku=='mug']")
    assert wants(endpoint, "order.paid", PAID, expressions=PATH)


def test_what_a_filter_can_not_be_applied_to_is_delivered_and_logged_without_its_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert filtered("length(data.order.missing)")
    (record,) = caplog.records
    assert (record.event_id, record.endpoint_id) == (EVENT_ID, an_endpoint().id)  # type: ignore[attr-defined]
    assert "ada" not in caplog.text


def refused(**changes: Any) -> InvalidExpression:  # noqa: ANN401 (fields of any type)
    with pytest.raises(InvalidExpression) as refusal:
        check_shape(replace(an_endpoint(events=("order.*",)), **changes), expressions=PATH)
    return refusal.value


@pytest.mark.parametrize("field", ["filter", "payload"])
def test_what_can_not_be_read_is_refused_with_its_place(field: str) -> None:
    error = refused(**{field: "data..order"})
    assert str(error).startswith(f"The {field} can't be read. Expected a name")
    assert error.details == {"field": field, "expression": "data..order", "line": 1, "column": 6}


@pytest.mark.parametrize("field", ["filter", "payload"])
def test_what_fails_with_an_example_is_refused_with_its_place_and_the_event(field: str) -> None:
    error = refused(**{field: "{n: length(data.missing)}"})
    assert str(error) == (
        f"The {field} fails with the example of order.paid: length() takes text or an array or an object,"
        " and is given null (line 1, column 5):\n"
        "{n: length(data.missing)}\n"
        "    ^\n"
        "If the endpoint needs no order.paid, leave it out of its events."
    )
    assert error.details["event_type"] == "order.paid"
    assert (error.details["field"], error.details["column"]) == (field, 5)


def test_a_place_that_is_in_doubt_is_not_shown() -> None:
    error = refused(filter="length(id) > `1` && length(data.missing) > `1`")
    assert "column" not in error.details


def test_a_payload_that_finds_nothing_is_refused() -> None:
    assert "finds nothing" in str(refused(payload="data.order.contact.e_mail"))


def test_a_shape_is_tried_with_every_event_that_it_is_for() -> None:
    only_orders = {"filter": "contains(data.order.lines[].sku, 'mug')"}
    assert refused(events=["*"], **only_orders).details["event_type"] == "endpoint.disabled"
    assert refused(events=["order.paid", "test.ping"], **only_orders).details["event_type"] == "test.ping"
    check_shape(replace(an_endpoint(events=("order.*",)), **only_orders), expressions=PATH)


def test_a_disabled_endpoint_is_looked_at_all_the_same() -> None:
    assert refused(enabled=False, payload="length(`1`)")


def test_a_form_must_say_which_fields_it_has() -> None:
    with pytest.raises(InvalidRequest, match="payload"):
        check_shape(replace(an_endpoint(), content_type="form"), expressions=PATH)
    assert "a form is made of an object" in str(refused(content_type="form", payload="data.order.id"))


def test_secrets_without_headers_are_as_they_were_written_before_there_were_headers() -> None:
    old = msgspec.json.decode(b'{"secrets":[{"secret":"whsec_a"}]}', type=EndpointSecrets)
    assert (old.headers, old.at(NOW)) == ({}, ["whsec_a"])
