"""What becomes of an order after its checkout, by the whole API and the sandbox's own objects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from chalicelib import wiring
from chalicelib.domain.orders import order_token
from chalicelib.workers.housekeeping import housekeeping
from local.stripe_sandbox.sandbox import SECRET_KEY
from local.stripe_sandbox.webhooks import Switches
from tests.integration.api.callers import Json, Shop, Stripe
from tests.making import a_product

MUG, TEA = a_product("mug", tracked=True), a_product("tea", amount=700, tracked=True, name="Tea")

SEPA_DEBIT: dict[str, Any] = {
    "payment_method_data[type]": "sepa_debit",
    "payment_method_data[sepa_debit][iban]": "DE89370400440532013000",
    "payment_method_data[billing_details][name]": "Ada Lovelace",
    "payment_method_data[billing_details][email]": "ada@example.com",
    "return_url": "https://shop.example/",
}

# What EventBridge invokes a function with.
TICK: Json = {
    "version": "0",
    "id": "89d1a02d-5ec7-412e-82f5-13505f849b41",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-24T12:00:00Z",
    "region": "eu-central-1",
    "resources": ["arn:aws:events:eu-central-1:123456789012:rule/housekeeping"],
    "detail": {},
}


@pytest.fixture
def till(shop: Shop) -> Shop:
    shop.sell(MUG, TEA, mug=5, tea=5)
    return shop


def carry(shop: Shop, stripe: Stripe, object_id: str, kind: str) -> None:
    """Bring a notice of the sandbox's to the shop."""
    webhook = stripe.webhook(object_id, kind)
    assert shop.call_back(webhook.payload, webhook.signature).status == 200


def bought(shop: Shop, stripe: Stripe, **items: int) -> Any:  # noqa: ANN401 (JSON)
    """A paid order, as its owner sees it."""
    checkout = shop.ordered(shop.cart(**items))
    carry(shop, stripe, stripe.pay(checkout), "payment_intent.succeeded")
    return story(shop, checkout["order_id"])


def story(shop: Shop, order_id: str) -> Any:  # noqa: ANN401 (JSON)
    return shop.admin("GET", f"/orders/{order_id}")


def stock(shop: Shop, sku: str) -> int:
    available: int = shop.admin("GET", f"/stock/{sku}")["available"]
    return available


def _token(order_id: str) -> str:
    """What checkout gave the order's shopper."""
    found = wiring.orders().get_order(order_id)
    assert found is not None
    return order_token(found.order)


def asked(stripe: Stripe, method: str, path: str, body: Json | None = None, **form: str) -> Any:  # noqa: ANN401 (JSON)
    """What somebody does in Stripe's dashboard."""
    keys = {"Authorization": f"Bearer {SECRET_KEY}"} if form else {}
    url = f"{stripe.running.url}{path}"
    answer = requests.request(method, url, json=body, data=form or None, headers=keys, timeout=10)
    assert answer.ok, answer.text
    return answer.json()


def test_a_whole_refund_gives_back_money_and_pieces(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=2, tea=1)
    refunded = till.admin(
        "POST",
        f"/orders/{order['id']}/refunds",
        {"restock": True, "reason": "Broken."},
        idempotency_key="whole",
    )
    assert (refunded["status"], refunded["refundable"]) == ("refunded", 0)
    assert refunded["payment"]["amount_refunded"] == 3100
    (refund,) = refunded["refunds"]
    assert (refund["status"], refund["amount"], refund["reason"]) == ("succeeded", 3100, "Broken.")
    assert refund["reference"].startswith("re_")
    assert (stock(till, "mug"), stock(till, "tea")) == (5, 5)
    assert [entry["what"] for entry in refunded["ledger"]] == [
        "order.placed",
        "payment.succeeded",
        "refund.requested",
        "refund.succeeded",
    ]
    assert refunded["ledger"][2]["by"].startswith("key_")
    carry(till, stripe, refund["reference"], "refund.created")
    carry(till, stripe, refund["reference"], "refund.updated")
    after = story(till, order["id"])
    assert (after["payment"]["amount_refunded"], len(after["refunds"]), stock(till, "mug")) == (3100, 1, 5)


def test_pieces_are_refunded_by_their_share(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=3)
    path = f"/orders/{order['id']}/refunds"
    body = {"lines": [{"sku": "mug", "quantity": 2}], "restock": True}
    part = till.admin("POST", path, body, idempotency_key="two")
    assert (part["status"], part["payment"]["amount_refunded"], part["refundable"]) == (
        "partially_refunded",
        2400,
        1200,
    )
    assert (stock(till, "mug"), part["reserved"]) == (4, {"mug": 1})
    more = till.admin_call("POST", path, body, idempotency_key="two more").refusal(409, "RefundRefused")
    assert "1 pieces" in more["message"]


