"""Filling a cart."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from chalicelib.domain import carts as rules
from chalicelib.domain.carts import Cart, PricedCart
from chalicelib.domain.catalog import Product, is_sku
from chalicelib.domain.errors import CartNotFound, ItemNotInCart, ProductNotFound
from chalicelib.domain.identifiers import Entropy, is_id, new_id
from chalicelib.domain.limits import Limits, tally, too_many
from chalicelib.ports import CartStore, CatalogStore, Counters, LimitReached

from .contention import until_settled


def create_cart(
    visitor: str, *, carts: CartStore, counters: Counters, limits: Limits, entropy: Entropy, now: datetime
) -> PricedCart:
    """A new cart; TooManyRequests if this visitor has had too many of late."""
    one_more = tally("carts", visitor, most=limits.carts_per_address, now=now)
    if one_more is not None:
        try:
            counters.count(one_more)
        except LimitReached as full:
            raise too_many(full.tally, now=now) from None
    cart = rules.new_cart(new_id("cart", entropy), now=now)
    carts.create_cart(cart)
    return rules.price(cart, {})


def read_cart(cart_id: str, *, carts: CartStore, catalog: CatalogStore, now: datetime) -> PricedCart:
    """The cart at today's prices. CartNotFound also for what has expired or can't be an id."""
    cart = live(carts.get_cart(require_cart_id(cart_id)), now=now)
    return rules.price(cart, catalog.get_products(cart.skus()) if cart.lines else {})


def set_quantity(
    cart_id: str, sku: str, quantity: int, *, carts: CartStore, catalog: CatalogStore, now: datetime
) -> PricedCart:
    """Put `quantity` of the product into the cart, in place of what was there; 0 takes it out."""
    require_cart_id(cart_id)
    if not is_sku(sku):
        raise ProductNotFound(sku[:64]) if quantity else ItemNotInCart(sku[:64])

    def change() -> PricedCart:
        found, product = carts.get_cart_and_product(cart_id, sku)
        cart = live(found, now=now)
        if quantity == 0:
            return _saved(rules.without(cart, sku, now=now), {}, carts=carts, catalog=catalog)
        if product is None:
            raise ProductNotFound(sku)
        changed = rules.with_quantity(cart, product, quantity, now=now)
        return _saved(changed, {sku: product}, carts=carts, catalog=catalog)

    return until_settled(change)


def remove_item(
    cart_id: str, sku: str, *, carts: CartStore, catalog: CatalogStore, now: datetime
) -> PricedCart:
    """Take the product out of the cart; what is not in it is out of it already."""
    try:
        return set_quantity(cart_id, sku, 0, carts=carts, catalog=catalog, now=now)
    except ItemNotInCart:
        return read_cart(cart_id, carts=carts, catalog=catalog, now=now)


def _saved(
    cart: Cart, known: Mapping[str, Product], *, carts: CartStore, catalog: CatalogStore
) -> PricedCart:
    """Write the cart, and meanwhile read the prices of its other lines: one wait instead of two."""
    others = [sku for sku in cart.skus() if sku not in known]
    if not others:
        carts.replace_cart(cart)
        return rules.price(cart, known)
    with ThreadPoolExecutor(max_workers=1) as reader:
        products = reader.submit(catalog.get_products, others)
        carts.replace_cart(cart)
        return rules.price(cart, {**products.result(), **known})


def require_cart_id(cart_id: str) -> str:
    if not is_id("cart", cart_id):
        raise CartNotFound
    return cart_id


def live(cart: Cart | None, *, now: datetime) -> Cart:
    if cart is None or cart.is_expired(now):
        raise CartNotFound
    return cart
