"""Refunds: money going back, never more of it than was taken."""

import copy
from typing import Literal

from local.stripe_sandbox import disputes, errors
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.calls import Call, merge_metadata
from local.stripe_sandbox.currencies import in_words

Settlement = Literal["succeeded", "failed"]


def create(account: Account, call: Call) -> JsonObject:
    params = call.params
    charge = _charge_to_refund(account, params)
    amount = params.get("amount", charge["amount_captured"] - charge["amount_refunded"])
    _check_refundable(account, charge, amount)
    behaviour = account.behaviours[charge["payment_method"]]
    refund = account.refunds.add(_blank(account, charge, amount, params))
    if behaviour.refund == "later":
        refund["status"] = "pending"
    _move(account, charge, amount)
    account.record("refund.created", refund)
    if behaviour.refund == "at once":
        _name_reference(account, refund)
    return refund


def update(account: Account, call: Call) -> JsonObject:
    refund = account.refunds.get(call.object_id)
    if "metadata" not in call.params:
        return refund
    before = copy.deepcopy(refund)
    refund["metadata"] = merge_metadata(refund["metadata"], call.params["metadata"])
    account.record("refund.updated", refund, before=before)
    return refund


def settle(account: Account, refund_id: str, outcome: Settlement) -> JsonObject:
    """The bank answered: the money arrived, or came back to the merchant."""
    refund = account.refunds.get(refund_id)
    if refund["status"] == "failed" or refund["status"] == outcome:
        raise errors.StripeError(f"This refund has already {refund['status']}.")
    before = copy.deepcopy(refund)
    refund["status"] = outcome
    if outcome == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
        _take_back(account, refund)
    account.record("refund.updated", refund, before=before)
    if outcome == "failed":
        account.record("refund.failed", refund)
    return refund


def _charge_to_refund(account: Account, params: JsonObject) -> JsonObject:
    if "charge" in params:
        charge = account.charges.get(params["charge"], param="charge")
        if params.get("payment_intent", charge["payment_intent"]) != charge["payment_intent"]:
            raise errors.StripeError("The charge and the payment_intent provided do not belong together.")
        return _paid(charge)
    if "payment_intent" not in params:
        raise errors.StripeError(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    intent = account.payment_intents.get(params["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None:
        raise _nothing_to_refund(intent["id"])
    return _paid(account.charges.get(intent["latest_charge"]))


def _paid(charge: JsonObject) -> JsonObject:
    if not charge["paid"]:
        raise _nothing_to_refund(charge["payment_intent"])
    return charge


def _nothing_to_refund(intent_id: str) -> errors.StripeError:
    message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
    return errors.invalid_parameter("payment_intent", message)


def _check_refundable(account: Account, charge: JsonObject, amount: int) -> None:
    if disputes.holds_money(account, charge["id"]):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise errors.StripeError(message, code="charge_disputed")
    if charge["refunded"]:
        message = f"Charge {charge['id']} has already been refunded."
        raise errors.StripeError(message, code="charge_already_refunded")
    left = charge["amount_captured"] - charge["amount_refunded"]
    if amount > left:
        asked, there = (in_words(number, charge["currency"]).split()[0] for number in (amount, left))
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({there})"
        raise errors.invalid_parameter("amount", message)


def _move(account: Account, charge: JsonObject, amount: int) -> None:
    before = copy.deepcopy(charge)
    refunded = charge["amount_refunded"] + amount
    charge.update(amount_refunded=refunded, refunded=refunded == charge["amount_captured"])
    account.record("charge.refunded", charge, before=before)


def _take_back(account: Account, refund: JsonObject) -> None:
    charge = account.charges.get(refund["charge"])
    charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)


def _name_reference(account: Account, refund: JsonObject) -> None:
    """The card network tells its reference a moment later; on a real account too, an update follows."""
    before = copy.deepcopy(refund)
    details = {
        "reference": refund["id"][-12:],
        "reference_status": "available",
        "reference_type": "acquirer_reference_number",
    }
    refund["destination_details"]["card"] |= details
    account.record("refund.updated", refund, before=before)


def _blank(account: Account, charge: JsonObject, amount: int, params: JsonObject) -> JsonObject:
    kind = charge["payment_method_details"]["type"]
    destinations = {"us_bank_account": "us_bank_transfer", "sepa_debit": "eu_bank_transfer"}
    destination = destinations.get(kind, "card")
    card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    bank = {"reference": None, "reference_status": None}
    return {
        "id": account.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": account.now(),
        "currency": charge["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {destination: card if destination == "card" else bank, "type": destination},
        "metadata": merge_metadata({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
