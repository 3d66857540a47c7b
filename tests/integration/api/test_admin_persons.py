from __future__ import annotations

import pytest

from chalicelib import wiring
from chalicelib.domain.persons import person_id
from tests.integration.api.callers import ADDRESS, Json, Shop, Stripe
from tests.making import a_delivery, a_product, an_endpoint

MUG = a_product("mug")


def paid(shop: Shop, stripe: Stripe, email: str) -> Json:
    checkout: Json = shop.ordered(shop.cart(mug=1), email=email, shipping_address=ADDRESS)
    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    assert shop.call_back(webhook.payload, webhook.signature).status == 200
    return checkout


@pytest.fixture
def checkout(shop: Shop, stripe: Stripe) -> Json:
    shop.sell(MUG)
    return paid(shop, stripe, "Ada@example.com")


def test_the_orders_of_a_person_are_found_by_her_address_in_any_case(
    shop: Shop, stripe: Stripe, checkout: Json
) -> None:
    later = shop.ordered(shop.cart(mug=1), email="ADA@EXAMPLE.COM")
    paid(shop, stripe, "bob@example.com")
    found = shop.admin("GET", "/orders?email=ada%40example.com")["items"]
    assert [order["id"] for order in found] == [later["order_id"], checkout["order_id"]]
    assert [(order["status"], order["amount"], order["currency"]) for order in found] == [
        ("pending", 1200, "eur"),
        ("paid", 1200, "eur"),
    ]
    assert found == [
        order
        for order in shop.admin("GET", "/orders")["items"]
        if order["id"] in {item["id"] for item in found}
    ]


def test_they_come_in_pages(shop: Shop, checkout: Json) -> None:
    more = [shop.ordered(shop.cart(mug=1), email="ada@example.com")["order_id"] for _ in range(4)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        path = "/orders?email=ada%40example.com&limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = shop.admin("GET", path)
        seen += [order["id"] for order in page["items"]]
        cursor = page["cursor"]
    assert seen == [*reversed(more), checkout["order_id"]]


def test_a_corrected_address_finds_the_order_and_the_wrong_one_does_not(shop: Shop) -> None:
    shop.sell(MUG)
    cart = shop.cart(mug=1)
    shop.ordered(cart, email="typo@example.com")
    shop.ordered(cart, email="ada@example.com")
    assert shop.admin("GET", "/orders?email=typo%40example.com")["items"] == []
    assert len(shop.admin("GET", "/orders?email=ada%40example.com")["items"]) == 1


def test_no_address_stands_in_a_key(shop: Shop, checkout: Json) -> None:
    for key in shop.dump()["rows"]:
        assert "ada" not in repr(key).lower()
    listings = [row.get("listing", {}).get("S", "") for row in shop.dump()["rows"].values()]
    assert f"PERSON#{person_id('ada@example.com')}" in listings


@pytest.mark.parametrize("query", ["email=", "email=%20", "email=a%40b.example&month=2026-11"])
def test_a_list_is_of_a_month_or_of_a_person(shop: Shop, query: str) -> None:
    shop.admin_call("GET", f"/orders?{query}").refusal(400, "InvalidRequest")


def test_a_cursor_of_another_persons_list_shows_only_ones_own(shop: Shop, checkout: Json) -> None:
    shop.ordered(shop.cart(mug=1), email="ada@example.com")
    cursor = shop.admin("GET", "/orders?email=ada%40example.com&limit=1")["cursor"]
    page = shop.admin("GET", f"/orders?email=bob%40example.com&cursor={cursor}")
    assert page["items"] == []


def test_all_that_is_held_of_a_person_is_exported(shop: Shop, checkout: Json) -> None:
    story = shop.admin("GET", f"/orders/{checkout['order_id']}")
    event = wiring.events().get_event(story["ledger"][1]["event_id"])
    assert event is not None
    wiring.deliveries().save_delivery(a_delivery(event, an_endpoint(), 200))
    page = shop.admin("POST", "/persons/export", {"email": "ada@EXAMPLE.com"})
    (dossier,) = page["items"]
    assert page["cursor"] is None
    assert dossier["order"] == shop.admin("GET", f"/orders/{checkout['order_id']}")
    (told,) = dossier["events"]
    assert told["payload"]["data"]["order"]["contact"]["name"] == "Ada Lovelace"
    assert [found["event_id"] for found in dossier["order"]["deliveries"]] == [event.id]
    assert shop.admin("POST", "/persons/export", {"email": "nobody@example.com"})["items"] == []


def test_an_erasure_is_a_job(shop: Shop, checkout: Json) -> None:
    headers = {"idempotency_key": "k"}
    job = shop.admin("POST", "/persons/erase", {"email": "ada@example.com"}, **headers)
    assert (job["kind"], job["status"], job["endpoint_id"]) == ("erase", "running", "")
    assert shop.admin("POST", "/persons/erase", {"email": "ADA@example.com"}, **headers) == job
    assert shop.admin("GET", f"/jobs/{job['id']}") == job
    (row,) = [row for row in shop.dump()["rows"].values() if row.get("kind") == {"S": "job"}]
    assert "ada" not in repr(row).lower()


@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": " "}, {"email": "a", "x": 1}, {"email": None}])
def test_a_person_is_named(shop: Shop, body: Json) -> None:
    for path in ("export", "erase"):
        answer = shop.admin_call("POST", f"/persons/{path}", body, idempotency_key="k")
        answer.refusal(400, "InvalidRequest")


def test_an_erasure_needs_a_key_of_both_kinds(shop: Shop) -> None:
    body = {"email": "ada@example.com"}
    shop.admin_call("POST", "/persons/erase", body).refusal(400, "InvalidRequest")
    shop.call("POST", "/admin/persons/erase", body, idempotency_key="k").refusal(401, "Unauthorized")
    shop.call("POST", "/admin/persons/export", body).refusal(401, "Unauthorized")
