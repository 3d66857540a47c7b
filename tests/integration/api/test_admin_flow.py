from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.domain.endpoints import Endpoint, disabled
from tests.integration.api.callers import Json, Shop
from tests.making import a_delivery, an_endpoint, an_event, an_id

SINCE = {"since": "2026-01-01T00:00:00Z"}


@pytest.fixture
def endpoint(shop: Shop) -> Endpoint:
    endpoint = an_endpoint()
    wiring.endpoints().create_endpoint(endpoint)
    return endpoint


def jobs(shop: Shop) -> list[Json]:
    return [row for row in shop.dump()["rows"].values() if "job_kind" in row]


def test_an_endpoint_is_paused_and_resumed(shop: Shop, endpoint: Endpoint) -> None:
    assert shop.admin("POST", f"/endpoints/{endpoint.id}/pause")["status"] == "paused"
    assert shop.admin("GET", f"/endpoints/{endpoint.id}")["status"] == "paused"
    resumed = shop.admin("POST", f"/endpoints/{endpoint.id}/resume")
    assert resumed["endpoint"]["status"] == "enabled"
    job = shop.admin("GET", f"/jobs/{resumed['job']['id']}")
    assert (job["kind"], job["status"], job["sent"]) == ("release", "running", 0)


def test_one_that_was_disabled_is_resumed_too_but_not_paused(shop: Shop, endpoint: Endpoint) -> None:
    wiring.endpoints().replace_endpoint(disabled(endpoint, "It failed.", now=wiring.now()))
    shop.admin_call("POST", f"/endpoints/{endpoint.id}/pause").refusal(409, "EndpointIsDisabled")
    shop.admin_call("POST", f"/endpoints/{endpoint.id}/replay", SINCE, idempotency_key="k").refusal(
        409, "EndpointIsDisabled"
    )
    assert shop.admin("POST", f"/endpoints/{endpoint.id}/resume")["endpoint"]["disabled_because"] == ""


def test_a_replay_is_a_job_to_watch(shop: Shop, endpoint: Endpoint) -> None:
    path = f"/endpoints/{endpoint.id}/replay"
    job = shop.admin("POST", path, SINCE | {"mode": "all", "dry_run": True}, idempotency_key="k")
    assert (job["kind"], job["status"], job["dry_run"]) == ("replay", "running", True)
    assert shop.admin("GET", f"/jobs/{job['id']}") == job
    again = shop.admin("POST", path, SINCE | {"mode": "all", "dry_run": True}, idempotency_key="k")
    assert again == job
    shop.admin_call("POST", path, SINCE, idempotency_key="k").refusal(409, "KeyReused")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"since": 5}, {"since": None},
        SINCE | {"until": "2025-01-01T00:00:00Z"}, SINCE | {"mode": "some"}, SINCE | {"dry_run": 1},
        SINCE | {"more": 1}, {"since": "2999-01-01T00:00:00Z"}, {"since": "0001-01-01T00:00:00+12:00"},
        SINCE | {"until": "9999-12-31T23:59:59-12:00"},
    ],
)  # fmt: skip
def test_a_replay_that_makes_no_sense_is_refused_and_changes_nothing(
    shop: Shop, endpoint: Endpoint, body: Json
) -> None:
    before = shop.dump()
    path = f"/endpoints/{endpoint.id}/replay"
    shop.admin_call("POST", path, body, idempotency_key="k").refusal(400, "InvalidRequest")
    assert shop.dump() == before


@pytest.mark.parametrize("action", ["replay", "test"])
def test_what_must_not_happen_twice_needs_a_key(shop: Shop, endpoint: Endpoint, action: str) -> None:
    body = SINCE if action == "replay" else {}
    shop.admin_call("POST", f"/endpoints/{endpoint.id}/{action}", body).refusal(400, "InvalidRequest")