def test_one_key_is_one_refund(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=1)
    path = f"/orders/{order['id']}/refunds"
    for _ in range(2):
        again = till.admin("POST", path, {"amount": 500}, idempotency_key="once")
    assert (again["payment"]["amount_refunded"], len(again["refunds"])) == (500, 1)
    till.admin_call("POST", path, {"amount": 501}, idempotency_key="once").refusal(409, "KeyReused")
    till.admin_call("POST", path, {"amount": 701}, idempotency_key="b").refusal(409, "RefundRefused")


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0},
        {"amount": "5"},
        {"amount": 5, "lines": [{"sku": "mug", "quantity": 1}]},
        {"amount": 5, "restock": True},
        {"lines": [{"sku": "mug", "quantity": 0}]},
        {"lines": [{"sku": "", "quantity": 1}]},
        {"reason": "x" * 501},
        {"everything": True},
    ],
    ids=str,
)
def test_a_refund_that_makes_no_sense_changes_nothing(till: Shop, stripe: Stripe, body: Json) -> None:
    order = bought(till, stripe, mug=1)
    with till.unchanged():
        till.admin_call("POST", f"/orders/{order['id']}/refunds", body, idempotency_key="x").refusal(
            400, "InvalidRequest"
        )


def test_a_refund_that_stripe_refuses_is_recorded_and_said(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=1)
    intent = order["payment"]["reference"]
    asked(stripe, "POST", "/_sandbox/disputes", {"payment_intent": intent})
    path = f"/orders/{order['id']}/refunds"
    refusal = till.admin_call("POST", path, {}, idempotency_key="x").refusal(409, "RefundRefused")
    assert "charged back" in refusal["message"]
    till.admin_call("POST", path, {}, idempotency_key="x").refusal(409, "RefundRefused")
    after = story(till, order["id"])
    assert (after["refunds"][0]["status"], after["refundable"], after["status"]) == ("failed", 1200, "paid")


def test_a_refund_from_stripes_dashboard_is_picked_up(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=1)
    made = asked(stripe, "POST", "/v1/refunds", payment_intent=order["payment"]["reference"], amount="200")
    for kind in ("refund.updated", "refund.created"):
        carry(till, stripe, made["id"], kind)
    after = story(till, order["id"])
    assert (after["status"], after["payment"]["amount_refunded"]) == ("partially_refunded", 200)
    (refund,) = after["refunds"]
    assert (refund["by"], refund["reference"]) == ("stripe", made["id"])


def test_a_dispute_is_told_as_it_goes(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=1)
    opened = asked(stripe, "POST", "/_sandbox/disputes", {"payment_intent": order["payment"]["reference"]})
    carry(till, stripe, opened["id"], "charge.dispute.created")
    assert story(till, order["id"])["status"] == "disputed"
    asked(stripe, "POST", f"/_sandbox/disputes/{opened['id']}/close", {"outcome": "lost"})
    carry(till, stripe, opened["id"], "charge.dispute.closed")
    after = story(till, order["id"])
    assert (after["status"], after["dispute"]) == ("charged_back", "lost")


def test_parcels_are_noted_line_by_line(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=2, tea=1)
    path = f"/orders/{order['id']}/fulfilments"
    first = {
        "lines": [{"sku": "mug", "quantity": 1}],
        "carrier": "Royal Mail",
        "tracking_number": "AB1",
        "tracking_url": "https://track.example.com/AB1",
    }
    for _ in range(2):
        part = till.admin("POST", path, first, idempotency_key="a")
    assert (part["status"], part["fulfilled"]) == ("partially_fulfilled", {"mug": 1})
    whole = till.admin("POST", path, {}, idempotency_key="b")
    assert (whole["status"], whole["fulfilled"]) == ("fulfilled", {"mug": 2, "tea": 1})
    assert [parcel["lines"] for parcel in whole["fulfilments"]] == [{"mug": 1}, {"mug": 1, "tea": 1}]
    (first_parcel, _) = till.ask(
        "GET", f"/orders/{order['id']}", authorization=f"Bearer {_token(order['id'])}"
    )["parcels"]
    assert (first_parcel["lines"], first_parcel["tracking_number"]) == ({"mug": 1}, "AB1")
    till.admin_call("POST", path, {}, idempotency_key="c").refusal(409, "NotFulfillable")
    till.admin_call("POST", path, {}, idempotency_key="a").refusal(409, "KeyReused")


def test_what_is_not_paid_is_not_sent(till: Shop) -> None:
    checkout = till.ordered(till.cart(mug=1))
    path = f"/orders/{checkout['order_id']}/fulfilments"
    till.admin_call("POST", path, {}, idempotency_key="a").refusal(409, "NotFulfillable")


