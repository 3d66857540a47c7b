"""A cart: SKUs and quantities under an unguessable id. Prices are never kept in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from . import errors
from .catalog import Product

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

    `checkouts` counts the orders that were placed from it.
    """

    id: str
    version: int
    currency: str | None = None
    lines: tuple[CartLine, ...] = ()
    checkouts: int = 0
    expires_at: datetime

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


def _changed(cart: Cart, *, lines: tuple[CartLine, ...], currency: str | None, now: datetime) -> Cart:
    return replace(cart, version=cart.version + 1, lines=lines, currency=currency, expires_at=_expiry(now))


def _expiry(now: datetime) -> datetime:
    # DynamoDB's time to live counts whole seconds.
    return now.replace(microsecond=0) + LIFETIME


class PricedLine(Struct, frozen=True, kw_only=True):
    """A line as the catalogue prices it now; `purchasable` is false for what is no longer sold."""

    sku: str
    name: str
    image: str
    quantity: int
    unit_amount: int
    amount: int
    purchasable: bool


class PricedCart(Struct, frozen=True, kw_only=True):
    """What the shopper sees. `amount` sums the purchasable lines; None as `currency`: nothing in it."""

    id: str
    version: int
    lines: list[PricedLine]
    amount: int
    currency: str | None
    expires_at: datetime


def price(cart: Cart, products: Mapping[str, Product]) -> PricedCart:
    """Total the cart from the catalogue, which alone knows prices."""
    lines = [_priced(line, products.get(line.sku), cart.currency) for line in cart.lines]
    return PricedCart(
        id=cart.id,
        version=cart.version,
        lines=lines,
        amount=sum(line.amount for line in lines),
        currency=cart.currency,
        expires_at=cart.expires_at,
    )


def _priced(line: CartLine, product: Product | None, currency: str | None) -> PricedLine:
    if product is None or product.currency != currency:
        return PricedLine(
            sku=line.sku,
            name=product.name if product else line.sku,
            image=product.image if product else "",
            quantity=line.quantity,
            unit_amount=0,
            amount=0,
            purchasable=False,
        )
    return PricedLine(
        sku=line.sku,
        name=product.name,
        image=product.image,
        quantity=line.quantity,
        unit_amount=product.amount,
        amount=product.amount * line.quantity,
        purchasable=True,
    )
