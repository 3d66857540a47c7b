"""What beside the catalogue decides what things cost: coupons, shipping rates, taxes. The owner's part."""

from __future__ import annotations

from chalicelib.domain import coupons, shipping, taxes
from chalicelib.domain.coupons import Coupon, CouponTerms, normal_code
from chalicelib.domain.errors import CouponNotFound
from chalicelib.domain.shipping import Shipping
from chalicelib.domain.taxes import Taxes
from chalicelib.ports import PriceStore

from .contention import until_settled


def read_coupon(code: str, *, prices: PriceStore) -> Coupon:
    code = normal_code(code)
    coupon = prices.get_coupon(code)
    if coupon is None:
        raise CouponNotFound(code)
    return coupon


def put_coupon(code: str, terms: CouponTerms, *, prices: PriceStore) -> Coupon:
    """Make the code, or change its terms; what it has been used goes on counting."""
    code = normal_code(code)
    coupons.require_sound(terms)
    return until_settled(lambda: prices.put_coupon(code, terms))


def delete_coupon(code: str, *, prices: PriceStore) -> None:
    """Take the code out of use. Orders that used it keep what it took off."""
    coupon = read_coupon(code, prices=prices)
    until_settled(lambda: prices.delete_coupon(coupon.code))


def read_shipping(*, prices: PriceStore) -> Shipping:
    return prices.get_price_list((), coupon="").shipping


def put_shipping(document: Shipping, *, prices: PriceStore) -> Shipping:
    shipping.require_sound(document)
    prices.put_shipping(document)
    return document


def read_taxes(*, prices: PriceStore) -> Taxes:
    return prices.get_price_list((), coupon="").taxes


def put_taxes(document: Taxes, *, prices: PriceStore) -> Taxes:
    taxes.require_sound(document)
    prices.put_taxes(document)
    return document
