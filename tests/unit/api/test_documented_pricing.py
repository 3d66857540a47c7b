"""The documents in docs/api.md are such as the API takes, and its example of an order adds up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from chalicelib.api.admin.pricing import CouponBody, ShippingBody, TaxesBody
from chalicelib.domain import coupons, shipping, taxes
from chalicelib.domain.event_types import OrderPaid, example_of

DOCUMENT = (Path(__file__).parents[3] / "docs/api.md").read_text()
Body = TypeVar("Body", bound=msgspec.Struct)


def documented(heading: str, kind: type[Body]) -> list[Body]:
    section = DOCUMENT.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    blocks = re.findall(r"```json\n(.*?)```|-d '(.*?)'|`(\{.*?\})`", section, re.DOTALL)
    return [msgspec.json.decode("".join(block), type=kind) for block in blocks]


def test_the_documents_are_taken() -> None:
    (coupon,) = documented("Coupons", CouponBody)
    coupons.require_sound(coupon)
    (rates,) = documented("Shipping", ShippingBody)
    shipping.require_sound(rates)
    table, by_stripe = documented("Tax", TaxesBody)
    for document in (table, by_stripe):
        taxes.require_sound(document)
    assert (len(rates.rates), len(table.regions), by_stripe.mode) == (2, 3, "stripe")


@pytest.mark.parametrize("event_type", ["order.paid", "order.payment_failed"])
def test_the_example_of_an_order_adds_up(event_type: str) -> None:
    event = msgspec.convert(example_of(event_type) | {"type": "order.paid"}, OrderPaid)
    order = event.data.order
    assert order.tax_inclusive
    assert order.amount == order.subtotal - order.discount + order.shipping + order.rounding
    assert order.amount == sum(line.total for line in order.lines) + order.shipping
    assert order.tax == sum(line.tax for line in order.lines) + order.shipping_tax
    assert order.discount == sum(line.discount for line in order.lines)
