"""Stripe Tax: what tax a sale would bear, by the rates that were ordered of this sandbox.

A place without rates is one where the merchant is not registered: nothing is taxed there.
"""

from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.calls import Call
from local.stripe_sandbox.errors import StripeError, missing_parameter

_MILLION = 1_000_000
_LIFETIME = 90 * 24 * 3600
_WANT_POSTAL_CODE = frozenset({"US", "CA"})
_DEFAULT_CODE, _SHIPPING_CODE = "txcd_99999999", "txcd_92010001"


def calculate(account: Account, call: Call) -> JsonObject:
    params = call.params
    if not params["line_items"]:
        raise missing_parameter("line_items[0]")
    address = params["customer_details"]["address"]
    rates = _rates(account, address)
    calculation_id = account.new_id("taxcalc")
    lines = [_line(account, item, rates, index) for index, item in enumerate(params["line_items"], start=1)]
    shipping = _shipping(params["shipping_cost"], rates) if "shipping_cost" in params else None
    taxed = [*lines, *([shipping] if shipping else [])]
    calculation = _blank(account, calculation_id, params["currency"], address) | _sums(taxed)
    calculation["customer_details"]["address_source"] = params["customer_details"]["address_source"]
    calculation["shipping_cost"] = shipping
    if "line_items" in params.get("expand", []):
        calculation["line_items"] = {
            "object": "list",
            "data": lines,
            "has_more": False,
            "url": f"/v1/tax/calculations/{calculation_id}/line_items",
        }
    return calculation


def _rates(account: Account, address: JsonObject) -> dict[str, int]:
    country = address.get("country")
    if not country or (country in _WANT_POSTAL_CODE and not address.get("postal_code")):
        raise StripeError(
            "The customer's location isn't recognized. "
            "Set a valid customer address in order to calculate tax.",
            code="customer_tax_location_invalid",
            param="customer_details[address]",
        )
    in_state = account.tax_rates.get(f"{country}-{address.get('state')}")
    return in_state or account.tax_rates.get(country) or {"default": 0}


def _line(account: Account, item: JsonObject, rates: dict[str, int], number: int) -> JsonObject:
    code = item.get("tax_code", _DEFAULT_CODE)
    return {
        "id": account.new_id("tax_li"),
        "object": "tax.calculation_line_item",
        "amount": item["amount"],
        "livemode": False,
        "metadata": None,
        "performance_location": None,
        "product": None,
        "quantity": 1,
        "reference": item.get("reference", f"L{number}"),
        "tax_breakdown": None,
        "tax_code": code,
    } | _taxed(item, rates.get(code, rates["default"]))


def _shipping(cost: JsonObject, rates: dict[str, int]) -> JsonObject:
    known = {"amount": cost["amount"], "shipping_rate": None, "tax_code": _SHIPPING_CODE}
    return known | _taxed(cost, rates.get("shipping", rates["default"]))


def _taxed(item: JsonObject, rate: int) -> JsonObject:
    behavior = item.get("tax_behavior", "exclusive")
    whole = _MILLION + rate if behavior == "inclusive" else _MILLION
    tax = (2 * item["amount"] * rate + whole) // (2 * whole)
    return {"amount_tax": tax, "tax_behavior": behavior}


def _sums(taxed: list[JsonObject]) -> JsonObject:
    exclusive = sum(item["amount_tax"] for item in taxed if item["tax_behavior"] == "exclusive")
    inclusive = sum(item["amount_tax"] for item in taxed if item["tax_behavior"] == "inclusive")
    return {
        "amount_total": sum(item["amount"] for item in taxed) + exclusive,
        "tax_amount_exclusive": exclusive,
        "tax_amount_inclusive": inclusive,
    }


def _blank(account: Account, calculation_id: str, currency: str, address: JsonObject) -> JsonObject:
    empty = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "id": calculation_id,
        "object": "tax.calculation",
        "currency": currency,
        "customer": None,
        "customer_details": {
            "address": empty | address,
            "ip_address": None,
            "tax_ids": [],
            "taxability_override": "none",
        },
        "expires_at": account.now() + _LIFETIME,
        "livemode": False,
        "ship_from_details": None,
        "tax_breakdown": [],
        "tax_date": account.now(),
    }
