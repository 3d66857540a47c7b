"""Coupons, shipping rates and taxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, field
from msgspec.structs import asdict

from chalicelib import wiring
from chalicelib.api.answers import Listing
from chalicelib.api.routing import PAGED, Call
from chalicelib.domain import errors
from chalicelib.domain.coupons import Coupon, CouponTerms
from chalicelib.domain.shipping import Band, Shipping, ShippingRate
from chalicelib.domain.taxes import RegionRates, Taxes
from chalicelib.services import pricing

from .guard import admin_routes

routes = admin_routes(__name__)


class CouponBody(CouponTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a code takes off, and when."""


class BandBody(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One band of a rate."""


class ShippingRateBody(ShippingRate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rate, for some countries or for all others."""

    bands: Annotated[Sequence[BandBody], Meta(min_length=1, max_length=50)]


class ShippingBody(Shipping, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rates: what is not in it is gone."""

    rates: Annotated[Sequence[ShippingRateBody], Meta(max_length=200)] = field(default_factory=list)


class RegionBody(RegionRates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates of a country, or of a state of it."""


class TaxesBody(Taxes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table: what is not in it is gone."""

    regions: Annotated[Sequence[RegionBody], Meta(max_length=500)] = field(default_factory=list)


@routes.route("GET", "/admin/coupons", answer=Listing[Coupon], parameters=PAGED)
def list_coupons(call: Call) -> Listing[Coupon]:
    """The coupons with their use so far, by code."""
    return Listing.of(wiring.prices().list_coupons(limit=call.limit(), cursor=call.query("cursor")))


@routes.route(
    "GET",
    "/admin/coupons/{code}",
    answer=Coupon,
    refusals=[errors.InvalidRequest, errors.CouponNotFound],
)
def get_coupon(_call: Call, code: str) -> Coupon:
    """One coupon with its use so far."""
    return pricing.read_coupon(code, prices=wiring.prices())


@routes.route("PUT", "/admin/coupons/{code}", body=CouponBody, answer=Coupon)
def put_coupon(_call: Call, body: CouponBody, code: str) -> Coupon:
    """Make a code, or change its terms. Its use goes on counting, even if it was deleted meanwhile."""
    return pricing.put_coupon(code, CouponTerms(**asdict(body)), prices=wiring.prices())


@routes.route(
    "DELETE",
    "/admin/coupons/{code}",
    answer=None,
    status=204,
    refusals=[errors.InvalidRequest, errors.CouponNotFound],
)
def delete_coupon(_call: Call, code: str) -> None:
    """Take a code out of use. Orders that used it keep what it took off."""
    pricing.delete_coupon(code, prices=wiring.prices())


@routes.route("GET", "/admin/shipping", answer=Shipping)
def get_shipping(_call: Call) -> Shipping:
    """What sending costs, by country."""
    return pricing.read_shipping(prices=wiring.prices())


@routes.route("PUT", "/admin/shipping", body=ShippingBody, answer=Shipping)
def put_shipping(_call: Call, body: ShippingBody) -> Shipping:
    """Make the shipping rates exactly these. Without any, sending costs nothing and goes anywhere."""
    document = msgspec.convert(msgspec.to_builtins(body), Shipping)
    return pricing.put_shipping(document, prices=wiring.prices())


@routes.route("GET", "/admin/taxes", answer=Taxes)
def get_taxes(_call: Call) -> Taxes:
    """What is taxed how."""
    return pricing.read_taxes(prices=wiring.prices())


@routes.route("PUT", "/admin/taxes", body=TaxesBody, answer=Taxes)
def put_taxes(_call: Call, body: TaxesBody) -> Taxes:
    """Make the tax table exactly this, or leave tax to Stripe."""
    document = msgspec.convert(msgspec.to_builtins(body), Taxes)
    return pricing.put_taxes(document, prices=wiring.prices())
