"""Objects have the shape that the pinned SDK expects, and parameters the names that it knows."""

import re
import sys
from typing import Any

import pytest
import stripe
from stripe import params as sdk_params

from local.stripe_sandbox import schemas
from local.stripe_sandbox.parameters import Hash, Kind, ListOf, OrEmpty
from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker
from tests.unit.local.stripe_sandbox.shapes import faults

JUDGES: dict[str, type[stripe.StripeObject]] = {
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "payment_method": stripe.PaymentMethod,
    "event": stripe.Event,
}


def lead_a_full_life(server: Asker) -> None:
    """Bring every kind of object into every state there is."""

    def confirm(card: str, currency: str = "usd") -> str:
        form = {
            "amount": "1000",
            "currency": currency,
            "shipping[name]": "Ada",
            "shipping[address][city]": "Oslo",
        }
        intent: str = server.post_form("/v1/payment_intents", form).body["id"]
        sent = {"payment_method": card, "return_url": "https://shop.example"}
        server.post_form(f"/v1/payment_intents/{intent}/confirm", sent)
        return intent

    refunded, disputed = confirm("pm_card_visa"), confirm("pm_card_createDispute")
    server.post_form("/v1/refunds", {"payment_intent": refunded, "amount": "1", "metadata[a]": "b"})
    server.order(f"/disputes/{server.get('/v1/disputes').body['data'][0]['id']}/close", outcome="won")
    server.post_form("/v1/refunds", {"payment_intent": disputed})
    confirm("pm_card_visa_chargeDeclinedInsufficientFunds")
    for outcome in ("succeeded", "failed"):
        asked = confirm("pm_card_threeDSecure2Required", "eur")
        server.order(f"/payment_intents/{asked}/authenticate", outcome=outcome)
        slow = confirm("pm_usBankAccount_success")
        server.order(f"/payment_intents/{slow}/complete", outcome=outcome)
    server.post_form("/v1/refunds", {"charge": server.get("/v1/charges").body["data"][1]["id"]})
    server.post_form(f"/v1/payment_intents/{confirm('pm_card_threeDSecure2Required')}/cancel", {})


def test_every_object_that_ever_was_has_stripes_shape(running: Running, server: Asker) -> None:
    lead_a_full_life(server)
    account = running.sandbox.account
    seen = [item for collection in account.collections.values() for item in collection]
    seen += [event["data"]["object"] for event in account.events]
    assert {item["object"] for item in seen} == JUDGES.keys()
    assert len(account.events) > 30
    wrong = {fault for item in seen for fault in faults(JUDGES[item["object"]], item, item["object"])}
    assert wrong == set()


def test_the_judge_sees_what_is_wrong() -> None:
    broken = {
        "object": "refund",
        "amount": "5",
        "colour": "red",
        "created": 1,
        "currency": "usd",
        "reason": "whim",
    }
    found = faults(stripe.Refund, broken, "refund")
    assert [fault.partition(":")[0] for fault in found] == [
        "refund.amount",
        "refund.colour",
        "refund.id",
        "refund.reason",
    ]


def test_expanded_objects_are_objects_of_the_sdk_too(server: Asker) -> None:
    lead_a_full_life(server)
    for intent in server.get("/v1/payment_intents", **{"expand[]": "data.latest_charge"}).body["data"]:
        assert faults(stripe.PaymentIntent, intent, "payment_intent") == []


@pytest.mark.parametrize(
    ("schema", "typed"),
    [
        (schemas.CREATE_INTENT, sdk_params.PaymentIntentCreateParams),
        (schemas.UPDATE_INTENT, sdk_params.PaymentIntentUpdateParams),
        (schemas.CONFIRM_INTENT, sdk_params.PaymentIntentConfirmParams),
        (schemas.CANCEL_INTENT, sdk_params.PaymentIntentCancelParams),
        (schemas.RETRIEVE_INTENT, sdk_params.PaymentIntentRetrieveParams),
        (schemas.LIST, sdk_params.PaymentIntentListParams),
        (schemas.CREATE_PAYMENT_METHOD, sdk_params.PaymentMethodCreateParams),
        (schemas.CREATE_REFUND, sdk_params.RefundCreateParams),
        (schemas.UPDATE_REFUND, sdk_params.RefundUpdateParams),
        (schemas.LIST_REFUNDS, sdk_params.RefundListParams),
        (schemas.LIST_CHARGES, sdk_params.ChargeListParams),
        (schemas.LIST_DISPUTES, sdk_params.DisputeListParams),
        (schemas.LIST_EVENTS, sdk_params.EventListParams),
        (schemas.RETRIEVE, sdk_params.ChargeRetrieveParams),
        (schemas.CREATE_CALCULATION, sdk_params.tax.CalculationCreateParams),
    ],
)
def test_every_parameter_is_one_that_stripe_knows(schema: Hash, typed: type) -> None:
    assert list(strangers(schema, typed)) == []


def strangers(schema: Hash, typed: type) -> list[str]:
    """The names, at any depth, that the SDK's TypedDict does not have."""
    annotations: dict[str, Any] = typed.__annotations__
    found = [f"{typed.__name__}.{name}" for name in schema.fields.keys() - annotations.keys()]
    for name in schema.fields.keys() & annotations.keys():
        inner, nested = inside(schema.fields[name]), nested_type(typed, annotations[name])
        if inner and nested:
            found += strangers(inner, nested)
    return found


def inside(kind: Kind) -> Hash | None:
    while isinstance(kind, (ListOf, OrEmpty)):
        kind = kind.kind
    return kind if isinstance(kind, Hash) else None


def nested_type(typed: type, annotation: object) -> type | None:
    names = re.findall(rf"\b{re.escape(typed.__name__)}\w+", str(annotation))
    found: type | None = getattr(sys.modules[typed.__module__], names[0]) if names else None
    return found
