"""The errors Stripe answers with, in its shape and wording.

StripeError
├── authentication (401) and permission (403): the key is missing, wrong, or a browser's
├── invalid request (400, 404): a parameter, an unknown object, a state that does not allow it
├── card (402): the card said no; carries the payment intent
└── idempotency (400, 409): a key reused for something else, or still in use
"""

from typing import Any

DOCS = "https://stripe.com/docs/error-codes/"


def doc_url(code: str) -> str:
    return DOCS + code.replace("_", "-")


class StripeError(Exception):
    """Becomes the answer `status` with a body of ``{"error": …}``."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **details: Any,  # noqa: ANN401  (a card error carries whole objects)
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"code": code, "doc_url": doc_url(code) if code else None, "message": message, "param": param}
        known = {name: value for name, value in error.items() if value is not None}
        self.body = {"error": known | details | {"type": kind}}


def missing_object(noun: str, object_id: str, param: str) -> StripeError:
    return StripeError(f"No such {noun}: '{object_id}'", status=404, code="resource_missing", param=param)


def unknown_parameters(names: list[str]) -> StripeError:
    plural = "s" if len(names) > 1 else ""
    message = f"Received unknown parameter{plural}: {', '.join(names)}"
    return StripeError(message, code="parameter_unknown", param=names[0])


def missing_parameter(name: str) -> StripeError:
    return StripeError(f"Missing required param: {name}.", code="parameter_missing", param=name)


def empty_parameter(name: str) -> StripeError:
    message = (
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a field; "
        f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
        "non-empty value."
    )
    return StripeError(message, code="parameter_invalid_empty", param=name)


def invalid_parameter(name: str, message: str, *, code: str | None = None) -> StripeError:
    return StripeError(message, code=code, param=name)


def unexpected_state(message: str, intent: dict[str, Any]) -> StripeError:
    return StripeError(message, code="payment_intent_unexpected_state", payment_intent=intent)


def missing_key() -> StripeError:
    message = (
        "You did not provide an API key. You need to provide your API key in the Authorization header, "
        "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
        "https://stripe.com/docs/api#authentication for details."
    )
    return StripeError(message, status=401)


def wrong_key(key: str) -> StripeError:
    masked = key[:8] + "*" * max(len(key) - 12, 0) + key[-4:] if len(key) > 12 else "*" * len(key)  # noqa: PLR2004  (shown: 8 + 4)
    return StripeError(f"Invalid API Key provided: {masked}", status=401)


def secret_key_required() -> StripeError:
    message = (
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find "
        "a list of your API keys at https://dashboard.stripe.com/account/apikeys."
    )
    return StripeError(message, status=403, code="secret_key_required")


def wrong_client_secret() -> StripeError:
    message = "The client_secret provided does not match the client_secret associated with the PaymentIntent."
    return StripeError(message, code="payment_intent_invalid_parameter", param="client_secret")


def unknown_url(method: str, path: str) -> StripeError:
    message = f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs."
    return StripeError(message, status=404)


def key_reused_with_other_parameters(key: str) -> StripeError:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return StripeError(message, kind="idempotency_error")


def key_reused_on_other_endpoint(key: str, *, first: str, now: str) -> StripeError:
    message = (
        "Keys for idempotent requests can only be used for the same endpoint they were first used for "
        f"('{now}' vs '{first}'). Try using a key other than '{key}' if you meant to execute a different "
        "request."
    )
    return StripeError(message, kind="idempotency_error")


def key_in_use(key: str) -> StripeError:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later."
    )
    return StripeError(message, status=409, kind="idempotency_error", code="idempotency_key_in_use")
