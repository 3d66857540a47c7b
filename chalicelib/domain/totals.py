"""What a cart costs: the one computation behind what the shopper sees and what she is charged.

::

    subtotal    what the lines cost by the catalogue
    - discount  the coupon's, allocated to the lines it is for
    + shipping  of what is sent, by its weight or by what it costs after the discount
    + tax       of both, unless prices have it in them
    + rounding  to what cards can be charged in this currency
    = amount
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar

from msgspec import Struct, field
from msgspec.structs import fields, replace

from . import errors
from .carts import Cart, CartLine
from .catalog import Product
from .coupons import Coupon, UsedCoupon, discount_lines
from .destinations import Destination
from .rounding import to_step
from .shipping import Parcel, Shipping, charge
from .taxes import AskTax, Tax, Taxable, Taxes, TaxQuestion, by_table, no_tax

Found = TypeVar("Found")


class PriceList(Struct, frozen=True, kw_only=True):
    """All that a cart's total comes from; `coupon` is the one of the code that was asked for."""

    products: Mapping[str, Product] = field(default_factory=dict)
    coupon: Coupon | None = None
    shipping: Shipping = field(default_factory=Shipping)
    taxes: Taxes = field(default_factory=Taxes)


class Breakdown(Struct, frozen=True, kw_only=True):
    """How `amount`, which is what is charged, comes about.

    It is `subtotal` - `discount` + `shipping` + `rounding`, and + `tax` unless that is in the prices
    (`tax_inclusive`). Of `tax`, `shipping_tax` is shipping's, the rest the lines'. `rounding` may be
    negative.
    """

    subtotal: int
    discount: int
    shipping: int
    tax: int
    shipping_tax: int
    tax_inclusive: bool
    rounding: int
    amount: int
    coupon: UsedCoupon | None = None
    shipping_rate: str


def breakdown_of(record: Breakdown) -> dict[str, Any]:
    """The breakdown's fields of a record that has more."""
    return {known.name: getattr(record, known.name) for known in fields(Breakdown)}


class PricedLine(Struct, frozen=True, kw_only=True):
    """A line as the catalogue prices it now; `purchasable` is false for what is no longer sold.

    `total` is `amount` - `discount`, and + `tax` unless that is in the prices.
    """

    sku: str
    name: str
    image: str
    quantity: int
    unit_amount: int
    amount: int
    discount: int
    tax: int
    total: int
    purchasable: bool


class Obstacle(Struct, frozen=True, kw_only=True):
    """Why something can't be had as wished: an error's `type`, for programs, and `message`, for people."""

    type: str
    message: str

    @classmethod
    def of(cls, error: errors.TillhookError) -> Self:
        return cls(type=type(error).__name__, message=str(error))


class PricedCart(Breakdown, frozen=True, kw_only=True):
    """What the shopper sees, and what checkout charges. Sums count what is purchasable.

    A coupon with a `coupon_problem` takes nothing off. With a `destination_problem` shipping or tax is not
    in the amount yet, and checkout is refused. `computed_for` is where shipping and tax were computed for,
    null if neither depends on it. None as `currency`: nothing is in it.
    """

    id: str
    version: int
    lines: list[PricedLine]
    currency: str | None
    coupon_code: str
    coupon_problem: Obstacle | None
    destination: Destination | None
    destination_problem: Obstacle | None
    computed_for: Destination | None
    expires_at: datetime


def price(
    cart: Cart, prices: PriceList, *, destination: Destination | None, ask: AskTax, now: datetime
) -> PricedCart:
    """Total the cart; `ask` works tax out where the owner's table does not."""
    lines, coupon_problem = _discounted(cart, prices, now=now)
    (rate, shipping), not_sent = _unless_refused(
        lambda: _shipping(lines, prices, destination, cart.currency), ("", 0)
    )
    question = TaxQuestion(
        currency=cart.currency or "",
        inclusive=prices.taxes.prices == "inclusive",
        destination=destination,
        goods=tuple(_taxable(line, prices) for line in lines),
        shipping=shipping,
    )
    tax, not_taxed = _unless_refused(lambda: _tax(prices.taxes, question, ask), no_tax(question))
    breakdown = _breakdown(lines, tax, question, code=cart.coupon_code, rate=rate)
    return PricedCart(
        **breakdown_of(breakdown),
        id=cart.id,
        version=cart.version,
        lines=[_taxed(line, part, question) for line, part in zip(lines, tax.goods, strict=True)],
        currency=cart.currency,
        coupon_code=cart.coupon_code,
        coupon_problem=coupon_problem,
        destination=destination,
        destination_problem=not_sent or not_taxed,
        computed_for=_computed_for(prices, destination),
        expires_at=cart.expires_at,
    )


