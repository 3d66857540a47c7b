from __future__ import annotations

import pytest

from chalicelib import wiring
from tests.integration.api.callers import Json, Shop
from tests.making import an_id

URL = "https://hooks.example.com/till"


@pytest.fixture
def made(shop: Shop) -> Json:
    made: Json = shop.admin("POST", "/endpoints", {"url": URL, "events": ["order.*"], "description": "mine"})
    return made


def test_a_new_endpoint_shows_its_secret_this_once(shop: Shop, made: Json) -> None:
    secret, path = made["secret"], f"/endpoints/{made['endpoint']['id']}"
    assert secret.startswith("whsec_")
    later = [
        shop.admin_call("GET", path),
        shop.admin_call("GET", "/endpoints"),
        shop.admin_call("PATCH", path, {"description": "ours"}),
    ]
    assert [answer.status for answer in later] == [200, 200, 200]
    assert not [answer.content for answer in later if b"secret" in answer.content]
    assert secret not in repr(shop.dump()["rows"])


def test_an_endpoint_is_what_was_said_of_it(shop: Shop, made: Json) -> None:
    endpoint = made["endpoint"]
    assert (endpoint["url"], endpoint["events"], endpoint["description"]) == (URL, ["order.*"], "mine")
    assert (endpoint["enabled"], endpoint["disabled_because"]) == (True, "")
    assert shop.admin("GET", f"/endpoints/{endpoint['id']}") == endpoint
    assert shop.admin("GET", "/endpoints") == {"items": [endpoint], "cursor": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://hooks.example.com:8443/other"}, {"events": ["order.paid", "*"]},
        {"description": ""}, {"filter": "data.order.livemode"}, {"method": "PUT"},
        {"content_type": "form", "payload": "{email: data.order.contact.email}"}, {"timeout_seconds": 1},
        {"rate_limit": 100}, {"rate_limit": None},
    ],
    ids=["url", "events", "description", "filter", "method", "shape", "timeout", "limit", "no limit"],
)  # fmt: skip
def test_a_change_leaves_the_rest_as_it_is(shop: Shop, made: Json, changes: Json) -> None:
    changed = shop.admin("PATCH", f"/endpoints/{made['endpoint']['id']}", changes)
    assert changed == made["endpoint"] | changes | {"updated_at": changed["updated_at"]}


def test_an_endpoint_is_disabled_and_enabled_again(shop: Shop, made: Json) -> None:
    path = f"/endpoints/{made['endpoint']['id']}"
    off = shop.admin("PATCH", path, {"enabled": False})
    assert (off["enabled"], off["status"], off["disabled_because"]) == (False, "disabled", "")
    on = shop.admin("PATCH", path, {"enabled": True})
    assert on == made["endpoint"] | {"updated_at": on["updated_at"]}


def test_an_endpoint_is_as_plain_as_can_be_unless_it_is_said(made: Json) -> None:
    shape = ("status", "filter", "method", "content_type", "payload", "header_names", "timeout_seconds")
    assert [made["endpoint"][name] for name in shape] == ["enabled", "", "POST", "json", "", [], 15]
    assert made["endpoint"]["rate_limit"] is None


MAILCHIMP = {
    "url": "https://hooks.example.com/3.0/lists/a1b2c3/members/ada",
    "events": ["order.paid"],
    "method": "PUT",
    "headers": {"Authorization": "Basic c2VjcmV0IHZhbHVl", "X-Shop": "secret shop"},
    "payload": "{email_address: data.order.contact.email, status_if_new: 'subscribed'}",
    "timeout_seconds": 5,
    "rate_limit": 10,
}


def test_a_third_partys_api_can_be_the_endpoint(shop: Shop) -> None:
    made = shop.admin("POST", "/endpoints", MAILCHIMP)["endpoint"]
    said = {name: value for name, value in MAILCHIMP.items() if name != "headers"}
    assert said.items() <= made.items()
    assert made["header_names"] == ["Authorization", "X-Shop"]


def test_the_values_of_headers_are_never_shown_and_lie_in_no_row(shop: Shop) -> None:
    calls = [shop.admin_call("POST", "/endpoints", MAILCHIMP)]
    path = f"/endpoints/{calls[0].json['endpoint']['id']}"
    calls += [
        shop.admin_call("GET", path),
        shop.admin_call("GET", "/endpoints"),
        shop.admin_call("PATCH", path, {"headers": MAILCHIMP["headers"]}),
        shop.admin_call("PATCH", path, {"headers": {"X-Key": "secret \r\n key"}}),
        shop.admin_call("POST", f"{path}/secret", {}),
        shop.admin_call("POST", "/endpoints/preview", MAILCHIMP | {"event_type": "order.paid"}),
    ]
    assert [call.status for call in calls] == [201, 200, 200, 200, 400, 201, 200]
    for hidden in ("c2VjcmV0", "secret shop", "secret "):
        assert not [call.content for call in calls if hidden.encode() in call.content]
        assert hidden not in repr(shop.dump()["rows"])


