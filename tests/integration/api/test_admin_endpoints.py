from __future__ import annotations

import pytest

from chalicelib import wiring
from tests.integration.api.callers import Json, Shop
from tests.making import a_delivery, an_endpoint, an_event, an_id

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
        {"description": ""}, {"enabled": False},
    ],
    ids=["url", "events", "description", "enabled"],
)  # fmt: skip
def test_a_change_leaves_the_rest_as_it_is(shop: Shop, made: Json, changes: Json) -> None:
    changed = shop.admin("PATCH", f"/endpoints/{made['endpoint']['id']}", changes)
    assert changed == made["endpoint"] | changes | {"updated_at": changed["updated_at"]}


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
    ],
    ids=[
        "no url", "a number", "null", "too long", "no events", "events as text", "no type", "not a family",
        "a newline",
        "too many", "a long description", "born disabled", "a short secret",
    ],
)  # fmt: skip
def test_an_endpoint_of_the_wrong_form_is_refused(shop: Shop, body: Json) -> None:
    with shop.unchanged():
        shop.admin_call("POST", "/endpoints", body).refusal(400, "InvalidRequest")


@pytest.mark.parametrize("body", [{"url": None}, {"enabled": "yes"}, {"secret_version": 1}, {"id": "ep_x"}])
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


def test_deliveries_are_listed_by_endpoint_newest_first_and_in_pages(shop: Shop) -> None:
    endpoint = an_endpoint()
    wiring.endpoints().create_endpoint(endpoint)
    deliveries = [a_delivery(an_event(number), endpoint, 500, 200) for number in range(3)]
    for delivery in deliveries:
        wiring.events().save_delivery(delivery, previous=None)
    path = f"/endpoints/{endpoint.id}/deliveries?limit=2"
    first = shop.admin("GET", path)
    second = shop.admin("GET", f"{path}&cursor={first['cursor']}")
    listed = [item["id"] for item in first["items"] + second["items"]]
    assert (len(first["items"]), len(second["items"])) == (2, 1)
    assert sorted(listed) == sorted(delivery.id for delivery in deliveries)


def test_one_delivery_tells_each_of_its_attempts(shop: Shop) -> None:
    delivery = a_delivery(an_event(), an_endpoint(), 500, None, 200)
    wiring.events().save_delivery(delivery, previous=None)
    found = shop.admin("GET", f"/deliveries/{delivery.id}")
    assert (found["status"], found["attempt"]) == ("delivered", 3)
    assert [attempt.get("status") for attempt in found["attempts"]] == [500, None, 200]


def test_an_event_tells_where_it_went_and_where_it_still_has_to_go(shop: Shop, stripe_event: str) -> None:
    endpoint, waiting = an_endpoint(1), an_endpoint(2)
    event = wiring.events().get_event(stripe_event)
    assert event is not None
    wiring.events().record_fan_out(event.id, [endpoint.id, waiting.id], now=wiring.now())
    wiring.events().save_delivery(a_delivery(event, endpoint), previous=None)
    found = shop.admin("GET", f"/events/{event.id}/deliveries")
    assert [delivery["endpoint_id"] for delivery in found["deliveries"]] == [endpoint.id]
    assert found["waiting"] == [waiting.id]


@pytest.fixture
def stripe_event(shop: Shop) -> str:
    """The id of an event that is in the table."""
    from chalicelib.adapters.dynamodb.events import event_row  # noqa: PLC0415 (the one row no port writes alone)

    event = an_event()
    wiring.table().put(event_row(event))
    return event.id


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"/endpoints/{an_id('ep')}", "EndpointNotFound"), ("/endpoints/nothing", "EndpointNotFound"),
        (f"/endpoints/{an_id('ep')}/deliveries", "EndpointNotFound"),
        (f"/events/{an_id('evt')}/deliveries", "EventNotFound"),
        ("/events/nothing/deliveries", "EventNotFound"), ("/deliveries/nothing", "DeliveryNotFound"),
        (f"/deliveries/dlv_{'a' * 26}_{'b' * 26}", "DeliveryNotFound"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(shop: Shop, path: str, kind: str) -> None:
    shop.admin_call("GET", path).refusal(404, kind)