def test_a_test_is_an_event_of_its_own(shop: Shop, endpoint: Endpoint) -> None:
    path = f"/endpoints/{endpoint.id}/test"
    test = shop.admin("POST", path, {"type": "order.paid"}, idempotency_key="k")
    assert test == shop.admin("POST", path, {"type": "order.paid"}, idempotency_key="k")
    event = wiring.events().get_event(test["event_id"])
    assert event is not None
    assert (event.type, event.only_to) == ("order.paid", endpoint.id)
    assert msgspec.json.decode(event.payload)["test"] is True
    shop.admin_call("POST", path, {"type": "nothing"}, idempotency_key="k").refusal(400, "InvalidRequest")


def test_a_delivery_is_sent_again_once_for_each_key(shop: Shop, endpoint: Endpoint) -> None:
    event = an_event()
    wiring.events().put_event(event)
    delivery = a_delivery(event, endpoint)
    wiring.deliveries().save_delivery(delivery)
    path = f"/deliveries/{delivery.id}/resend"
    job = shop.admin("POST", path, idempotency_key="k")
    assert (job["kind"], job["endpoint_id"]) == ("resend", endpoint.id)
    assert shop.admin("POST", path, idempotency_key="k") == job
    assert shop.admin("POST", path, idempotency_key="l")["id"] != job["id"]
    assert len(jobs(shop)) == 2


def test_an_endpoints_deliveries_are_listed_by_status(shop: Shop, endpoint: Endpoint) -> None:
    for number, answered in enumerate((200, 500, 410)):
        wiring.deliveries().save_delivery(a_delivery(an_event(number), endpoint, answered))
    for status in ("delivered", "failing", "dead"):
        (item,) = shop.admin("GET", f"/endpoints/{endpoint.id}/deliveries?status={status}")["items"]
        assert item["status"] == status
    assert shop.admin("GET", f"/endpoints/{endpoint.id}/deliveries?status=held")["items"] == []
    shop.admin_call("GET", f"/endpoints/{endpoint.id}/deliveries?status=lost").refusal(400, "InvalidRequest")


def test_what_was_not_tried_yet_is_pending(shop: Shop, endpoint: Endpoint) -> None:
    events = [an_event(number, now=wiring.now()) for number in range(2)]
    for event in events:
        wiring.events().put_event(event)
        wiring.events().record_fan_out(event.id, [endpoint.id], now=wiring.now())
    wiring.deliveries().save_delivery(a_delivery(events[0], endpoint))
    page = shop.admin("GET", f"/endpoints/{endpoint.id}/pending")
    assert [item["id"] for item in page["items"]] == [events[1].id]


def test_an_answer_keeps_what_helps_to_find_it_again(shop: Shop, endpoint: Endpoint) -> None:
    delivery = a_delivery(an_event(), endpoint)
    attempt = replace(delivery.attempts[0], headers={"x-request-id": "7"}, excerpt="thanks")
    wiring.deliveries().save_delivery(replace(delivery, attempts=[attempt]))
    (shown,) = shop.admin("GET", f"/deliveries/{delivery.id}")["attempts"]
    assert (shown["headers"], shown["excerpt"], shown["duration_ms"]) == ({"x-request-id": "7"}, "thanks", 12)


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", f"/endpoints/{an_id('ep')}/pause", None, "EndpointNotFound"),
        ("POST", f"/endpoints/{an_id('ep')}/resume", None, "EndpointNotFound"),
        ("POST", f"/endpoints/{an_id('ep')}/replay", SINCE, "EndpointNotFound"),
        ("POST", f"/endpoints/{an_id('ep')}/test", {}, "EndpointNotFound"),
        ("POST", "/deliveries/nothing/resend", None, "DeliveryNotFound"),
        ("GET", f"/jobs/{an_id('job')}", None, "JobNotFound"), ("GET", "/jobs/x", None, "JobNotFound"),
        ("GET", f"/endpoints/{an_id('ep')}/pending", None, "EndpointNotFound"),
        ("GET", f"/orders/{an_id('ord')}/deliveries", None, "OrderNotFound"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(shop: Shop, method: str, path: str, body: object, kind: str) -> None:
    shop.admin_call(method, path, body, idempotency_key="k").refusal(404, kind)
