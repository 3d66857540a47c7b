from typing import Literal

import pytest
import stripe

from tests.unit.local.stripe_sandbox.asking import Asker

RETURN = "https://shop.example/thanks"


def create(client: stripe.StripeClient, amount: int = 1099) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"order_id": "ord_1"},
            "receipt_email": "ada@example.com",
            "shipping": {"name": "Ada", "address": {"city": "Oslo", "country": "NO"}},
        }
    )


def pay(client: stripe.StripeClient, method: str = "pm_card_visa") -> stripe.PaymentIntent:
    intent = create(client)
    return client.v1.payment_intents.confirm(intent.id, {"payment_method": method, "return_url": RETURN})


def test_a_new_intent_waits_for_a_payment_method_and_keeps_what_it_was_told(
    client: stripe.StripeClient,
) -> None:
    intent = client.v1.payment_intents.retrieve(create(client).id)
    assert intent.status == "requires_payment_method"
    assert intent.amount == 1099
    assert intent.client_secret
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.metadata.to_dict() == {"order_id": "ord_1"}
    assert intent.receipt_email == "ada@example.com"
    assert intent.shipping
    assert intent.shipping.to_dict() == {"name": "Ada", "address": {"city": "Oslo", "country": "NO"}}


def test_a_good_card_pays_at_once_and_its_charge_can_be_expanded(client: stripe.StripeClient) -> None:
    paid = pay(client)
    assert (paid.status, paid.amount_received) == ("succeeded", 1099)
    expanded = client.v1.payment_intents.retrieve(
        paid.id, {"expand": ["latest_charge.payment_intent", "payment_method"]}
    )
    assert isinstance(expanded.latest_charge, stripe.Charge)
    assert (expanded.latest_charge.paid, expanded.latest_charge.amount_captured) == (True, 1099)
    assert isinstance(expanded.latest_charge.payment_intent, stripe.PaymentIntent)
    assert isinstance(expanded.payment_method, stripe.PaymentMethod)
    assert expanded.payment_method.card
    assert expanded.payment_method.card.last4 == "4242"


def test_create_and_confirm_in_one_call(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_mastercard",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert intent.status == "succeeded"


def test_a_server_that_may_have_to_redirect_must_say_where_to(client: stripe.StripeClient) -> None:
    intent = create(client)
    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`"):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


def test_a_refused_confirmation_changes_nothing(client: stripe.StripeClient) -> None:
    intent = create(client)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
        )
    [untouched] = client.v1.payment_intents.list().data
    assert (untouched.status, untouched.payment_method) == ("requires_payment_method", None)


def test_without_automatic_payment_methods_there_are_cards_only_and_no_redirects(
    client: stripe.StripeClient,
) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 100, "currency": "usd", "automatic_payment_methods": {"enabled": False}}
    )
    assert (intent.automatic_payment_methods, intent.payment_method_types) == (None, ["card"])
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"


def test_an_updated_payment_method_waits_to_be_confirmed(client: stripe.StripeClient) -> None:
    intent = create(client)
    updated = client.v1.payment_intents.update(intent.id, {"payment_method": "pm_card_visa"})
    assert updated.status == "requires_confirmation"
    assert client.v1.payment_intents.confirm(intent.id, {"return_url": RETURN}).status == "succeeded"


def test_confirming_without_a_payment_method_is_refused(client: stripe.StripeClient) -> None:
    intent = create(client)
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refused:
        client.v1.payment_intents.confirm(intent.id, {"return_url": RETURN})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_paying_twice_is_refused(client: stripe.StripeClient) -> None:
    paid = pay(client)
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded") as refused:
        client.v1.payment_intents.confirm(paid.id, {"payment_method": "pm_card_visa", "return_url": RETURN})
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.http_status == 400


def test_an_update_merges_metadata_and_unsets_what_is_empty(client: stripe.StripeClient) -> None:
    intent = create(client)
    updated = client.v1.payment_intents.update(
        intent.id,
        {
            "amount": 500,
            "metadata": {"cart_id": "cart_1", "order_id": ""},
            "receipt_email": "",
            "shipping": "",
            "description": "two mugs",
        },
    )
    assert updated.amount == 500
    assert updated.metadata.to_dict() == {"cart_id": "cart_1"}
    assert (updated.receipt_email, updated.shipping, updated.description) == (None, None, "two mugs")


def test_a_paid_amount_cannot_be_changed_but_metadata_can(client: stripe.StripeClient) -> None:
    paid = pay(client)
    with pytest.raises(stripe.InvalidRequestError, match="amount could not be updated") as refused:
        client.v1.payment_intents.update(paid.id, {"amount": 1})
    assert refused.value.code == "payment_intent_unexpected_state"
    assert client.v1.payment_intents.update(paid.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"


def test_a_changed_amount_takes_back_what_was_asked_of_the_card_holder(client: stripe.StripeClient) -> None:
    asked = pay(client, "pm_card_threeDSecure2Required")
    assert asked.status == "requires_action"
    changed = client.v1.payment_intents.update(asked.id, {"amount": 900})
    assert (changed.status, changed.next_action) == ("requires_confirmation", None)


def test_canceling_says_when_and_why(client: stripe.StripeClient) -> None:
    canceled = client.v1.payment_intents.cancel(create(client).id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at


@pytest.mark.parametrize("end", ["succeeded", "canceled"])
def test_an_intent_that_has_ended_cannot_be_canceled(
    client: stripe.StripeClient, end: Literal["succeeded", "canceled"]
) -> None:
    intent = pay(client) if end == "succeeded" else create(client)
    if end == "canceled":
        client.v1.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match=f"a status of {end}") as refused:
        client.v1.payment_intents.cancel(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.json_body["error"]["payment_intent"]["status"] == end  # type: ignore[index]  # the SDK types the body as object


def test_a_canceled_intent_cannot_be_paid(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.cancel(create(client).id)
    with pytest.raises(stripe.InvalidRequestError, match="a status of canceled"):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN})


def test_an_unknown_intent_is_missing(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent: 'pi_none'") as missing:
        client.v1.payment_intents.retrieve("pi_none")
    assert (missing.value.code, missing.value.http_status) == ("resource_missing", 404)
    assert missing.value.param == "intent"


def test_an_unknown_url_is_told_so(server: Asker) -> None:
    reply = server.get("/v1/customers")
    assert reply.status == 404
    assert "Unrecognized request URL (GET: /v1/customers)" in reply.body["error"]["message"]


def test_a_property_that_is_no_link_cannot_be_expanded_and_nothing_has_happened(
    client: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot be expanded \(amount\)"):
        client.v1.payment_intents.create({"amount": 100, "currency": "usd", "expand": ["amount"]})
    assert client.v1.payment_intents.list().data == []
