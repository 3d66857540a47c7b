"""Stripe Tax: what is asked, and what the answer means for each of the goods.

https://docs.stripe.com/api/tax/calculations/create. Nothing is kept there: a calculation that is not made
into a transaction is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from chalicelib.domain.destinations import Destination
from chalicelib.domain.rounding import allocate
from chalicelib.domain.taxes import Tax, TaxQuestion, no_tax

if TYPE_CHECKING:
    import stripe
    from stripe.params.tax import (
        CalculationCreateParams,
        CalculationCreateParamsCustomerDetailsAddress,
        CalculationCreateParamsLineItem,
    )

_SHIPPING, _SHIPPING_CODE = "shipping", "txcd_92010001"
_UNSAID = "unsaid"
"""Refers to what has no tax code of its own; Stripe taxes it by the account's default one."""


def ask(client: stripe.StripeClient, question: TaxQuestion, destination: Destination) -> Tax:
    """One item for each tax code, so that a rate's tax is rounded once, as the table's is."""
    amounts: dict[str, int] = {}
    for item in question.goods:
        amounts[item.code] = amounts.get(item.code, 0) + item.amount
    items = [_item(code, amount, question) for code, amount in amounts.items() if amount]
    if not items and not question.shipping:
        return no_tax(question)
    calculation = client.v1.tax.calculations.create(_params(question, items, destination))
    found = calculation.line_items
    taxes = {item.reference: item.amount_tax for item in found.auto_paging_iter()} if found else {}
    if not items:
        return replace(no_tax(question), shipping=taxes[_SHIPPING])
    shipping = calculation.shipping_cost
    return Tax(goods=_allocated(question, taxes), shipping=shipping.amount_tax if shipping else 0)


def _params(
    question: TaxQuestion, items: list[CalculationCreateParamsLineItem], destination: Destination
) -> CalculationCreateParams:
    params: CalculationCreateParams = {
        "currency": question.currency,
        # Stripe wants an item; what is sent for nothing has only its shipping.
        "line_items": items or [_item(_SHIPPING_CODE, question.shipping, question, reference=_SHIPPING)],
        "customer_details": {"address": _address(destination), "address_source": "shipping"},
        "expand": ["line_items"],
    }
    if items and question.shipping:
        params["shipping_cost"] = {"amount": question.shipping, "tax_behavior": _behavior(question)}
    return params


def _item(
    code: str, amount: int, question: TaxQuestion, *, reference: str = ""
) -> CalculationCreateParamsLineItem:
    item: CalculationCreateParamsLineItem = {
        "amount": amount,
        "reference": reference or code or _UNSAID,
        "tax_behavior": _behavior(question),
    }
    if code:
        item["tax_code"] = code
    return item


def _behavior(question: TaxQuestion) -> Literal["inclusive", "exclusive"]:
    return "inclusive" if question.inclusive else "exclusive"


def _address(destination: Destination) -> CalculationCreateParamsCustomerDetailsAddress:
    address: CalculationCreateParamsCustomerDetailsAddress = {"country": destination.country}
    if destination.state:
        address["state"] = destination.state
    if destination.postal_code:
        address["postal_code"] = destination.postal_code
    return address


def _allocated(question: TaxQuestion, taxes: dict[str, int]) -> tuple[int, ...]:
    found = [0] * len(question.goods)
    for code in {item.code for item in question.goods}:
        bases = [item.amount if item.code == code else 0 for item in question.goods]
        parts = allocate(taxes.get(code or _UNSAID, 0), bases)
        found = [before + part for before, part in zip(found, parts, strict=True)]
    return tuple(found)
