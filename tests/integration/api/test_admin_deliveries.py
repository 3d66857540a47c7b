from __future__ import annotations

import pytest
from msgspec.structs import replace

from chalicelib import wiring
from tests.integration.api.callers import Shop
from tests.making import a_delivery, an_endpoint, an_event, an_id


def test_deliveries_are_listed_by_endpoint_newest_first_and_in_pages(shop: Shop) -> None:
    endpoint = an_endpoint()
    wiring.endpoints().create_endpoint(endpoint)
    deliveries = [a_delivery(an_event(number), endpoint, 500, 200) for number in range(3)]
    for delivery in deliveries:
        wiring.deliveries().save_delivery(replace(delivery, version=1))
    path = f"/endpoints/{endpoint.id}/deliveries?limit=2"
    first = shop.admin("GET", path)
    second = shop.admin("GET", f"{path}&cursor={first['cursor']}")
    listed = [item["id"] for item in first["items"] + second["items"]]
    assert (len(first["items"]), len(second["items"])) == (2, 1)
    assert sorted(listed) == sorted(delivery.id for delivery in deliveries)


def test_one_delivery_tells_each_of_its_attempts(shop: Shop) -> None:
    delivery = a_delivery(an_event(), an_endpoint(), 500, None, 200)
    wiring.deliveries().save_delivery(replace(delivery, version=1))
    found = shop.admin("GET", f"/deliveries/{delivery.id}")
    assert (found["status"], found["tries"]) == ("delivered", 3)
    assert [attempt.get("status") for attempt in found["attempts"]] == [500, None, 200]


def test_an_event_tells_where_it_went_and_where_it_still_has_to_go(shop: Shop) -> None:
    endpoint, waiting, event = an_endpoint(1), an_endpoint(2), an_event()
    wiring.events().put_event(event)
    wiring.events().record_fan_out(event.id, [endpoint.id, waiting.id], now=wiring.now())
    wiring.deliveries().save_delivery(a_delivery(event, endpoint))
    found = shop.admin("GET", f"/events/{event.id}/deliveries")
    assert [delivery["endpoint_id"] for delivery in found["deliveries"]] == [endpoint.id]
    assert found["waiting"] == [waiting.id]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"/endpoints/{an_id('ep')}/deliveries", "EndpointNotFound"),
        (f"/events/{an_id('evt')}/deliveries", "EventNotFound"),
        ("/events/nothing/deliveries", "EventNotFound"), ("/deliveries/nothing", "DeliveryNotFound"),
        (f"/deliveries/dlv_{'a' * 26}_{'b' * 26}", "DeliveryNotFound"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(shop: Shop, path: str, kind: str) -> None:
    shop.admin_call("GET", path).refusal(404, kind)
