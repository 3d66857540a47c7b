import pytest
import stripe

from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker

RETURN = "https://shop.example/thanks?lang=en"


def intent_of(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create({"amount": 1099, "currency": "usd"})


def event_types(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def challenged(
    client: stripe.StripeClient, method: str = "pm_card_threeDSecure2Required"
) -> stripe.PaymentIntent:
    return client.v1.payment_intents.confirm(
        intent_of(client).id, {"payment_method": method, "return_url": RETURN}
    )


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_declined_card_is_a_card_error_and_the_intent_waits_for_another(
    client: stripe.StripeClient, method: str, code: str, decline_code: str | None
) -> None:
    intent = intent_of(client)
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": method, "return_url": RETURN})
    assert (declined.value.http_status, declined.value.code) == (402, code)
    assert declined.value.json_body["error"].get("decline_code") == decline_code  # type: ignore[index]  # the SDK types the body as object
    after = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error
    assert after.last_payment_error.code == code
    assert isinstance(after.latest_charge, stripe.Charge)
    assert (after.latest_charge.status, after.latest_charge.failure_code) == ("failed", code)


def test_a_shopper_can_try_again_after_a_decline(client: stripe.StripeClient) -> None:
    intent = intent_of(client)
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa_chargeDeclined", "return_url": RETURN}
        )
    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN}
    )
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert event_types(client) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_challenged_card_pays_once_its_holder_has_agreed(
    client: stripe.StripeClient, server: Asker
) -> None:
    asked = challenged(client)
    assert asked.status == "requires_action"
    assert asked.latest_charge is None
    reply = server.order(f"/payment_intents/{asked.id}/authenticate", outcome="succeeded")
    assert reply.body["status"] == "succeeded"
    charge = client.v1.charges.list({"payment_intent": asked.id}).data[0]
    assert charge.payment_method_details
    assert charge.payment_method_details.card
    assert charge.payment_method_details.card.three_d_secure
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert event_types(client) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_challenge_that_fails_charges_nothing(client: stripe.StripeClient, server: Asker) -> None:
    asked = challenged(client)
    reply = server.order(f"/payment_intents/{asked.id}/authenticate", outcome="failed")
    assert reply.body["status"] == "requires_payment_method"
    assert reply.body["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert client.v1.charges.list().data == []
    assert event_types(client)[-1] == "payment_intent.payment_failed"


def test_a_card_may_be_declined_after_its_holder_agreed(client: stripe.StripeClient, server: Asker) -> None:
    asked = challenged(client, "pm_card_threeDSecureRequiredChargeDeclined")
    reply = server.order(f"/payment_intents/{asked.id}/authenticate", outcome="succeeded")
    assert reply.body["status"] == "requires_payment_method"
    assert reply.body["last_payment_error"]["decline_code"] == "generic_decline"


def test_nothing_can_be_authenticated_that_was_not_asked(client: stripe.StripeClient, server: Asker) -> None:
    reply = server.order(f"/payment_intents/{intent_of(client).id}/authenticate", outcome="succeeded")
    assert reply.status == 400


def test_the_challenge_page_leads_back_to_the_shop(client: stripe.StripeClient, running: Running) -> None:
    asked = challenged(client)
    assert asked.next_action
    assert asked.next_action.redirect_to_url
    assert asked.next_action.redirect_to_url.url
    visitor = Asker(running.url)
    path = asked.next_action.redirect_to_url.url.removeprefix(running.url)
    page = visitor.get(path)
    assert "do you want to pay $10.99 usd?" in page.body
    form = {"client_secret": str(asked.client_secret), "outcome": "succeeded"}
    back = visitor.post_form(path.partition("?")[0], form)
    assert back.status == 303
    assert back.headers["Location"] == (
        f"{RETURN}&payment_intent={asked.id}&payment_intent_client_secret={asked.client_secret}"
        "&redirect_status=succeeded"
    )


def test_the_challenge_page_wants_the_client_secret(client: stripe.StripeClient, server: Asker) -> None:
    asked = challenged(client)
    assert server.get(f"/_sandbox/3ds/{asked.id}", client_secret="wrong").status == 400
    assert client.v1.payment_intents.retrieve(asked.id).status == "requires_action"


@pytest.mark.parametrize(
    ("entered", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "4111111111111111"}, "card_declined"),
        ({"exp_month": "13"}, "invalid_expiry_month"),
        ({"exp_year": "2001"}, "invalid_expiry_year"),
        ({"cvc": "1"}, "invalid_cvc"),
    ],
)
def test_a_mistyped_card_is_refused(server: Asker, entered: dict[str, str], code: str) -> None:
    card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2040", "cvc": "123"} | entered
    form = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
    reply = server.post_form("/v1/payment_methods", form)
    assert (reply.status, reply.body["error"]["code"]) == (402, code)


def test_a_payment_method_can_be_made_from_a_card_and_used(client: stripe.StripeClient) -> None:
    method = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "5555 5555 5555 4444", "exp_month": 1, "exp_year": 2044}}
    )
    assert client.v1.payment_methods.retrieve(method.id).card == method.card
    paid = client.v1.payment_intents.confirm(
        intent_of(client).id, {"payment_method": method.id, "return_url": RETURN}
    )
    assert paid.payment_method == method.id


def test_a_disputing_card_raises_its_dispute_by_itself(client: stripe.StripeClient) -> None:
    paid = client.v1.payment_intents.confirm(
        intent_of(client).id, {"payment_method": "pm_card_createDispute", "return_url": RETURN}
    )
    [dispute] = client.v1.disputes.list({"payment_intent": paid.id}).data
    assert (dispute.reason, dispute.status) == ("fraudulent", "needs_response")
