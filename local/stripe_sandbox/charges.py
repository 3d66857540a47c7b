"""Charges: each attempt to take the money of a payment intent."""

from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.instruments import Decline

_APPROVED = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 12,
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def open_charge(
    account: Account, intent: JsonObject, method: JsonObject, *, authenticated: bool
) -> JsonObject:
    """Add a pending charge, to be settled one way or the other."""
    charge = {
        "id": account.new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "TILLHOOK SANDBOX",
        "captured": False,
        "created": account.now(),
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": dict(_APPROVED),
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, amount=intent["amount"], authenticated=authenticated),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }
    return account.charges.add(charge)


def take(charge: JsonObject) -> None:
    charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])


def refuse(charge: JsonObject, decline: Decline) -> None:
    reason = decline.decline_code or decline.code
    outcome = {
        **_APPROVED,
        "network_status": "declined_by_network",
        "reason": reason,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    charge.update(
        status="failed", failure_code=decline.code, failure_message=decline.message, outcome=outcome
    )


def _details(method: JsonObject, *, amount: int, authenticated: bool) -> JsonObject:
    kind = method["type"]
    if kind == "card":
        return {"card": _card_details(method["card"], amount, authenticated=authenticated), "type": kind}
    looks = method[kind]
    shown = {name: looks[name] for name in ("fingerprint", "last4")}
    shown |= {name: looks[name] for name in ("country", "bank_name", "routing_number") if name in looks}
    return {kind: shown, "type": kind}


def _card_details(card: JsonObject, amount: int, *, authenticated: bool) -> JsonObject:
    copied = (
        "brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4",
        "regulated_status", "wallet",
    )  # fmt: skip
    return {name: card[name] for name in copied} | {
        "amount_authorized": amount,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": _three_d_secure() if authenticated else None,
    }


def _three_d_secure() -> JsonObject:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
