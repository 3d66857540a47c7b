import pytest
import stripe

from tests.unit.local.stripe_sandbox.asking import Asker


@pytest.fixture
def paid(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example/thanks",
        }
    )


def types(client: stripe.StripeClient) -> list[str]:
    events = client.v1.events.list({"type": "charge.dispute.*"}).data
    return [event.type for event in reversed(events)]


def test_a_dispute_takes_the_money_and_is_told(
    client: stripe.StripeClient, server: Asker, paid: stripe.PaymentIntent
) -> None:
    raised = server.order("/disputes", payment_intent=paid.id, reason="product_not_received", amount=700)
    dispute = client.v1.disputes.retrieve(raised.body["id"], {"expand": ["charge"]})
    assert (dispute.amount, dispute.reason, dispute.status) == (
        700,
        "product_not_received",
        "needs_response",
    )
    assert isinstance(dispute.charge, stripe.Charge)
    assert dispute.charge.disputed
    assert types(client) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"


def test_a_lost_dispute_stays_lost(
    client: stripe.StripeClient, server: Asker, paid: stripe.PaymentIntent
) -> None:
    dispute = server.order("/disputes", payment_intent=paid.id).body["id"]
    assert server.order(f"/disputes/{dispute}/close", outcome="lost").body["status"] == "lost"
    assert server.order(f"/disputes/{dispute}/close", outcome="won").status == 400
    assert types(client)[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        client.v1.refunds.create({"payment_intent": paid.id})


def test_a_won_dispute_gives_the_money_back(
    client: stripe.StripeClient, server: Asker, paid: stripe.PaymentIntent
) -> None:
    dispute = server.order("/disputes", payment_intent=paid.id).body["id"]
    server.order(f"/disputes/{dispute}/close", outcome="won")
    assert types(client)[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    assert client.v1.refunds.create({"payment_intent": paid.id}).status == "succeeded"


def test_a_charge_is_disputed_once(server: Asker, paid: stripe.PaymentIntent) -> None:
    assert server.order("/disputes", payment_intent=paid.id).status == 200
    assert server.order("/disputes", payment_intent=paid.id).status == 400


def test_what_was_never_charged_cannot_be_disputed(client: stripe.StripeClient, server: Asker) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert server.order("/disputes", payment_intent=intent.id).status == 400
