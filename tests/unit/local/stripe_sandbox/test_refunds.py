from contextlib import suppress
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from local.stripe_sandbox import refunds
from local.stripe_sandbox.errors import StripeError
from tests.unit.local.stripe_sandbox.asking import Asker
from tests.unit.local.stripe_sandbox.making import account_of_its_own, call, paid_intent

RETURN = "https://shop.example/thanks"


def paid(client: stripe.StripeClient, method: str = "pm_card_visa") -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "confirm": True,
            "payment_method": method,
            "return_url": RETURN,
        }
    )


def test_a_refund_of_everything_marks_the_charge(client: stripe.StripeClient) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "reason": "requested_by_customer", "metadata": {"ticket": "7"}}
    )
    assert (refund.amount, refund.status, refund.reason) == (1000, "succeeded", "requested_by_customer")
    charge = client.v1.charges.retrieve(str(intent.latest_charge), {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    assert charge.refunds
    assert [item.id for item in charge.refunds.data] == [refund.id]


def test_a_refund_tells_three_events_with_what_changed(client: stripe.StripeClient) -> None:
    client.v1.refunds.create({"payment_intent": paid(client).id, "amount": 300})
    updated, created, refunded = client.v1.events.list({"limit": 3}).data
    assert [refunded.type, created.type, updated.type] == [
        "charge.refunded",
        "refund.created",
        "refund.updated",
    ]
    assert refunded.data.previous_attributes
    assert refunded.data.previous_attributes.to_dict() == {"amount_refunded": 0}


def test_a_charge_can_be_refunded_bit_by_bit_but_not_beyond(client: stripe.StripeClient) -> None:
    charge = str(paid(client).latest_charge)
    client.v1.refunds.create({"charge": charge, "amount": 400})
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$6\.01\) is greater than .* \(\$6\.00\)"):
        client.v1.refunds.create({"charge": charge, "amount": 601})
    assert client.v1.refunds.create({"charge": charge}).amount == 600
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge})
    assert refused.value.code == "charge_already_refunded"


def test_what_was_never_paid_cannot_be_refunded(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
        client.v1.refunds.create({"payment_intent": intent.id})


def test_a_refund_needs_to_know_of_what(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        client.v1.refunds.create({"amount": 100})


def test_a_refund_can_fail_later_and_the_charge_has_its_money_back(
    client: stripe.StripeClient, server: Asker
) -> None:
    intent = paid(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert server.order(f"/refunds/{refund.id}/settle", outcome="failed").status == 200
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert [event.type for event in client.v1.events.list({"limit": 2}).data] == [
        "refund.failed",
        "refund.updated",
    ]


def test_metadata_of_a_refund_can_be_changed(client: stripe.StripeClient) -> None:
    refund = client.v1.refunds.create({"payment_intent": paid(client).id, "metadata": {"a": "1"}})
    updated = client.v1.refunds.update(refund.id, {"metadata": {"b": "2"}})
    assert updated.metadata
    assert updated.metadata.to_dict() == {"a": "1", "b": "2"}


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("refund"), st.one_of(st.none(), st.integers(1, 1500))),
        st.tuples(st.just("fail"), st.integers(0, 9)),
        st.tuples(st.just("succeed"), st.integers(0, 9)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(card=st.sampled_from(["pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"]), steps=_STEPS)
def test_refunds_never_exceed_what_was_taken(card: str, steps: list[tuple[str, int | None]]) -> None:
    account = account_of_its_own()
    intent = paid_intent(account, amount=1000, card=card)
    charge = account.charges.get(intent["latest_charge"])
    for step, number in steps:
        with suppress(StripeError):
            if step == "refund":
                amount: dict[str, Any] = {} if number is None else {"amount": number}
                refunds.create(account, call(charge=charge["id"], **amount))
            else:
                known = list(account.refunds)[number or 0 :]
                outcome: refunds.Settlement = "failed" if step == "fail" else "succeeded"
                if known:
                    refunds.settle(account, known[0]["id"], outcome)
        standing = sum(refund["amount"] for refund in account.refunds if refund["status"] != "failed")
        assert charge["amount_refunded"] == standing
        assert 0 <= standing <= charge["amount_captured"]
        assert charge["refunded"] == (standing == charge["amount_captured"])
