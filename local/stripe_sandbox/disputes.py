"""Disputes: a card holder asks the bank for the money back, and the bank decides."""

import copy
from typing import Literal

from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.errors import StripeError

Verdict = Literal["won", "lost"]

DAYS_TO_ANSWER = 9
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt",
    "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date",
    "service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
    "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_dispute(
    account: Account, charge: JsonObject, *, reason: str = "fraudulent", amount: int | None = None
) -> JsonObject:
    if not charge["paid"] or charge["disputed"]:
        raise StripeError(f"Charge {charge['id']} cannot be disputed: it is unpaid, or already disputed.")
    if charge["payment_method_details"]["type"] != "card":
        raise StripeError("Only card payments can be disputed in this sandbox.")
    charge["disputed"] = True
    dispute = account.disputes.add(_blank(account, charge, reason, amount or charge["amount"]))
    account.record("charge.dispute.created", dispute)
    account.record("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close(account: Account, dispute_id: str, verdict: Verdict) -> JsonObject:
    dispute = account.disputes.get(dispute_id)
    if dispute["status"] in {"won", "lost"}:
        raise StripeError(f"This dispute is already closed: {dispute['status']}.")
    before = copy.deepcopy(dispute)
    dispute["status"] = verdict
    account.record("charge.dispute.closed", dispute, before=before)
    if verdict == "won":
        account.record("charge.dispute.funds_reinstated", dispute)
    return dispute


def holds_money(account: Account, charge_id: str) -> bool:
    """A dispute that is open or lost has taken the money; there is nothing left to refund."""
    return any(item["charge"] == charge_id and item["status"] != "won" for item in account.disputes)


def _blank(account: Account, charge: JsonObject, reason: str, amount: int) -> JsonObject:
    brand = charge["payment_method_details"]["card"]["brand"]
    card = {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "10.4"}
    return {
        "id": account.new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": account.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": account.now() + DAYS_TO_ANSWER * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": card, "type": "card"},
        "reason": reason,
        "status": "needs_response",
    }
