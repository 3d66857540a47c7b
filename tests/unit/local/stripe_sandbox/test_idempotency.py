import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from local.stripe_sandbox.idempotency import KEPT_FOR, Answer, IdempotencyKeys, KeyUse
from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker

FORM = {"amount": "1099", "currency": "usd"}
PATH = "/v1/payment_intents"


def test_the_same_request_again_is_answered_the_same(client: stripe.StripeClient) -> None:
    first, second = (
        client.v1.payment_intents.create({"amount": 1099, "currency": "usd"}, {"idempotency_key": "cart_1:1"})
        for _ in range(2)
    )
    assert first.id == second.id
    assert second.last_response
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers  # type: ignore[union-attr]  # just received
    assert len(client.v1.payment_intents.list().data) == 1


def test_a_replay_shows_what_was_and_not_what_is(client: stripe.StripeClient) -> None:
    request: stripe.RequestOptions = {"idempotency_key": "k"}
    intent = client.v1.payment_intents.create({"amount": 1099, "currency": "usd"}, request)
    client.v1.payment_intents.cancel(intent.id)
    replayed = client.v1.payment_intents.create({"amount": 1099, "currency": "usd"}, request)
    assert replayed.status == "requires_payment_method"


def test_a_key_does_not_serve_two_requests(client: stripe.StripeClient) -> None:
    client.v1.payment_intents.create({"amount": 1099, "currency": "usd"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError, match="can only be used with the same parameters"):
        client.v1.payment_intents.create({"amount": 1100, "currency": "usd"}, {"idempotency_key": "k"})


def test_a_key_does_not_serve_two_endpoints(server: Asker) -> None:
    intent = server.post_form(PATH, FORM, Idempotency_Key="k").body["id"]
    reply = server.post_form(f"{PATH}/{intent}/cancel", {}, Idempotency_Key="k")
    assert (reply.status, reply.body["error"]["type"]) == (400, "idempotency_error")
    assert "for the same endpoint" in reply.body["error"]["message"]


def test_a_decline_is_replayed_too(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1099, "currency": "usd"})
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(
                intent.id,
                {"payment_method": "pm_card_visa_chargeDeclined", "return_url": "https://shop.example"},
                {"idempotency_key": "pay"},
            )
    assert len(client.v1.charges.list().data) == 1


def test_a_key_survives_parameters_that_were_refused(server: Asker) -> None:
    assert server.post_form(PATH, FORM | {"amount": "x"}, Idempotency_Key="k").status == 400
    assert server.post_form(PATH, FORM, Idempotency_Key="k").status == 200


def test_a_key_in_use_is_a_conflict(running: Running, server: Asker) -> None:
    server.order("/faults", outcome="hold")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.post_form, PATH, FORM, Idempotency_Key="k")
        assert running.sandbox.faults.wait_until_held()
        second = server.post_form(PATH, FORM, Idempotency_Key="k")
        server.order("/faults/release")
    assert (second.status, second.body["error"]["code"]) == (409, "idempotency_key_in_use")
    assert second.headers["Stripe-Should-Retry"] == "true"
    assert first.result().status == 200
    assert server.post_form(PATH, FORM, Idempotency_Key="k").body["id"] == first.result().body["id"]


def test_many_at_once_make_one(server: Asker, client: stripe.StripeClient) -> None:
    barrier = threading.Barrier(8)

    def ask() -> int:
        barrier.wait()
        return server.post_form(PATH, FORM, Idempotency_Key="k").status

    with ThreadPoolExecutor(8) as pool:
        statuses = [pool.submit(ask) for _ in range(8)]
    assert {status.result() for status in statuses} <= {200, 409}
    assert len(client.v1.payment_intents.list().data) == 1


def test_the_keys_of_two_callers_do_not_meet(running: Running, server: Asker, browser: Asker) -> None:
    card = {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "1",
        "card[exp_year]": "2044",
    }
    replies = [
        asker.post_form("/v1/payment_methods", card, Idempotency_Key="k") for asker in (server, browser)
    ]
    assert replies[0].body["id"] != replies[1].body["id"]


def test_a_key_is_forgotten_after_a_day() -> None:
    now = 1000.0
    keys = IdempotencyKeys(clock=lambda: now)
    use = KeyUse(key="k", caller="sk", endpoint=PATH, parameters={})

    def work(name: str) -> Answer:
        return Answer(status=200, body=name, request_id="req_1")

    assert keys.once(use, lambda: work("first"))[0].body == "first"
    now += KEPT_FOR - 1
    assert keys.once(use, lambda: work("second")) == (work("first"), True)
    now += 1
    assert keys.once(use, lambda: work("third")) == (work("third"), False)


def test_a_key_may_not_be_longer_than_stripes(server: Asker) -> None:
    assert server.post_form(PATH, FORM, Idempotency_Key="k" * 256).status == 400