def test_headers_are_replaced_together_and_stay_when_the_secret_changes(shop: Shop) -> None:
    path = f"/endpoints/{shop.admin('POST', '/endpoints', MAILCHIMP)['endpoint']['id']}"
    assert shop.admin("PATCH", path, {"headers": {"X-Key": "1"}})["header_names"] == ["X-Key"]
    assert shop.admin("PATCH", path, {"description": "x"})["header_names"] == ["X-Key"]
    assert shop.admin("POST", f"{path}/secret", {})["endpoint"]["header_names"] == ["X-Key"]
    endpoint = wiring.endpoints().get_endpoint(path.rpartition("/")[2])
    assert endpoint is not None
    secrets = wiring.endpoint_secrets().get_secrets(endpoint.id, endpoint.secret_version)
    assert secrets.headers == {"X-Key": "1"}
    assert len(secrets.at(wiring.now())) == 2
    assert shop.admin("PATCH", path, {"headers": {}})["header_names"] == []


def test_as_much_as_an_endpoint_may_have_is_kept(shop: Shop) -> None:
    headers = {f"X-{number:03}": "a" * 120 for number in range(20)}
    made = shop.admin("POST", "/endpoints", {"url": URL, "headers": headers})
    for _ in range(6):
        shop.admin("POST", f"/endpoints/{made['endpoint']['id']}/secret", {})
    endpoint = wiring.endpoints().get_endpoint(made["endpoint"]["id"])
    assert endpoint is not None
    assert wiring.endpoint_secrets().get_secrets(endpoint.id, endpoint.secret_version).headers == headers


@pytest.mark.parametrize(
    ("changes", "field", "column"),
    [
        ({"filter": "data..order"}, "filter", 6), ({"payload": "{email: data.order"}, "payload", 19),
        ({"filter": "lenght(id)"}, "filter", 1), ({"payload": "[`1`, sum(data.order.id)]"}, "payload", 7),
    ],
)  # fmt: skip
def test_a_bad_expression_is_refused_where_it_is_bad(
    shop: Shop, made: Json, changes: Json, field: str, column: int
) -> None:
    with shop.unchanged():
        for method, path, body in (
            ("POST", "/endpoints", {"url": URL, "events": ["order.*"], **changes}),
            ("PATCH", f"/endpoints/{made['endpoint']['id']}", changes),
        ):
            error = shop.admin_call(method, path, body).refusal(422, "InvalidExpression")
            assert (error["field"], error["line"], error["column"]) == (field, 1, column)
            assert error["expression"] == changes[field]
            assert error["message"].splitlines()[1:3] == [changes[field], " " * (column - 1) + "^"]


def test_what_fails_with_an_event_that_it_would_get_is_refused_with_its_type(shop: Shop) -> None:
    body = {"url": URL, "filter": "contains(data.order.lines[].sku, 'mug')"}
    with shop.unchanged():
        error = shop.admin_call("POST", "/endpoints", body).refusal(422, "InvalidExpression")
    assert error["event_type"] == "endpoint.disabled"
    shop.admin("POST", "/endpoints", body | {"events": ["order.*"]})


def test_a_pattern_that_no_event_matches_is_refused_with_those_that_there_are(shop: Shop) -> None:
    with shop.unchanged():
        answer = shop.admin_call("POST", "/endpoints", {"url": URL, "events": ["order.payed"]})
        assert "order.paid" in answer.refusal(400, "InvalidRequest")["types"]


def test_a_deleted_endpoint_is_gone_and_so_is_its_secret(shop: Shop, made: Json) -> None:
    path = f"/endpoints/{made['endpoint']['id']}"
    answer = shop.admin_call("DELETE", path)
    assert (answer.status, answer.content) == (204, b"")
    assert not [name for name in shop.dump()["secrets"] if made["endpoint"]["id"] in name]
    shop.admin_call("GET", path).refusal(404, "EndpointNotFound")
    shop.admin_call("PATCH", path, {"enabled": True}).refusal(404, "EndpointNotFound")
    shop.admin_call("DELETE", path).refusal(404, "EndpointNotFound")


