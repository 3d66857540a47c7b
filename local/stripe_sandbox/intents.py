"""Payment intents, as the API creates, changes, confirms and cancels them."""

from typing import Any
from urllib.parse import urlencode

from local.stripe_sandbox import errors, payment_methods, settling
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.calls import Call, merge_metadata
from local.stripe_sandbox.currencies import check_amount

UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action")

_FOR_BROWSERS = frozenset(
    {
        "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at",
        "cancellation_reason", "capture_method", "client_secret", "confirmation_method", "created",
        "currency", "description", "last_payment_error", "livemode", "next_action", "payment_method",
        "payment_method_configuration_details", "payment_method_types", "processing", "receipt_email",
        "setup_future_usage", "shipping", "source", "status",
    }
)  # fmt: skip
_NEEDS_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
    "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
    "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` "
    "to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
_NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
    "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
    "payment method or ConfirmationToken."
)


def create(account: Account, call: Call) -> JsonObject:
    params = call.params
    check_amount(params["amount"], params["currency"])
    method = payment_methods.chosen(account, params)
    intent = _blank(account, params)
    _attach(intent, method)
    if params.get("confirm"):
        _check_confirmable(intent, call)
    if method:
        intent["status"] = "requires_confirmation"
    account.payment_intents.add(intent)
    account.record("payment_intent.created", intent)
    return _confirm(account, intent, call) if params.get("confirm") else intent


def retrieve(account: Account, call: Call) -> JsonObject:
    intent = account.payment_intents.get(call.object_id)
    _check_secret(intent, call.params)
    return shown(intent, call)


def update(account: Account, call: Call) -> JsonObject:
    intent, params = account.payment_intents.get(call.object_id), call.params
    for name in ("amount", "currency", "payment_method", "payment_method_data"):
        if name in params:
            _check_updatable(intent, name)
    wanted = {"amount": intent["amount"], "currency": intent["currency"]} | params
    amount, currency = wanted["amount"], wanted["currency"]
    if amount != intent["amount"] or currency != intent["currency"]:
        check_amount(amount, currency)
    types = payment_method_types(currency, automatic=bool(intent["automatic_payment_methods"]))
    changed = intent | {"amount": amount, "currency": currency, "payment_method_types": types}
    _attach(changed, payment_methods.chosen(account, params))
    _describe(changed, params)
    intent.update(changed)
    if {"amount", "currency", "payment_method", "payment_method_data"} & params.keys():
        _await_confirmation(intent)
    return intent


def confirm(account: Account, call: Call) -> JsonObject:
    intent = account.payment_intents.get(call.object_id)
    _check_secret(intent, call.params)
    _check_unpaid(intent, call)
    changed = dict(intent)
    _attach(changed, payment_methods.chosen(account, call.params))
    _describe(changed, call.params)
    _check_confirmable(changed, call)
    intent.update(changed)
    return _confirm(account, intent, call)


def cancel(account: Account, call: Call) -> JsonObject:
    """A processing intent is refused too: Stripe can stop a bank at work only in rare cases."""
    intent = account.payment_intents.get(call.object_id)
    if intent["status"] not in UNPAID:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be canceled: requires_payment_method, "
            "requires_capture, requires_confirmation, requires_action."
        )
        raise errors.unexpected_state(message, intent)
    intent.update(
        status="canceled",
        canceled_at=account.now(),
        cancellation_reason=call.params.get("cancellation_reason"),
        next_action=None,
    )
    account.record("payment_intent.canceled", intent)
    return intent


def shown(intent: JsonObject, call: Call) -> JsonObject:
    """A browser sees no metadata and no charge."""
    if not call.by_browser:
        return intent
    return {name: value for name, value in intent.items() if name in _FOR_BROWSERS}


def payment_method_types(currency: str, *, automatic: bool) -> list[str]:
    debits = [kind for kind, only in payment_methods.CURRENCY_OF_DEBIT.items() if only == currency]
    return ["card", *debits] if automatic else ["card"]


def _confirm(account: Account, intent: JsonObject, call: Call) -> JsonObject:
    settling.attempt(account, intent, _challenge(intent, call))
    if intent["last_payment_error"]:
        raise settling.declined_error(intent, shown(intent, call))
    return shown(intent, call)


def _challenge(intent: JsonObject, call: Call) -> JsonObject:
    """Stripe.js opens a dialog of its own; everybody else is sent to a page."""
    proof = urlencode({"client_secret": intent["client_secret"]})
    url = f"{call.base_url}/_sandbox/3ds/{intent['id']}?{proof}"
    return_url = call.params.get("return_url")
    if call.params.get("use_stripe_sdk") or not return_url:
        details = {"type": "three_d_secure_redirect", "stripe_js": url}
        return {"type": "use_stripe_sdk", "use_stripe_sdk": details}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}


def _await_confirmation(intent: JsonObject) -> None:
    """What was asked of the holder no longer holds: the amount or the means has changed."""
    status = "requires_confirmation" if intent["payment_method"] else "requires_payment_method"
    intent.update(status=status, next_action=None)


def _check_secret(intent: JsonObject, params: JsonObject) -> None:
    if params.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        raise errors.wrong_client_secret()


def _check_unpaid(intent: JsonObject, call: Call) -> None:
    if intent["status"] == "succeeded":
        message = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
            "confirmed."
        )
        raise errors.unexpected_state(message, shown(intent, call))
    if intent["status"] not in UNPAID:
        message = (
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
            "requires_action."
        )
        raise errors.unexpected_state(message, shown(intent, call))


def _check_confirmable(intent: JsonObject, call: Call) -> None:
    if intent["payment_method"] is None:
        raise errors.unexpected_state(_NO_METHOD, shown(intent, call))
    automatic = intent["automatic_payment_methods"]
    may_redirect = automatic and automatic["allow_redirects"] == "always"
    if may_redirect and not call.by_browser and "return_url" not in call.params:
        raise errors.StripeError(_NEEDS_RETURN_URL)


def _check_updatable(intent: JsonObject, name: str) -> None:
    if intent["status"] not in UNPAID:
        message = (
            f"This PaymentIntent's {name} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the "
            f"following statuses: {', '.join(UNPAID)}."
        )
        raise errors.unexpected_state(message, intent)


def _attach(intent: JsonObject, method: JsonObject | None) -> None:
    if method is None:
        return
    if method["type"] not in intent["payment_method_types"]:
        message = (
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please "
            "attach a PaymentMethod of one of the following types: "
            f"{', '.join(intent['payment_method_types'])}."
        )
        raise errors.invalid_parameter(
            "payment_method", message, code="payment_intent_incompatible_payment_method"
        )
    intent["payment_method"] = method["id"]


def _describe(intent: JsonObject, params: JsonObject) -> None:
    for name in ("description", "receipt_email", "shipping", "statement_descriptor_suffix"):
        if name in params:
            intent[name] = params[name]
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])


def _blank(account: Account, params: JsonObject) -> JsonObject:
    intent_id = account.new_id("pi")
    automatic: dict[str, Any] = {"allow_redirects": "always", "enabled": True}
    automatic |= params.get("automatic_payment_methods", {})
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic if automatic["enabled"] else None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": account.new_id(f"{intent_id}_secret"),
        "confirmation_method": "automatic",
        "created": account.now(),
        "currency": params["currency"],
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": payment_method_types(params["currency"], automatic=automatic["enabled"]),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    _describe(intent, params)
    return intent
