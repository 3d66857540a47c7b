"""Which parameters each operation knows: the part of Stripe's own list that this sandbox honours.

Anything else is refused as unknown, so that nobody relies on what would silently be ignored here.
"""

from collections.abc import Mapping

from local.stripe_sandbox.parameters import (
    Boolean,
    Choice,
    Currency,
    Email,
    Hash,
    Integer,
    Kind,
    ListOf,
    Metadata,
    OrEmpty,
    Text,
    WhenCreated,
)

NOTE = Text(unsettable=True, longest=1000)
EXPAND: Mapping[str, Kind] = {"expand": ListOf(Text())}

ADDRESS = Hash(dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), NOTE))
SHIPPING = Hash(
    {"name": Text(), "address": ADDRESS, "phone": NOTE, "carrier": NOTE, "tracking_number": NOTE},
    required=("name", "address"),
)
BILLING = Hash({"address": ADDRESS, "email": Email(), "name": NOTE, "phone": NOTE})
CARD = Hash(
    {"number": Text(), "exp_month": Integer(), "exp_year": Integer(), "cvc": Text(unsettable=True)},
    required=("number", "exp_month", "exp_year"),
)
SEPA_DEBIT = Hash({"iban": Text()}, required=("iban",))
US_BANK_ACCOUNT = Hash(
    {
        "account_holder_type": Choice(("company", "individual")),
        "account_number": Text(),
        "account_type": Choice(("checking", "savings")),
        "routing_number": Text(),
    },
    required=("account_number", "routing_number"),
)
_DEBITS: Mapping[str, Kind] = {
    "type": Choice(("sepa_debit", "us_bank_account")),
    "sepa_debit": SEPA_DEBIT,
    "us_bank_account": US_BANK_ACCOUNT,
    "billing_details": BILLING,
    "allow_redisplay": Choice(("always", "limited", "unspecified")),
    "metadata": Metadata(),
}
# A server describes no card inside an intent's call: card numbers stay between the browser and Stripe.
PAYMENT_METHOD_DATA = Hash(_DEBITS, required=("type",))
PAYMENT_METHOD = PAYMENT_METHOD_DATA.also(
    {"type": Choice(("card", "sepa_debit", "us_bank_account")), "card": CARD}
)
CREATE_PAYMENT_METHOD = PAYMENT_METHOD.also(EXPAND)

_CHANGEABLE: Mapping[str, Kind] = {
    **EXPAND,
    "amount": Integer(least=1),
    "currency": Currency(),
    "description": NOTE,
    "metadata": Metadata(),
    "payment_method": Text(),
    "payment_method_data": PAYMENT_METHOD_DATA,
    "receipt_email": Email(),
    "shipping": OrEmpty(SHIPPING),
    "statement_descriptor_suffix": Text(longest=22, unsettable=True),
}
CREATE_INTENT = Hash(
    {
        **_CHANGEABLE,
        "automatic_payment_methods": Hash(
            {"enabled": Boolean(), "allow_redirects": Choice(("always", "never"))}, required=("enabled",)
        ),
        "capture_method": Choice(("automatic", "automatic_async")),
        "confirm": Boolean(),
        "return_url": Text(),
        "use_stripe_sdk": Boolean(),
    },
    required=("amount", "currency"),
)
UPDATE_INTENT = Hash(_CHANGEABLE)
CONFIRM_INTENT = Hash(
    {
        **EXPAND,
        "payment_method": Text(),
        "payment_method_data": PAYMENT_METHOD_DATA,
        "receipt_email": Email(),
        "return_url": Text(),
        "shipping": OrEmpty(SHIPPING),
        "use_stripe_sdk": Boolean(),
    }
)
CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CANCEL_INTENT = Hash({**EXPAND, "cancellation_reason": Choice(CANCEL_REASONS)})
RETRIEVE = Hash(EXPAND)
RETRIEVE_INTENT = Hash({**EXPAND, "client_secret": Text()})

CREATE_REFUND = Hash(
    {
        **EXPAND,
        "amount": Integer(least=1),
        "charge": Text(),
        "metadata": Metadata(),
        "payment_intent": Text(),
        "reason": Choice(("duplicate", "fraudulent", "requested_by_customer")),
    }
)
UPDATE_REFUND = Hash({**EXPAND, "metadata": Metadata()})

_BEHAVIOR = Choice(("inclusive", "exclusive"))
TAXED_ITEM = Hash(
    {"amount": Integer(least=1), "reference": Text(), "tax_behavior": _BEHAVIOR, "tax_code": Text()},
    required=("amount",),
)
CREATE_CALCULATION = Hash(
    {
        **EXPAND,
        "currency": Currency(),
        "customer_details": Hash(
            {"address": ADDRESS, "address_source": Choice(("billing", "shipping"))},
            required=("address", "address_source"),
        ),
        "line_items": ListOf(TAXED_ITEM),
        "shipping_cost": Hash({"amount": Integer(least=1), "tax_behavior": _BEHAVIOR}, required=("amount",)),
    },
    required=("currency", "customer_details", "line_items"),
)

LIST = Hash(
    {
        **EXPAND,
        "created": WhenCreated(),
        "ending_before": Text(),
        "limit": Integer(least=1, most=100),
        "starting_after": Text(),
    }
)
LIST_CHARGES = LIST.also({"payment_intent": Text()})
LIST_REFUNDS = LIST.also({"charge": Text(), "payment_intent": Text()})
LIST_DISPUTES = LIST_REFUNDS
LIST_EVENTS = LIST.also({"delivery_success": Boolean(), "type": Text(), "types": ListOf(Text(), most=20)})

# What a browser may send along: it shows that it may by the intent's client secret.
_SECRET: Mapping[str, Kind] = {"client_secret": Text()}
BROWSER_RETRIEVES = Hash({**EXPAND, **_SECRET}, required=("client_secret",))
BROWSER_CONFIRMS = CONFIRM_INTENT.also(
    {**_SECRET, "payment_method_data": PAYMENT_METHOD}, required=("client_secret",)
)
