"""A cart: SKUs and quantities under an unguessable id. Prices are never kept in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from . import errors
from .catalog import Product
from .destinations import Destination

LIFETIME = timedelta(days=7)
"""From the last change."""

MAX_SKUS = 50
"""Distinct SKUs in a cart: a checkout is one transaction, and DynamoDB's has at most 100 actions."""

MAX_QUANTITY = 1000

Quantity = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]


class CartLine(Struct, frozen=True, kw_only=True):
    sku: str
    quantity: int


class Cart(Struct, frozen=True, kw_only=True):
    """`version` rises by one with each change; 0 is a cart that was only just created.

    `order_id` is the order that it became last: a cart has one open order. `coupon_counted` says that it
    holds a use of the coupon. `checkouts` counts the orders that were placed from it.
    """

    id: str
    version: int
    currency: str | None = None
    lines: tuple[CartLine, ...] = ()
    coupon_code: str = ""
    coupon_counted: bool = False
    destination: Destination | None = None
    checkouts: int = 0
    expires_at: datetime
    order_id: str = ""

    def is_expired(self, now: datetime) -> bool:
        """DynamoDB deletes expired rows days later, so every read asks."""
        return self.expires_at <= now

    def skus(self) -> list[str]:
        return [line.sku for line in self.lines]

    def quantity_of(self, sku: str) -> int:
        return next((line.quantity for line in self.lines if line.sku == sku), 0)


def new_cart(cart_id: str, *, now: datetime) -> Cart:
    return Cart(id=cart_id, version=0, expires_at=_expiry(now))


def with_quantity(cart: Cart, product: Product, quantity: int, *, now: datetime) -> Cart:
    """The cart with `quantity` (> 0) of the product: in its place if it is there, at the end if not."""
    if cart.currency not in {None, product.currency}:
        raise errors.CurrencyMixed(
            f"The cart is in {cart.currency}, {product.sku!r} is sold in {product.currency}; "
            "one cart has one currency. Empty the cart or use another one.",
            cart_currency=cart.currency,
            product_currency=product.currency,
        )
    if product.sku not in cart.skus() and len(cart.lines) >= MAX_SKUS:
        raise errors.CartFull(f"A cart takes {MAX_SKUS} different products at most.", limit=MAX_SKUS)
    line = CartLine(sku=product.sku, quantity=quantity)
    if product.sku in cart.skus():
        lines = tuple(line if old.sku == line.sku else old for old in cart.lines)
    else:
        lines = (*cart.lines, line)
    return _changed(cart, lines=lines, currency=product.currency, now=now)


def without(cart: Cart, sku: str, *, now: datetime) -> Cart:
    """The cart without the product; ItemNotInCart if it was not in it."""
    lines = tuple(line for line in cart.lines if line.sku != sku)
    if len(lines) == len(cart.lines):
        raise errors.ItemNotInCart(sku)
    return _changed(cart, lines=lines, currency=cart.currency if lines else None, now=now)


def restarted(cart: Cart, *, now: datetime) -> Cart:
    """The same things as another version, so that they can be ordered anew; its earlier order is over."""
    return _changed(cart, coupon_counted=False, now=now)


def with_coupon(cart: Cart, code: str, *, now: datetime) -> Cart:
    """The cart with this code ("": with none) in place of the one before."""
    if code == cart.coupon_code:
        return cart
    return _changed(cart, coupon_code=code, coupon_counted=False, now=now)


def with_destination(cart: Cart, destination: Destination, *, now: datetime) -> Cart:
    return cart if destination == cart.destination else _changed(cart, destination=destination, now=now)


def _changed(cart: Cart, *, now: datetime, **changes: Any) -> Cart:  # noqa: ANN401 (fields of any type)
    return replace(cart, version=cart.version + 1, expires_at=_expiry(now), **changes)


def _expiry(now: datetime) -> datetime:
    # DynamoDB's time to live counts whole seconds.
    return now.replace(microsecond=0) + LIFETIME
