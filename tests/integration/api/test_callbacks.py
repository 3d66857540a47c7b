"""Stripe's webhooks, signed by Stripe's own SDK where a test bends them."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import wiring
from tests.integration.api.callers import Json, Shop, Stripe
from tests.making import a_product, an_id
from tests.unit.adapters.stripe.notices import encode, notice, signed
from tests.unit.local.stripe_sandbox.receiver import SECRET


@pytest.fixture
def checkout(shop: Shop) -> Json:
    shop.sell(a_product("mug", tracked=True), mug=5)
    checkout: Json = shop.ordered(shop.cart(mug=1))
    return checkout


def _about(
    checkout: Json,
    kind: str = "payment_intent.succeeded",
    /,
    **changes: Any,  # noqa: ANN401 (fields of an intent, of any type)
) -> dict[str, Any]:
    intent = {
        "id": checkout["client_secret"].partition("_secret_")[0],
        "amount": checkout["amount"],
        "amount_received": checkout["amount"],
        "currency": checkout["currency"],
        "metadata": {"tillhook_order": checkout["order_id"], "tillhook_shop": "test"},
    }
    return notice(kind, **intent | changes)


def _signed_now(payload: bytes, *, secret: str = SECRET, ago: timedelta = timedelta()) -> str:
    return signed(payload, secret=secret, at=wiring.now() - ago)


def test_a_notice_that_comes_twice_has_one_effect(shop: Shop, stripe: Stripe, checkout: Json) -> None:
    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    shop.call_back(webhook.payload, webhook.signature)
    with shop.unchanged():
        assert shop.call_back(webhook.payload, webhook.signature).status == 200


def test_each_of_several_secrets_verifies_while_one_is_replaced(shop: Shop, checkout: Json) -> None:
    payload = encode(_about(checkout))
    assert shop.call_back(payload, _signed_now(payload, secret="whsec_of_last_year")).status == 200
    assert shop.order(checkout)["status"] == "paid"


@pytest.mark.parametrize(
    "signature",
    ["", "nonsense", "t=1", "v1=00", "t=x,v1=00", "t=1,t=2,v1=00", "t=²,v1=00", f"t={'9' * 5000},v1=00"],
    ids=["none", "a word", "no v1", "no t", "no time", "two times", "not ASCII", "endless"],
)
def test_what_carries_no_signature_is_refused(shop: Shop, checkout: Json, signature: str) -> None:
    with shop.unchanged():
        shop.call_back(encode(_about(checkout)), signature).refusal(400, "InvalidSignature")


def test_a_webhook_without_the_header_is_refused(shop: Shop, checkout: Json) -> None:
    with shop.unchanged():
        answer = shop.send("POST", "/callbacks/stripe", encode(_about(checkout)))
        answer.refusal(400, "InvalidSignature")


@pytest.mark.parametrize(
    ("secret", "ago"),
    [
        ("whsec_of_another_account", timedelta()),
        (SECRET.upper(), timedelta()),
        (SECRET, timedelta(seconds=310)),
        (SECRET, timedelta(seconds=-310)),
    ],
    ids=["another account's", "nearly ours", "old", "from the future"],
)
def test_a_wrong_signature_is_refused(shop: Shop, checkout: Json, secret: str, ago: timedelta) -> None:
    payload = encode(_about(checkout))
    with shop.unchanged():
        answer = shop.call_back(payload, _signed_now(payload, secret=secret, ago=ago))
        answer.refusal(400, "InvalidSignature")


@pytest.mark.parametrize("ago", [-290, 290], ids=["a little early", "a little late"])
def test_clocks_may_differ_by_five_minutes(shop: Shop, checkout: Json, ago: int) -> None:
    payload = encode(_about(checkout))
    assert shop.call_back(payload, _signed_now(payload, ago=timedelta(seconds=ago))).status == 200


def test_a_body_altered_by_one_space_is_refused(shop: Shop, stripe: Stripe, checkout: Json) -> None:
    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    with shop.unchanged():
        shop.call_back(webhook.payload + b" ", webhook.signature).refusal(400, "InvalidSignature")


@pytest.mark.parametrize(
    "changes",
    [{"amount_received": 1}, {"amount_received": 120_000}, {"currency": "usd"}],
    ids=["too little", "too much", "another currency"],
)
def test_a_payment_of_another_amount_is_noted_for_its_owner_to_review(
    shop: Shop, checkout: Json, changes: Json
) -> None:
    payload = encode(_about(checkout, **changes))
    assert shop.call_back(payload, _signed_now(payload)).status == 200
    assert shop.order(checkout)["status"] == "needs_review"


def test_another_payment_than_the_orders_own_is_refused_loudly(
    shop: Shop, checkout: Json, caplog: pytest.LogCaptureFixture
) -> None:
    payload = encode(_about(checkout, id="pi_of_another"))
    with shop.unchanged():
        shop.call_back(payload, _signed_now(payload)).refusal(409, "PaymentMismatch")
    assert shop.order(checkout)["status"] == "pending"
    assert _errors(caplog) == [checkout["order_id"]]


def test_live_money_does_not_pay_a_test_order(shop: Shop, checkout: Json) -> None:
    payload = encode(_about(checkout) | {"livemode": True})
    with shop.unchanged():
        shop.call_back(payload, _signed_now(payload)).refusal(409, "PaymentMismatch")


@pytest.mark.parametrize("order_id", [an_id("ord", "of nobody"), "nonsense"], ids=["no order", "no id"])
def test_a_payment_of_an_order_that_nobody_knows_is_refused_loudly(
    shop: Shop, checkout: Json, order_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    payload = encode(_about(checkout, metadata={"tillhook_order": order_id, "tillhook_shop": "test"}))
    with shop.unchanged():
        shop.call_back(payload, _signed_now(payload)).refusal(404, "OrderNotFound")
    assert _errors(caplog) == [order_id]


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["order_id"] for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "acct_of_a_connected_one"},
        {"type": "charge.succeeded"},
        {"type": "invoice.paid", "data": {"object": {"id": "in_1"}}},
        {"type": "made.up.tomorrow"},
    ],
    ids=["a connected account's", "of another kind", "of another product", "unknown"],
)
def test_an_event_that_is_none_of_ours_is_ignored(shop: Shop, checkout: Json, changes: Json) -> None:
    payload = encode(_about(checkout) | changes)
    with shop.unchanged():
        answer = shop.call_back(payload, _signed_now(payload))
        assert (answer.status, answer.json) == (200, {"ignored": True})


@pytest.mark.parametrize(
    "metadata",
    [{}, {"tillhook_order": "{order}"}, {"tillhook_order": "{order}", "tillhook_shop": "prod"}],
    ids=["of another program", "of no shop", "of another shop"],
)
def test_a_payment_of_another_seller_in_the_account_is_ignored(
    shop: Shop, checkout: Json, metadata: dict[str, str]
) -> None:
    named = {key: value.format(order=checkout["order_id"]) for key, value in metadata.items()}
    payload = encode(_about(checkout, metadata=named))
    with shop.unchanged():
        answer = shop.call_back(payload, _signed_now(payload))
        assert (answer.status, answer.json) == (200, {"ignored": True})


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"id": "evt_1"}', b"[" * 60_000],
    ids=["empty", "broken", "a list", "null", "not UTF-8", "half of one", "too deep"],
)
def test_a_signed_body_that_is_no_event_is_refused(shop: Shop, payload: bytes) -> None:
    timestamp = int(wiring.now().timestamp())
    with shop.unchanged():
        answer = shop.call_back(payload, _header(payload, timestamp))
        answer.refusal(400, "InvalidRequest")


def _header(payload: bytes, timestamp: int) -> str:
    """For bytes that Stripe's SDK does not sign, since they are no text."""
    from local.stripe_sandbox.signing import signature_header  # noqa: PLC0415

    return signature_header(payload, secret=SECRET, timestamp=timestamp)


def test_an_order_that_cannot_be_written_is_a_failure_of_ours_so_that_stripe_tries_again(
    shop: Shop, checkout: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = encode(_about(checkout))
    monkeypatch.setenv("TILLHOOK_TABLE", "gone")
    wiring.settings.cache_clear()
    wiring.table.cache_clear()
    wiring.orders.cache_clear()
    shop.call_back(payload, _signed_now(payload)).refusal(500, "InternalError")


def test_a_callback_needs_no_admin_key_and_says_nothing_of_the_order(shop: Shop, checkout: Json) -> None:
    payload = encode(_about(checkout))
    answer = shop.call_back(payload, _signed_now(payload))
    assert json.loads(answer.content) == {"ignored": False}
