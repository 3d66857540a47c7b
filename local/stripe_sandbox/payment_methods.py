"""Payment methods: test cards, and bank debits, which take their time."""

import hashlib
import re
from datetime import UTC, date, datetime

from local.stripe_sandbox import errors
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.calls import Call
from local.stripe_sandbox.cards import BY_NAME, TestCard, card_error, find_card
from local.stripe_sandbox.instruments import Behaviour

BANK_DEBIT = Behaviour(later=True, refund="later")
WELL_KNOWN_BANK_ACCOUNT = "pm_usBankAccount_success"
CURRENCY_OF_DEBIT = {"sepa_debit": "eur", "us_bank_account": "usd"}

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_CVC = re.compile(r"\d{3,4}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}", re.ASCII)
_MONTHS = range(1, 13)


def create(account: Account, call: Call) -> JsonObject:
    return from_data(account, call.params)


def retrieve(account: Account, call: Call) -> JsonObject:
    return find(account, call.object_id)


def find(account: Account, method_id: str) -> JsonObject:
    """A well-known id stands for a payment method that is made when it is used."""
    if method_id in BY_NAME:
        card = BY_NAME[method_id]
        looks = _card(card, {"exp_month": 12, "exp_year": _today(account).year + 4}, cvc_check="pass")
        return _add(account, "card", looks, {}, card.behaviour)
    if method_id == WELL_KNOWN_BANK_ACCOUNT:
        looks = _us_bank_account({"account_number": "000123456789", "routing_number": "110000000"})
        return _add(account, "us_bank_account", looks, {}, BANK_DEBIT)
    return account.payment_methods.get(method_id)


def chosen(account: Account, params: JsonObject) -> JsonObject | None:
    """The payment method that a request names or describes, if it does either."""
    if "payment_method_data" in params:
        return from_data(account, params["payment_method_data"])
    if "payment_method" in params:
        return find(account, params["payment_method"])
    return None


def from_data(account: Account, data: JsonObject) -> JsonObject:
    kind = data["type"]
    if kind not in data:
        raise errors.missing_parameter(kind)
    looks, behaviour = _DESCRIBE[kind](account, data[kind])
    return _add(account, kind, looks, data, behaviour)


def _describe_card(account: Account, entered: JsonObject) -> tuple[JsonObject, Behaviour]:
    card = find_card(entered["number"])
    _check_card(entered, today=_today(account))
    check = "pass" if entered.get("cvc") else None
    return _card(card, entered, cvc_check=check), card.behaviour


def _check_card(entered: JsonObject, *, today: date) -> None:
    month, year = entered["exp_month"], entered["exp_year"]
    if month not in _MONTHS or (year == today.year and month < today.month):
        raise card_error(
            "invalid_expiry_month", "Your card's expiration month is invalid.", param="exp_month"
        )
    if not today.year <= year <= today.year + 50:
        raise card_error("invalid_expiry_year", "Your card's expiration year is invalid.", param="exp_year")
    if entered.get("cvc") and not _CVC.fullmatch(entered["cvc"]):
        raise card_error("invalid_cvc", "Your card's security code is invalid.", param="cvc")


def _card(card: TestCard, entered: JsonObject, *, cvc_check: str | None) -> JsonObject:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": cvc_check,
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": entered["exp_month"],
        "exp_year": entered["exp_year"],
        "fingerprint": _fingerprint(card.number),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _describe_sepa_debit(_: Account, entered: JsonObject) -> tuple[JsonObject, Behaviour]:
    iban = entered["iban"].replace(" ", "").upper()
    if not _IBAN.fullmatch(iban):
        raise errors.invalid_parameter(
            "sepa_debit[iban]", "The IBAN you entered is invalid.", code="invalid_bank_account_iban"
        )
    looks = {
        "bank_code": iban[4:12],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": _fingerprint(iban),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }
    return looks, BANK_DEBIT


def _describe_us_bank_account(_: Account, entered: JsonObject) -> tuple[JsonObject, Behaviour]:
    return _us_bank_account(entered), BANK_DEBIT


def _us_bank_account(entered: JsonObject) -> JsonObject:
    return {
        "account_holder_type": entered.get("account_holder_type", "individual"),
        "account_type": entered.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(entered["account_number"]),
        "last4": entered["account_number"][-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": entered["routing_number"],
        "status_details": {},
    }


_DESCRIBE = {
    "card": _describe_card,
    "sepa_debit": _describe_sepa_debit,
    "us_bank_account": _describe_us_bank_account,
}


def _add(
    account: Account, kind: str, looks: JsonObject, data: JsonObject, behaviour: Behaviour
) -> JsonObject:
    method = {
        "id": account.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": data.get("allow_redisplay", "unspecified"),
        "billing_details": billing_details(data.get("billing_details", {})),
        kind: looks,
        "created": account.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": data.get("metadata") or {},
        "type": kind,
    }
    account.behaviours[method["id"]] = behaviour
    return account.payment_methods.add(method)


def billing_details(given: JsonObject) -> JsonObject:
    nothing = dict.fromkeys(("email", "name", "phone", "tax_id"))
    return nothing | given | {"address": _ADDRESS | given.get("address", {})}


def _today(account: Account) -> date:
    return datetime.fromtimestamp(account.now(), tz=UTC).date()


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]
