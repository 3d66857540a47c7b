"""Failures of ours and of others: said plainly, logged once, and leaking nothing."""

from __future__ import annotations

import json
import logging

import pytest

from chalicelib import wiring
from local.stripe_sandbox.faults import Fault
from tests.integration.api.callers import Answer, Json, Shop, Stripe
from tests.making import a_product


@pytest.fixture
def cart(shop: Shop) -> Json:
    shop.sell(a_product("mug", tracked=True), mug=5)
    cart: Json = shop.cart(mug=1)
    return cart


def test_a_provider_that_does_not_answer_is_unavailable_and_the_next_try_goes_on(
    shop: Shop, stripe: Stripe, cart: Json
) -> None:
    stripe.running.sandbox.faults.add(Fault(outcome="status", status=402, path="/v1/payment_intents"))
    answer = shop.check_out(cart)
    answer.refusal(503, "ProviderUnavailable")
    assert answer.headers["retry-after"] == "1"
    assert shop.ask("GET", "/products/mug")["availability"]["left"] == 4
    shop.ordered(cart)
    assert shop.ask("GET", "/products/mug")["availability"]["left"] == 4


def test_a_shop_without_stripe_keys_takes_no_order(
    shop: Shop, cart: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLHOOK_PARAMETER_PREFIX", "/tillhook/without")
    wiring.settings.cache_clear()
    with shop.unchanged():
        answer = shop.check_out(cart)
        answer.refusal(503, "ProviderUnavailable")
    assert answer.headers["retry-after"] == "1"


@pytest.fixture
def broken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """The answer of a shop whose table is gone, to a caller with secrets in her path."""
    monkeypatch.setenv("TILLHOOK_TABLE", "a-table-that-is-gone")
    wiring.settings.cache_clear()
    wiring.table.cache_clear()
    wiring.carts.cache_clear()
    return shop.call("POST", "/carts")


def test_what_nobody_foresaw_is_an_internal_error_that_tells_nothing(broken: Answer) -> None:
    error = broken.refusal(500, "InternalError")
    assert error.keys() == {"type", "message"}
    assert b"ResourceNotFound" not in broken.content
    assert b"a-table-that-is-gone" not in broken.content


def test_and_the_log_tells_it_once_with_its_route_and_traceback(
    broken: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    lines = caplog.get_records("setup")
    (failure,) = [line for line in lines if line.levelno >= logging.ERROR]
    assert (failure.getMessage(), vars(failure)["route"]) == ("request failed", "POST /carts")
    assert failure.exc_info is not None


def test_a_traceback_in_the_log_has_no_people_and_no_secrets(
    shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("ada@example.com whsec_c2VjcmV0 till_key_secret sk_test_abc tok_abc")

    monkeypatch.setattr(wiring, "carts", fail)
    shop.call("POST", "/carts").refusal(500, "InternalError")
    (line,) = [json.loads(line) for line in caplog.text.splitlines() if "RuntimeError" in line]
    assert "RuntimeError" in line["traceback"]
    for secret in ("ada@example.com", "c2VjcmV0", "till_key", "sk_test_abc", "tok_abc"):
        assert secret not in caplog.text


def test_a_checkout_leaves_no_person_and_no_credential_in_the_log(
    shop: Shop, cart: Json, caplog: pytest.LogCaptureFixture
) -> None:
    checkout = shop.ordered(cart)
    shop.order(checkout)
    assert checkout["order_id"] in caplog.text
    for secret in ("ada@", "Lovelace", cart["id"], checkout["order_token"], checkout["client_secret"]):
        assert secret not in caplog.text


def test_a_path_that_is_none_of_ours_is_not_answered_by_us(shop: Shop) -> None:
    assert shop.call("GET", "/nothing").status == 403
