"""How an attempt at a payment intent goes: through 3-D Secure, through a slow bank, paid or declined.

requires_payment_method ─► requires_confirmation ─► requires_action ─► processing ─► succeeded
          ▲                                               │                │
          └──────────────── declined, not authenticated ──┴────────────────┘
"""

from local.stripe_sandbox import charges, disputes
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.errors import StripeError, doc_url, unexpected_state
from local.stripe_sandbox.instruments import Behaviour, Decline

_NOT_AUTHENTICATED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
)
BANK_REFUSED = Decline(
    code="payment_method_provider_decline", message="The customer's bank refused this payment."
)


def attempt(account: Account, intent: JsonObject, next_action: JsonObject) -> None:
    """Try the intent's payment method; `next_action` is what its holder is told if it must be challenged."""
    intent.update(last_payment_error=None, next_action=None)
    behaviour = account.behaviours[intent["payment_method"]]
    if not behaviour.challenge:
        _charge(account, intent, behaviour, authenticated=False)
        return
    intent.update(status="requires_action", next_action=next_action)
    account.record("payment_intent.requires_action", intent)


def authenticate(account: Account, intent: JsonObject, *, passed: bool) -> None:
    """The holder answered the challenge."""
    if intent["status"] != "requires_action":
        message = f"This PaymentIntent has a status of {intent['status']}: nothing is to be authenticated."
        raise unexpected_state(message, intent)
    intent["next_action"] = None
    if passed:
        _charge(account, intent, account.behaviours[intent["payment_method"]], authenticated=True)
        return
    method = account.payment_methods.get(intent["payment_method"])
    error = {
        "code": "payment_intent_authentication_failure",
        "doc_url": doc_url("payment_intent_authentication_failure"),
        "message": _NOT_AUTHENTICATED,
        "payment_method": method,
        "type": "invalid_request_error",
    }
    _give_back(account, intent, error)


def complete(account: Account, intent: JsonObject, *, paid: bool, decline: Decline = BANK_REFUSED) -> None:
    """The slow bank answered."""
    if intent["status"] != "processing":
        message = f"This PaymentIntent has a status of {intent['status']}: no bank is at work on it."
        raise unexpected_state(message, intent)
    charge = account.charges.get(intent["latest_charge"])
    if paid:
        _succeed(account, intent, charge)
    else:
        _decline(account, intent, charge, decline)


def _charge(account: Account, intent: JsonObject, behaviour: Behaviour, *, authenticated: bool) -> None:
    method = account.payment_methods.get(intent["payment_method"])
    charge = charges.open_charge(account, intent, method, authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
    if behaviour.decline:
        _decline(account, intent, charge, behaviour.decline)
    elif behaviour.later:
        intent["status"] = "processing"
        account.record("charge.pending", charge)
        account.record("payment_intent.processing", intent)
    else:
        _succeed(account, intent, charge)
        if behaviour.dispute:
            disputes.open_dispute(account, charge, reason=behaviour.dispute)


def _succeed(account: Account, intent: JsonObject, charge: JsonObject) -> None:
    charges.take(charge)
    intent.update(status="succeeded", amount_received=charge["amount"])
    account.record("charge.succeeded", charge)
    account.record("payment_intent.succeeded", intent)


def _decline(account: Account, intent: JsonObject, charge: JsonObject, decline: Decline) -> None:
    charges.refuse(charge, decline)
    account.record("charge.failed", charge)
    error = {
        "charge": charge["id"],
        "code": decline.code,
        "doc_url": doc_url(decline.code),
        "message": decline.message,
        "payment_method": account.payment_methods.get(charge["payment_method"]),
        "type": "card_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    _give_back(account, intent, error)


def _give_back(account: Account, intent: JsonObject, error: JsonObject) -> None:
    """The intent waits for another payment method."""
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
    account.record("payment_intent.payment_failed", intent)


def declined_error(intent: JsonObject, shown: JsonObject) -> StripeError:
    """What the one who confirmed is answered; `shown` is the intent as they may see it."""
    error = dict(intent["last_payment_error"])
    message, code, kind = error.pop("message"), error.pop("code"), error.pop("type")
    error.pop("doc_url")
    return StripeError(message, status=402, kind=kind, code=code, payment_intent=shown, **error)
