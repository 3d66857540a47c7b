import pytest
import stripe

from tests.unit.local.stripe_sandbox.asking import Asker

RETURN = "https://shop.example/thanks"


@pytest.fixture
def processing(client: stripe.StripeClient) -> stripe.PaymentIntent:
    intent = client.v1.payment_intents.create({"amount": 1099, "currency": "eur"})
    return client.v1.payment_intents.confirm(
        intent.id,
        {
            "return_url": RETURN,
            "payment_method_data": {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}},
        },
    )


def event_types(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def test_a_bank_takes_its_time_and_pays(
    client: stripe.StripeClient, server: Asker, processing: stripe.PaymentIntent
) -> None:
    assert processing.status == "processing"
    reply = server.order(f"/payment_intents/{processing.id}/complete", outcome="succeeded")
    assert (reply.body["status"], reply.body["amount_received"]) == ("succeeded", 1099)
    assert event_types(client) == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    cause = client.v1.events.list().data[0].request
    assert cause
    assert cause.id is None


def test_a_bank_takes_its_time_and_refuses(
    client: stripe.StripeClient, server: Asker, processing: stripe.PaymentIntent
) -> None:
    reply = server.order(f"/payment_intents/{processing.id}/complete", outcome="failed")
    assert reply.body["status"] == "requires_payment_method"
    assert event_types(client)[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_bank_at_work_cannot_be_stopped(
    client: stripe.StripeClient, processing: stripe.PaymentIntent
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="a status of processing"):
        client.v1.payment_intents.cancel(processing.id)


def test_a_bank_answers_once(server: Asker, processing: stripe.PaymentIntent) -> None:
    path = f"/payment_intents/{processing.id}/complete"
    assert server.order(path, outcome="succeeded").status == 200
    assert server.order(path, outcome="failed").status == 400


def test_a_debit_in_the_wrong_currency_is_refused(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1099, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError, match=r"\(us_bank_account\) is not allowed"):
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_usBankAccount_success", "return_url": RETURN}
        )


def test_a_refund_to_a_bank_is_pending_until_it_is_settled(
    client: stripe.StripeClient, server: Asker, processing: stripe.PaymentIntent
) -> None:
    server.order(f"/payment_intents/{processing.id}/complete", outcome="succeeded")
    refund = client.v1.refunds.create({"payment_intent": processing.id})
    assert refund.status == "pending"
    assert server.order(f"/refunds/{refund.id}/settle", outcome="succeeded").body["status"] == "succeeded"
    assert event_types(client)[-1] == "refund.updated"