def _unless_refused(rule: Callable[[], Found], otherwise: Found) -> tuple[Found, Obstacle | None]:
    """What the rule finds; if it refuses, `otherwise` and why."""
    try:
        return rule(), None
    except (
        errors.CouponNotFound,
        errors.CouponUnavailable,
        errors.DestinationNeeded,
        errors.DestinationNotServed,
    ) as refusal:
        return otherwise, Obstacle.of(refusal)


def _discounted(cart: Cart, prices: PriceList, *, now: datetime) -> tuple[list[PricedLine], Obstacle | None]:
    lines = [_line(line, prices.products.get(line.sku), cart.currency) for line in cart.lines]
    discounts, problem = _unless_refused(
        lambda: _discounts(cart, lines, prices.coupon, now=now), [0] * len(lines)
    )
    discounted = [
        replace(line, discount=discount, total=line.amount - discount)
        for line, discount in zip(lines, discounts, strict=True)
    ]
    return discounted, problem


def _discounts(cart: Cart, lines: Sequence[PricedLine], coupon: Coupon | None, *, now: datetime) -> list[int]:
    if not cart.coupon_code or cart.currency is None:
        return [0] * len(lines)
    if coupon is None:
        raise errors.CouponNotFound(cart.coupon_code)
    return discount_lines(
        coupon,
        [(line.sku, line.amount) for line in lines],
        currency=cart.currency,
        is_counted=cart.coupon_counted,
        now=now,
    )


def _shipping(
    lines: Sequence[PricedLine], prices: PriceList, destination: Destination | None, currency: str | None
) -> tuple[str, int]:
    """The name of the rate that applies, and its price."""
    sent = [line for line in lines if line.purchasable and prices.products[line.sku].shippable]
    if not sent or not prices.shipping.rates:
        return "", 0
    parcel = Parcel(
        weight_grams=sum(prices.products[line.sku].weight_grams * line.quantity for line in sent),
        total=sum(line.total for line in sent),
    )
    rate, amount = charge(prices.shipping, parcel, destination=destination, currency=currency or "")
    return rate.name, amount


def _taxable(line: PricedLine, prices: PriceList) -> Taxable:
    return Taxable(
        amount=line.total, code=(prices.products[line.sku].tax_code or "") if line.purchasable else ""
    )


def _tax(taxes: Taxes, question: TaxQuestion, ask: AskTax) -> Tax:
    if taxes.mode == "table":
        return by_table(taxes, question)
    if not question.shipping and not any(item.amount for item in question.goods):
        return no_tax(question)
    if question.destination is None:
        raise errors.DestinationNeeded("Say where it goes, so that tax can be computed.")
    return ask(question)


def _taxed(line: PricedLine, tax: int, question: TaxQuestion) -> PricedLine:
    return replace(line, tax=tax, total=line.total + (0 if question.inclusive else tax))


def _breakdown(
    lines: Sequence[PricedLine], tax: Tax, question: TaxQuestion, *, code: str, rate: str
) -> Breakdown:
    """The sums of `lines`, which are discounted and have no tax added yet."""
    discount, whole_tax = sum(line.discount for line in lines), sum(tax.goods) + tax.shipping
    exact = sum(line.total for line in lines) + question.shipping + (0 if question.inclusive else whole_tax)
    amount = to_step(exact, currency=question.currency)
    return Breakdown(
        subtotal=sum(line.amount for line in lines),
        discount=discount,
        shipping=question.shipping,
        tax=whole_tax,
        shipping_tax=tax.shipping,
        tax_inclusive=question.inclusive,
        rounding=amount - exact,
        amount=amount,
        coupon=UsedCoupon(code=code, amount=discount) if discount else None,
        shipping_rate=rate,
    )


def _computed_for(prices: PriceList, destination: Destination | None) -> Destination | None:
    """The part of a destination that the total depends on."""
    taxes = prices.taxes
    if taxes.mode == "stripe":
        return destination
    if not taxes.regions and not prices.shipping.rates:
        return None
    if destination is not None:
        return replace(destination, postal_code="")
    return Destination(country=taxes.home) if taxes.home else None


def _line(line: CartLine, product: Product | None, currency: str | None) -> PricedLine:
    is_sold = product is not None and product.currency == currency
    unit_amount = product.amount if product and is_sold else 0
    return PricedLine(
        sku=line.sku,
        name=product.name if product else line.sku,
        image=product.image if product else "",
        quantity=line.quantity,
        unit_amount=unit_amount,
        amount=unit_amount * line.quantity,
        discount=0,
        tax=0,
        total=0,
        purchasable=is_sold,
    )
