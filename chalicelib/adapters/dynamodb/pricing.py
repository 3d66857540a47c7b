"""COUPONS / code: a coupon's terms and its use.  PRICING / SHIPPING and TAXES: the owner's documents.

A coupon's row outlives its terms, so that an order that is cancelled later can always give its use back.
Its use is one item, so one code is used in about 500 transactions a second at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chalicelib.domain.coupons import Coupon, CouponTerms, UsedCoupon
from chalicelib.domain.shipping import Shipping
from chalicelib.domain.taxes import Taxes
from chalicelib.domain.totals import PriceList
from chalicelib.ports import Page

from . import cursors
from .catalog import product_key, products_of
from .items import Row, from_row, from_value, to_row, to_value
from .table import Action, Key, Table

_COUPONS = "COUPONS"
_SHIPPING: Key = ("PRICING", "SHIPPING")
_TAXES: Key = ("PRICING", "TAXES")
_GIVEN = "given_"
"""Begins the names of the fields that sum what a code took off, one for each currency."""


class DynamoPricing:
    """Keeps chalicelib.ports.PriceStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_price_list(self, skus: Iterable[str], *, coupon: str) -> PriceList:
        return price_list(self._table.get_many(price_keys(skus, coupon=coupon)))

    def list_coupons(self, *, limit: int, cursor: str | None) -> Page[Coupon]:
        start = cursors.decode(cursor, partition="pk", value=_COUPONS, names={"sk"})
        rows, last = self._table.query_page(_COUPONS, limit=limit, start=start, consistent=True)
        return Page(
            items=[_coupon(row) for row in rows if "terms" in row],
            cursor=cursors.encode(last, partition="pk"),
        )

    def get_coupon(self, code: str) -> Coupon | None:
        row = self._table.get(_coupon_key(code))
        return _coupon(row) if row and "terms" in row else None

    def put_coupon(self, code: str, terms: CouponTerms) -> Coupon:
        values: dict[str, object] = {"terms": msgspec.to_builtins(terms), "kind": "coupon", "one": 1}
        return _coupon(
            self._table.update(
                _coupon_key(code), "SET terms = :terms, kind = :kind ADD version :one", values=values
            )
        )

    def delete_coupon(self, code: str) -> None:
        self._table.update(_coupon_key(code), "REMOVE terms ADD version :one", values={"one": 1})

    def put_shipping(self, shipping: Shipping) -> None:
        self._table.put(to_row(shipping, pk=_SHIPPING[0], sk=_SHIPPING[1], kind="shipping"))

    def put_taxes(self, taxes: Taxes) -> None:
        self._table.put(to_row(taxes, pk=_TAXES[0], sk=_TAXES[1], kind="taxes"))


def price_keys(skus: Iterable[str], *, coupon: str) -> list[Key]:
    """The rows of a price list, few enough for one read of a full cart."""
    coupons = [_coupon_key(coupon)] if coupon else []
    return [_SHIPPING, _TAXES, *coupons, *(product_key(sku) for sku in skus)]


def price_list(rows: Mapping[Key, Row]) -> PriceList:
    """What is found under `price_keys`; other rows are left alone."""
    coupon = next((row for (pk, _), row in rows.items() if pk == _COUPONS and "terms" in row), None)
    return PriceList(
        products=products_of(rows),
        coupon=_coupon(coupon) if coupon else None,
        shipping=from_row(rows.get(_SHIPPING, {}), Shipping),
        taxes=from_row(rows.get(_TAXES, {}), Taxes),
    )


def use_action(
    table: Table, coupon: Coupon, used: UsedCoupon, *, currency: str, before: UsedCoupon | None = None
) -> Action:
    """Count a use of the coupon, if its terms are as they were read and their limits allow it.

    `before` is a use that this one takes the place of.
    """
    terms, given = coupon.terms, f"{_GIVEN}{currency}"
    more = used.amount - (before.amount if before else 0)
    conditions = ["version = :read"]
    values: dict[str, object] = {"read": coupon.version, "uses": 0 if before else 1, "amount": more}
    if terms.max_uses is not None and before is None:
        conditions.append("(attribute_not_exists(times_used) OR times_used < :most)")
        values["most"] = terms.max_uses
    if terms.max_discount is not None and more > 0:
        room = values["room"] = terms.max_discount - more
        fits = f"{given} <= :room"
        conditions.append(f"(attribute_not_exists({given}) OR {fits})" if room >= 0 else fits)
    return table.update_action(
        _coupon_key(coupon.code),
        f"ADD times_used :uses, {given} :amount",
        condition=" AND ".join(conditions),
        values=values,
    )


def counting_action(table: Table, used: UsedCoupon, *, uses: int, currency: str) -> Action:
    """Count uses that an order has made, or (below 0) undo them, whatever has become of the coupon."""
    return table.update_action(
        _coupon_key(used.code),
        f"ADD times_used :uses, {_GIVEN}{currency} :amount",
        values={"uses": uses, "amount": uses * used.amount},
    )


def _coupon_key(code: str) -> Key:
    return _COUPONS, code


def _coupon(row: Row) -> Coupon:
    given = {
        name.removeprefix(_GIVEN): from_value(value) for name, value in row.items() if name.startswith(_GIVEN)
    }
    return from_row(row | {"code": row["sk"], "discount_given": to_value(given)}, Coupon)
