"""Coupons: what a code takes off an order, and when it does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from .catalog import CurrencyCode, Sku
from .errors import CouponExpired, CouponNotApplicable, CouponUsedUp, InvalidRequest
from .money import CURRENCIES, MAX_AMOUNT, display, smallest_step
from .rounding import allocate, to_step

WHOLE = 10_000
"""Basis points."""

_CODE_PATTERN = r"[A-Z0-9][A-Z0-9_-]{0,39}"
_Positive = Annotated[int, Meta(ge=1, le=MAX_AMOUNT, description="Minor units of the currency")]
_Moment = Annotated[datetime, Meta(tz=True)]


class CouponTerms(Struct, frozen=True, kw_only=True):
    """Takes off either `basis_points` (1000 is 10 %) or `amount_off`, once per order.

    From the whole order or, if there are any, from the lines of `skus` alone. It is in force from
    `starts_at` until before `ends_at`, for at most `max_uses` orders and `max_discount` in all of them
    together, on orders of at least `minimum_spend` before any discount.
    """

    basis_points: Annotated[int, Meta(ge=1, le=WHOLE)] | None = None
    amount_off: _Positive | None = None
    currency: CurrencyCode | None = None
    skus: Annotated[list[Sku], Meta(max_length=100)] = field(default_factory=list)
    minimum_spend: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)] = 0
    max_uses: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    max_discount: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    starts_at: _Moment | None = None
    ends_at: _Moment | None = None


class Coupon(Struct, frozen=True, kw_only=True):
    """`version` rises with each change of the terms, `times_used` and `discount_given` with each order.

    `discount_given` is by currency. Orders that are cancelled give their use back.
    """

    code: str
    version: int
    terms: CouponTerms
    times_used: int = 0
    discount_given: dict[str, int] = field(default_factory=dict)


class UsedCoupon(Struct, frozen=True, kw_only=True):
    """What an order took off by a code, and gives back if it comes to nothing."""

    code: str
    amount: int


def normal_code(text: str) -> str:
    """The code as it is kept, in capitals, however it was typed."""
    code = text.strip().upper()
    if not re.fullmatch(_CODE_PATTERN, code, re.ASCII):
        raise InvalidRequest("A code has up to 40 letters, digits and _ -, a letter or digit first.")
    return code


def require_sound(terms: CouponTerms) -> None:
    """InvalidRequest if the terms contradict themselves."""
    if (terms.basis_points is None) == (terms.amount_off is None):
        raise InvalidRequest("A coupon takes off either basis_points or amount_off.")
    if terms.currency is None:
        if terms.amount_off is not None or terms.max_discount is not None or terms.minimum_spend:
            raise InvalidRequest("amount_off, max_discount and minimum_spend need a currency.")
    elif terms.currency not in CURRENCIES:
        raise InvalidRequest(f"{terms.currency!r} is no currency that can be charged.")
    elif terms.amount_off is not None and terms.amount_off % smallest_step(terms.currency):
        step = smallest_step(terms.currency)
        raise InvalidRequest(
            f"amount_off must be a multiple of {step}: no smaller part of {terms.currency} can be charged."
        )
    if terms.starts_at and terms.ends_at and terms.starts_at >= terms.ends_at:
        raise InvalidRequest("ends_at must be after starts_at.")


def discount_lines(
    coupon: Coupon, lines: Sequence[tuple[str, int]], *, currency: str, now: datetime, is_counted: bool
) -> list[int]:
    """What the coupon takes off each of `lines` (SKU and amount); CouponUnavailable if it takes off nothing.

    `is_counted` says that a use is held for this very purchase already, so that no limit stands against it.
    """
    terms = coupon.terms
    _require_in_force(coupon, now=now)
    _require_spend(coupon, sum(amount for _, amount in lines), currency)
    bases = [amount if not terms.skus or sku in terms.skus else 0 for sku, amount in lines]
    discount = _discount(terms, sum(bases), currency)
    if discount == 0:
        raise CouponNotApplicable(f"{coupon.code} takes nothing off what is in the cart.", code=coupon.code)
    if not is_counted:
        _require_left(coupon, discount, currency)
    return allocate(discount, bases)


def _discount(terms: CouponTerms, base: int, currency: str) -> int:
    if terms.amount_off is not None:
        return min(terms.amount_off, base)
    # In steps that can be charged, so that a discount never makes a total that can't.
    return min(to_step(base * (terms.basis_points or 0), WHOLE, currency=currency), base)


def _require_in_force(coupon: Coupon, *, now: datetime) -> None:
    starts_at, ends_at = coupon.terms.starts_at, coupon.terms.ends_at
    if starts_at is not None and now < starts_at:
        raise CouponExpired(f"{coupon.code} is not valid yet.", code=coupon.code)
    if ends_at is not None and now >= ends_at:
        raise CouponExpired(f"{coupon.code} has expired.", code=coupon.code)


def _require_spend(coupon: Coupon, subtotal: int, currency: str) -> None:
    terms = coupon.terms
    if terms.currency not in {None, currency}:
        raise CouponNotApplicable(
            f"{coupon.code} is for purchases in {terms.currency}, not in {currency}.", code=coupon.code
        )
    if subtotal < terms.minimum_spend:
        least = display(terms.minimum_spend, currency)
        raise CouponNotApplicable(f"{coupon.code} needs a purchase of at least {least}.", code=coupon.code)


def _require_left(coupon: Coupon, discount: int, currency: str) -> None:
    terms = coupon.terms
    if terms.max_uses is not None and coupon.times_used >= terms.max_uses:
        raise CouponUsedUp(f"{coupon.code} has been used up.", code=coupon.code)
    given = coupon.discount_given.get(currency, 0)
    if terms.max_discount is not None and given + discount > terms.max_discount:
        raise CouponUsedUp(f"What is left of {coupon.code} is not enough for this cart.", code=coupon.code)
