"""Filling a cart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec.structs import replace

from chalicelib.domain import carts as rules
from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import is_sku
from chalicelib.domain.coupons import normal_code
from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import CartNotFound, CouponNotFound, ItemNotInCart, ProductNotFound
from chalicelib.domain.identifiers import Entropy, is_id, new_id
from chalicelib.domain.limits import Limits, tally, too_many
from chalicelib.domain.taxes import AskTax
from chalicelib.domain.totals import PricedCart, PriceList, price
from chalicelib.ports import CartStore, Counters, LimitReached, PriceStore

from .contention import until_settled


def create_cart(
    visitor: str, *, carts: CartStore, counters: Counters, limits: Limits, entropy: Entropy, now: datetime
) -> Cart:
    """A new cart; TooManyRequests if this visitor has had too many of late."""
    one_more = tally("carts", visitor, most=limits.carts_per_address, now=now)
    if one_more is not None:
        try:
            counters.count(one_more)
        except LimitReached as full:
            raise too_many(full.tally, now=now) from None
    cart = rules.new_cart(new_id("cart", entropy), now=now)
    carts.create_cart(cart)
    return cart


def read_cart(
    cart_id: str, *, carts: CartStore, prices: PriceStore, ask_tax: AskTax, now: datetime
) -> PricedCart:
    """The cart at today's prices. CartNotFound also for what has expired or can't be an id."""
    cart = live(carts.get_cart(require_cart_id(cart_id)), now=now)
    return priced(cart, read_prices(cart, prices=prices), ask_tax=ask_tax, now=now)


def set_quantity(
    cart_id: str,
    sku: str,
    quantity: int,
    *,
    carts: CartStore,
    prices: PriceStore,
    ask_tax: AskTax,
    now: datetime,
) -> PricedCart:
    """Put `quantity` of the product into the cart, in place of what was there; 0 takes it out."""
    require_cart_id(cart_id)
    if not is_sku(sku):
        raise ProductNotFound(sku[:64]) if quantity else ItemNotInCart(sku[:64])

    def change() -> PricedCart:
        found, known = carts.get_cart_and_prices(cart_id, sku)
        cart = live(found, now=now)
        product = known.products.get(sku)
        if quantity == 0:
            changed = rules.without(cart, sku, now=now)
        elif product is None:
            raise ProductNotFound(sku)
        else:
            changed = rules.with_quantity(cart, product, quantity, now=now)
        return priced(changed, _saved(changed, known, carts=carts, prices=prices), ask_tax=ask_tax, now=now)

    return until_settled(change)


def remove_item(
    cart_id: str, sku: str, *, carts: CartStore, prices: PriceStore, ask_tax: AskTax, now: datetime
) -> PricedCart:
    """Take the product out of the cart; what is not in it is out of it already."""
    try:
        return set_quantity(cart_id, sku, 0, carts=carts, prices=prices, ask_tax=ask_tax, now=now)
    except ItemNotInCart:
        return read_cart(cart_id, carts=carts, prices=prices, ask_tax=ask_tax, now=now)


def set_coupon(
    cart_id: str, code: str, *, carts: CartStore, prices: PriceStore, ask_tax: AskTax, now: datetime
) -> PricedCart:
    """Put the code into the cart, in place of the one before. CouponNotFound if nobody has made it.

    One that takes nothing off today is kept: the cart says why, and it may tomorrow.
    """
    require_cart_id(cart_id)
    code = normal_code(code)

    def change() -> PricedCart:
        cart = live(carts.get_cart(cart_id), now=now)
        known = prices.get_price_list(cart.skus(), coupon=code)
        if known.coupon is None:
            raise CouponNotFound(code)
        changed = _replaced(cart, rules.with_coupon(cart, code, now=now), carts=carts)
        return priced(changed, known, ask_tax=ask_tax, now=now)

    return until_settled(change)


def remove_coupon(
    cart_id: str, *, carts: CartStore, prices: PriceStore, ask_tax: AskTax, now: datetime
) -> PricedCart:
    """Take the code out of the cart; if none is in it, that is fine."""
    require_cart_id(cart_id)

    def change() -> PricedCart:
        cart = live(carts.get_cart(cart_id), now=now)
        changed = _replaced(cart, rules.with_coupon(cart, "", now=now), carts=carts)
        return priced(changed, read_prices(changed, prices=prices), ask_tax=ask_tax, now=now)

    return until_settled(change)


def set_destination(
    cart_id: str,
    destination: Destination,
    *,
    carts: CartStore,
    prices: PriceStore,
    ask_tax: AskTax,
    now: datetime,
) -> PricedCart:
    """Say where the cart's order goes. A place that nothing is sent to is kept; the cart says so."""
    require_cart_id(cart_id)

    def change() -> PricedCart:
        cart = live(carts.get_cart(cart_id), now=now)
        changed = _replaced(cart, rules.with_destination(cart, destination, now=now), carts=carts)
        return priced(changed, read_prices(changed, prices=prices), ask_tax=ask_tax, now=now)

    return until_settled(change)


def priced(cart: Cart, known: PriceList, *, ask_tax: AskTax, now: datetime) -> PricedCart:
    return price(cart, known, destination=cart.destination, ask=ask_tax, now=now)


def read_prices(cart: Cart, *, prices: PriceStore) -> PriceList:
    """All that the cart's total comes from."""
    if not cart.lines:
        return PriceList()
    return prices.get_price_list(cart.skus(), coupon=cart.coupon_code)


def _replaced(cart: Cart, changed: Cart, *, carts: CartStore) -> Cart:
    """The changed cart, written if it is another one."""
    if changed is not cart:
        carts.replace_cart(changed)
    return changed


def _saved(cart: Cart, known: PriceList, *, carts: CartStore, prices: PriceStore) -> PriceList:
    """Write the cart, and meanwhile read what its total wants beside `known`: one wait instead of two."""
    others = [sku for sku in cart.skus() if sku not in known.products]
    if not others and not (cart.lines and cart.coupon_code):
        carts.replace_cart(cart)
        return known
    with ThreadPoolExecutor(max_workers=1) as reader:
        more = reader.submit(prices.get_price_list, others, coupon=cart.coupon_code)
        carts.replace_cart(cart)
        found = more.result()
    return replace(found, products={**found.products, **known.products})


def require_cart_id(cart_id: str) -> str:
    if not is_id("cart", cart_id):
        raise CartNotFound
    return cart_id


def live(cart: Cart | None, *, now: datetime) -> Cart:
    if cart is None or cart.is_expired(now):
        raise CartNotFound
    return cart