def test_an_order_paid_in_an_odd_way_waits_for_its_owner(till: Shop, stripe: Stripe) -> None:
    checkout = till.ordered(till.cart(mug=1))
    order = wiring.orders().get_order(checkout["order_id"])
    assert order is not None
    stripe.running.sandbox.account.payment_intents.get(order.order.payment.reference)["amount"] = 1000
    carry(till, stripe, stripe.pay(checkout), "payment_intent.succeeded")
    waiting = story(till, checkout["order_id"])
    assert (waiting["status"], waiting["review"]["reason"]) == ("needs_review", "amount_mismatch")
    assert till.admin("GET", "/health")["in_review"]["order_ids"] == [checkout["order_id"]]
    for _ in range(2):
        taken = till.admin("POST", f"/orders/{checkout['order_id']}/accept")
    assert (taken["status"], taken["review"], stock(till, "mug")) == ("paid", None, 4)
    assert till.admin("GET", "/health")["in_review"]["count"] == 0


def test_an_order_that_needs_no_review_is_not_accepted(till: Shop, stripe: Stripe) -> None:
    order = bought(till, stripe, mug=1)
    till.admin_call("POST", f"/orders/{order['id']}/accept").refusal(409, "NothingToReview")


def test_a_changed_cart_takes_over_from_its_earlier_order(till: Shop, stripe: Stripe) -> None:
    cart = till.cart(mug=5)
    first = till.ordered(cart)
    cart = till.ask("PUT", f"/carts/{cart['id']}/items/mug", {"quantity": 4})
    second = till.ordered(cart)
    assert (story(till, first["order_id"])["status"], stock(till, "mug")) == ("canceled", 1)
    assert stripe.pay(first)  # which Stripe refuses
    carry(till, stripe, stripe.pay(second), "payment_intent.succeeded")
    assert till.order(second)["status"] == "paid"
    assert till.order(first)["status"] == "canceled"


def test_what_was_canceled_in_stripes_dashboard_is_canceled_and_can_be_bought_anew(
    till: Shop, stripe: Stripe
) -> None:
    cart = till.cart(mug=1)
    first = till.ordered(cart)
    intent = story(till, first["order_id"])["payment"]["reference"]
    asked(stripe, "POST", f"/v1/payment_intents/{intent}/cancel", cancellation_reason="abandoned")
    second = till.ordered(cart)  # before the notice came
    assert (story(till, first["order_id"])["status"], stock(till, "mug")) == ("canceled", 4)
    assert second["order_id"] != first["order_id"]
    carry(till, stripe, intent, "payment_intent.canceled")
    assert stock(till, "mug") == 4


def test_what_is_not_paid_in_time_gives_its_stock_back(
    till: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = till.ordered(till.cart(mug=2))
    paid_unseen = till.ordered(till.cart(tea=1))
    stripe.running.sandbox.webhooks.switches = Switches(hold=True)
    stripe.pay(paid_unseen)
    stripe.running.sandbox.webhooks.switches = Switches()
    real = wiring.now
    monkeypatch.setattr(wiring, "now", lambda: real() + timedelta(minutes=31))
    housekeeping(TICK, None)
    assert (till.order(checkout)["status"], stock(till, "mug")) == ("canceled", 5)
    assert (till.order(paid_unseen)["status"], stock(till, "tea")) == ("paid", 4)
    health = till.admin("GET", "/health")
    assert (health["sweep"]["settled"], health["sweep"]["failed"], health["overdue"]["count"]) == (2, 0, 0)
    assert health["reconciliation"]["stage"] == "done"


def test_a_bank_debit_keeps_its_order_and_stock_until_the_bank_has_spoken(
    till: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkouts = [till.ordered(till.cart(mug=1)) for _ in range(2)]
    intents = [story(till, checkout["order_id"])["payment"]["reference"] for checkout in checkouts]
    for checkout, intent in zip(checkouts, intents, strict=True):
        asked(
            stripe,
            "POST",
            f"/v1/payment_intents/{intent}/confirm",
            **SEPA_DEBIT,
        )
        carry(till, stripe, intent, "payment_intent.processing")
        assert till.order(checkout)["status"] == "processing"
    real = wiring.now
    for days in (1, 3):
        monkeypatch.setattr(wiring, "now", lambda days=days: real() + timedelta(days=days))
        housekeeping(TICK, None)
        assert [till.order(checkout)["status"] for checkout in checkouts] == ["processing"] * 2
    monkeypatch.setattr(wiring, "now", real)
    assert stock(till, "mug") == 3
    for intent, outcome in zip(intents, ("succeeded", "failed"), strict=True):
        asked(stripe, "POST", f"/_sandbox/payment_intents/{intent}/complete", {"outcome": outcome})
    carry(till, stripe, intents[0], "payment_intent.succeeded")
    carry(till, stripe, intents[1], "payment_intent.payment_failed")
    assert [till.order(checkout)["status"] for checkout in checkouts] == ["paid", "failed"]