UNSAFE = [
    "http://hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "", "https://", "https:///x",
    "https://user:pass@hooks.example.com/", "https://user@hooks.example.com/", "https://@hooks.example.com/",
    "https://127.0.0.1/", "https://127.1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/",
    "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://[fd00::1]/", "https://10.0.0.1/",
    "https://192.168.1.1/", "https://0.0.0.0/", "https://0/", "https://2130706433/", "https://0177.0.0.1/",
    "https://0x7f.0.0.1/", "https://0x7f000001/", "https://017700000001/", "https://100.64.0.1/",
    "https://self.example.com/", "https://self6.example.com/", "https://inside.example.com/",
    "https://mixed.example.com/", "https://metadata.example.com/", "https://nowhere.example.com/",
    "https://hooks.example.com:22/", "https://hooks.example.com:80/", "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/", "https://hooks.example.com:x/", "https://hooks.example.com./",
    "https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com/a b",
    "https://hooks.example.com/\r\nX: y", "https://[::1", "javascript:alert(1)", "file:///etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("url", UNSAFE)
def test_a_url_that_hooks_must_not_reach_is_refused(shop: Shop, url: str) -> None:
    with shop.unchanged():
        shop.admin_call("POST", "/endpoints", {"url": url}).refusal(400, "UnsafeEndpoint")


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://127.0.0.1/", "https://self.example.com/"]
)
def test_nor_can_an_endpoint_be_moved_there(shop: Shop, made: Json, url: str) -> None:
    with shop.unchanged():
        answer = shop.admin_call("PATCH", f"/endpoints/{made['endpoint']['id']}", {"url": url})
        answer.refusal(400, "UnsafeEndpoint")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"url": 5}, {"url": None}, {"url": URL + "x" * 2000}, {"url": URL, "events": []},
        {"url": URL, "events": "order.paid"}, {"url": URL, "events": ["Order Paid"]},
        {"url": URL, "events": ["*.paid"]}, {"url": URL, "events": ["order.paid\n"]},
        {"url": URL, "events": ["order.paid"] * 51},
        {"url": URL, "description": "x" * 501}, {"url": URL, "enabled": True}, {"url": URL, "secret": "x"},
        {"url": URL, "method": "GET"}, {"url": URL, "content_type": "xml"},
        {"url": URL, "content_type": "form"}, {"url": URL, "timeout_seconds": 0},
        {"url": URL, "timeout_seconds": 31}, {"url": URL, "timeout_seconds": 1.5},
        {"url": URL, "rate_limit": 0}, {"url": URL, "rate_limit": 101},
        {"url": URL, "filter": "x" * 2001}, {"url": URL, "payload": "x" * 4001}, {"url": URL, "filter": None},
        {"url": URL, "headers": {"Host": "x"}}, {"url": URL, "headers": {"X-Key": 5}},
        {"url": URL, "headers": {"X-Key": "a\r\nb"}}, {"url": URL, "headers": ["X-Key"]},
        {"url": URL, "headers": {f"X-{number}": "a" for number in range(21)}},
        {"url": URL, "headers": {"X-Key": "a" * 2500}}, {"url": URL, "header_names": ["X-Key"]},
    ],
    ids=[
        "no url", "a number", "null", "too long", "no events", "events as text", "no type", "not a family",
        "a newline",
        "too many", "a long description", "born disabled", "a short secret",
        "another method", "another type", "a form of nothing", "no time", "too much time", "part of a second",
        "no deliveries", "too many deliveries", "a long filter", "a long payload", "null for a filter",
        "a header of ours", "a number in a header", "two headers in one", "a list of headers",
        "too many headers", "too long headers", "names without values",
    ],
)  # fmt: skip
def test_an_endpoint_of_the_wrong_form_is_refused(shop: Shop, body: Json) -> None:
    with shop.unchanged():
        shop.admin_call("POST", "/endpoints", body).refusal(400, "InvalidRequest")


@pytest.mark.parametrize(
    "body",
    [
        {"url": None}, {"enabled": "yes"}, {"secret_version": 1}, {"id": "ep_x"}, {"epoch": 1},
        {"header_names": []}, {"headers": None}, {"paused": True}, {"disabled_because": "x"},
    ],
)  # fmt: skip
def test_a_change_of_the_wrong_form_is_refused(shop: Shop, made: Json, body: Json) -> None:
    with shop.unchanged():
        answer = shop.admin_call("PATCH", f"/endpoints/{made['endpoint']['id']}", body)
        answer.refusal(400, "InvalidRequest")


def test_a_foreign_url_is_allowed_over_http_only_where_the_setting_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLHOOK_ENDPOINT_POLICY", "loopback")
    wiring.settings.cache_clear()
    answer = shop.admin_call("POST", "/endpoints", {"url": "http://self.example.com:5000/hook"})
    assert answer.status == 201
    shop.admin_call("POST", "/endpoints", {"url": "http://inside.example.com/"}).refusal(
        400, "UnsafeEndpoint"
    )


@pytest.mark.parametrize("path", [f"/endpoints/{an_id('ep')}", "/endpoints/nothing", "/endpoints/ep_"])
def test_what_is_not_there_is_not_found(shop: Shop, path: str) -> None:
    shop.admin_call("GET", path).refusal(404, "EndpointNotFound")
