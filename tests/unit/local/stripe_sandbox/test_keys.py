import base64

import pytest
import stripe

from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker


def test_without_a_key_nobody_is_let_in(running: Running) -> None:
    reply = Asker(running.url).get("/v1/events")
    assert reply.status == 401
    assert "You did not provide an API key" in reply.body["error"]["message"]
    assert reply.headers["Request-Id"].startswith("req_")


def test_a_wrong_key_is_refused_and_not_repeated(running: Running) -> None:
    client = stripe.StripeClient("sk_test_of_somebody_else", base_addresses={"api": running.url})
    with pytest.raises(stripe.AuthenticationError, match=r"Invalid API Key provided: sk_test_\*+else"):
        client.v1.events.list()


def test_basic_authentication_works_as_in_curls_dash_u(running: Running) -> None:
    token = base64.b64encode(f"{running.secret_key}:".encode()).decode()
    reply = Asker(running.url).post_form(
        "/v1/payment_intents", {"amount": "100", "currency": "usd"}, Authorization=f"Basic {token}"
    )
    assert reply.status == 200


def test_the_publishable_key_opens_no_server_side_call(running: Running) -> None:
    client = stripe.StripeClient(running.publishable_key, base_addresses={"api": running.url})
    with pytest.raises(stripe.PermissionError) as refused:
        client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    assert refused.value.http_status == 403
    assert refused.value.json_body["error"]["code"] == "secret_key_required"  # type: ignore[index]  # the SDK types the body as object


def test_another_api_version_is_not_spoken(server: Asker) -> None:
    reply = server.post_form(
        "/v1/payment_intents", {"amount": "100", "currency": "usd"}, Stripe_Version="2017-01-01"
    )
    assert reply.status == 400
    assert "Invalid Stripe API version: 2017-01-01" in reply.body["error"]["message"]
