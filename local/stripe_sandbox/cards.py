"""Stripe's test cards (https://docs.stripe.com/testing), as data."""

from dataclasses import dataclass, field

from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.instruments import Behaviour, Decline


@dataclass(frozen=True, kw_only=True)
class TestCard:
    number: str
    name: str  # its well-known payment method: pm_card_…
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    behaviour: Behaviour = field(default_factory=Behaviour)


def _declined(code: str, message: str = "Your card was declined.") -> Behaviour:
    return Behaviour(decline=Decline(decline_code=code, message=message))


def _refused(code: str, message: str) -> Behaviour:
    return Behaviour(decline=Decline(code=code, message=message))


_CHALLENGE = Behaviour(challenge=True)
_POOR = "Your card has insufficient funds."

CARDS = (
    TestCard(number="4242424242424242", name="pm_card_visa"),
    TestCard(number="4000056655665556", name="pm_card_visa_debit", funding="debit"),
    TestCard(number="5555555555554444", name="pm_card_mastercard", brand="mastercard"),
    TestCard(number="378282246310005", name="pm_card_amex", brand="amex"),
    TestCard(number="6011111111111117", name="pm_card_discover", brand="discover"),
    TestCard(number="4000002500003155", name="pm_card_authenticationRequiredOnSetup", behaviour=_CHALLENGE),
    TestCard(number="4000002760003184", name="pm_card_authenticationRequired", behaviour=_CHALLENGE),
    TestCard(number="4000000000003220", name="pm_card_threeDSecure2Required", behaviour=_CHALLENGE),
    TestCard(
        number="4000008400001629",
        name="pm_card_threeDSecureRequiredChargeDeclined",
        behaviour=Behaviour(challenge=True, decline=Decline(decline_code="generic_decline")),
    ),
    TestCard(
        number="4000000000000002",
        name="pm_card_visa_chargeDeclined",
        behaviour=_declined("generic_decline"),
    ),
    TestCard(
        number="4000000000009995",
        name="pm_card_visa_chargeDeclinedInsufficientFunds",
        behaviour=_declined("insufficient_funds", _POOR),
    ),
    TestCard(
        number="4000000000009987",
        name="pm_card_visa_chargeDeclinedLostCard",
        behaviour=_declined("lost_card"),
    ),
    TestCard(
        number="4000000000009979",
        name="pm_card_visa_chargeDeclinedStolenCard",
        behaviour=_declined("stolen_card"),
    ),
    TestCard(
        number="4000000000000069",
        name="pm_card_chargeDeclinedExpiredCard",
        behaviour=_refused("expired_card", "Your card has expired."),
    ),
    TestCard(
        number="4000000000000127",
        name="pm_card_chargeDeclinedIncorrectCvc",
        behaviour=_refused("incorrect_cvc", "Your card's security code is incorrect."),
    ),
    TestCard(
        number="4000000000000119",
        name="pm_card_chargeDeclinedProcessingError",
        behaviour=_refused("processing_error", "An error occurred while processing your card."),
    ),
    TestCard(
        number="4000000000000259",
        name="pm_card_createDispute",
        behaviour=Behaviour(dispute="fraudulent"),
    ),
    TestCard(
        number="4000000000002685",
        name="pm_card_createDisputeProductNotReceived",
        behaviour=Behaviour(dispute="product_not_received"),
    ),
    TestCard(number="4000000000007726", name="pm_card_pendingRefund", behaviour=Behaviour(refund="later")),
    TestCard(number="4000000000005126", name="pm_card_refundFail", behaviour=Behaviour(refund="fails later")),
)

BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {card.name: card for card in CARDS} | {
    "pm_card_us": BY_NUMBER["4242424242424242"],
    "pm_card_threeDSecureRequired": BY_NUMBER["4000000000003220"],
    "pm_card_chargeDeclined": BY_NUMBER["4000000000000002"],
    "pm_card_chargeDeclinedInsufficientFunds": BY_NUMBER["4000000000009995"],
}

_NOT_A_TEST_CARD = (
    "Your card was declined. Your request was in test mode, but used a non test (live) card. "
    "For a list of valid test cards, visit: https://stripe.com/docs/testing."
)


def card_error(code: str, message: str, *, param: str, decline_code: str | None = None) -> StripeError:
    details = {"decline_code": decline_code} if decline_code else {}
    return StripeError(message, status=402, kind="card_error", code=code, param=param, **details)


def find_card(number: str) -> TestCard:
    """Raise Stripe's card error for a mistyped number, or one that is no test card."""
    digits = number.replace(" ", "").replace("-", "")
    if digits in BY_NUMBER:
        return BY_NUMBER[digits]
    if not (digits.isascii() and digits.isdigit()) or not _passes_luhn(digits):
        raise card_error("incorrect_number", "Your card number is incorrect.", param="number")
    raise card_error("card_declined", _NOT_A_TEST_CARD, param="", decline_code="test_mode_live_card")


def _passes_luhn(digits: str) -> bool:
    odd, even = digits[-1::-2], digits[-2::-2]
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in even)
    return (sum(map(int, odd)) + doubled) % 10 == 0
