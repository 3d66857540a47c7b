"""Turning a cart into an order that can be paid: priced, limited, and with its stock reserved."""

from __future__ import annotations

import logging
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.domain import orders as rules
from chalicelib.domain.carts import Cart
from chalicelib.domain.coupons import Coupon
from chalicelib.domain.errors import (
    AmountRefused,
    CouponUsedUp,
    OrderNotPayable,
    OutOfStock,
    TooManyRequests,
    TotalChanged,
)
from chalicelib.domain.limits import Limits, tally, too_many
from chalicelib.domain.money import MAX_AMOUNT, display, minimum_charge
from chalicelib.domain.orders import Contact, Order, OrderChange
from chalicelib.domain.payments import PaymentFact, apply
from chalicelib.domain.reserving import from_what_is_left
from chalicelib.domain.stock import with_held
from chalicelib.domain.totals import PriceList, price
from chalicelib.ports import (
    AlreadyPlaced,
    CartSpent,
    CartStore,
    CouponSpent,
    LimitReached,
    Moved,
    OrderStore,
    OrderStory,
    PaymentProvider,
    PriceStore,
    StockStore,
)

from .carts import read_prices
from .payments import record, void
from .reserving import reserve

log = logging.getLogger(__name__)


class Shop(Struct, frozen=True, kw_only=True):
    """What a checkout needs from the world, and the limits that its owner sets."""

    carts: CartStore
    prices: PriceStore
    stock: StockStore
    orders: OrderStore
    provider: PaymentProvider
    limits: Limits


class Wish(Struct, frozen=True, kw_only=True):
    """Who wants to buy a cart, for which total as she saw it; `visitor` is where she calls from, hashed."""

    contact: Contact
    expected_total: int
    visitor: str


def place(cart: Cart, wish: Wish, earlier: OrderStory | None, *, shop: Shop, now: datetime) -> Order:
    """The cart as an order, in place of its earlier one, which is still payable, if there is one."""
    known = read_prices(cart, prices=shop.prices)
    order = _priced(cart, wish, known, shop=shop, now=now)
    _require_left(cart, limits=shop.limits, now=now)
    paid = rules.free(order, now=now) if order.amount == 0 else None
    replaces = _end_of(earlier, for_=order, shop=shop, now=now) if earlier else None
    one_more = tally("orders", wish.visitor, most=shop.limits.orders_per_address, now=now)

    def write(rows: dict[str, int]) -> None:
        told = replace(paid, order=replace(paid.order, reserved=rows)) if paid else None
        shop.orders.place_order(
            told.order if told else replace(order, reserved=rows),
            cart=cart,
            tally=one_more,
            most_per_cart=shop.limits.orders_per_cart,
            coupon=known.coupon if order.coupon else None,
            replaces=replaces,
            paid=told,
        )

    try:
        rows = reserve(
            order.id,
            order.takes,
            shards={sku: known.products[sku].stock_shards for sku in order.takes},
            held=earlier.order.reserved if earlier else {},
            stock=shop.stock,
            place=write,
        )
    except (CartSpent, CouponSpent, LimitReached, OutOfStock) as refusal:
        if replaces is not None:  # its payment is void by now
            shop.orders.commit(replaces)
        raise _refused(refusal, cart, known.coupon, shop=shop, now=now) from None
    except AlreadyPlaced:
        raise Moved from None
    log.info("order placed", extra={"order_id": order.id})
    return replace(paid.order if paid else order, reserved=rows)


def require_payable(order: Order) -> None:
    if not order.is_payable:
        raise not_payable(order, status=order.status)


def not_payable(order: Order, *, status: str) -> OrderNotPayable:
    return OrderNotPayable(
        f"This cart has become an order already, which is {status}. Start a new cart.",
        order_id=order.id,
        order_token=rules.order_token(order),
        status=status,
    )


def require_total(order: Order, expected_total: int) -> None:
    if order.amount != expected_total:
        raise TotalChanged(
            f"The total is {display(order.amount, order.currency)} now, "
            f"not {display(expected_total, order.currency)}. Show the shopper and check out again.",
            expected_total=expected_total,
            total=order.amount,
            currency=order.currency,
        )


def moved_by(fact: PaymentFact, *, shop: Shop, now: datetime) -> Exception:
    """What to raise for a payment that has settled: Moved, to look again at what it made of its order."""
    order = record(fact, orders=shop.orders, now=now)
    # Under way it is a second try then, of which no notice has come, and this one looks older than the
    # first one's failure.
    return not_payable(order, status=fact.kind) if order.is_payable else Moved()


def _priced(cart: Cart, wish: Wish, known: PriceList, *, shop: Shop, now: datetime) -> Order:
    """The order that the cart comes to; refused unless it is what the shopper saw, and can be charged."""
    destination = rules.destination_of(wish.contact) or cart.destination
    priced = price(cart, known, destination=destination, ask=shop.provider.ask_tax, now=now)
    takes = {
        line.sku: line.quantity
        for line in cart.lines
        if line.sku in known.products and known.products[line.sku].is_tracked
    }
    order = rules.place(cart, priced, wish.contact, takes=takes, livemode=shop.provider.livemode, now=now)
    require_total(order, wish.expected_total)
    _require_chargeable(order)
    return order


def _require_chargeable(order: Order) -> None:
    least = minimum_charge(order.currency)
    if order.amount and not least <= order.amount <= MAX_AMOUNT:
        raise AmountRefused(
            f"A payment must be between {display(least, order.currency)} and "
            f"{display(MAX_AMOUNT, order.currency)}.",
            amount=order.amount,
            currency=order.currency,
        )


def _require_left(cart: Cart, *, limits: Limits, now: datetime) -> None:
    """Before anything is voided; the transaction asks again."""
    if 0 < limits.orders_per_cart <= cart.checkouts:
        raise _cart_spent(cart, now=now)


def _end_of(earlier: OrderStory, *, for_: Order, shop: Shop, now: datetime) -> OrderChange:
    """What cancels the cart's earlier order, once its provider has agreed that nobody can pay it any more."""
    if for_.takes:
        stocks = shop.stock.get_stock_rows(for_.takes)
        from_what_is_left(for_.id, for_.takes, with_held(stocks, earlier.order.reserved))
    fact = void(earlier.order, provider=shop.provider)
    canceled = apply(earlier.order, fact, ledger=earlier.ledger, refunds=earlier.refunds, now=now)
    if fact.kind != "canceled" or canceled is None:
        raise moved_by(fact, shop=shop, now=now)
    return canceled


def _refused(
    refusal: CartSpent | CouponSpent | LimitReached | OutOfStock,
    cart: Cart,
    coupon: Coupon | None,
    *,
    shop: Shop,
    now: datetime,
) -> Exception:
    """What to tell the shopper of what stood against the transaction."""
    match refusal:
        case CartSpent():
            return _cart_spent(cart, now=now)
        case LimitReached():
            return too_many(refusal.tally, now=now)
        case CouponSpent():
            return _coupon_spent(coupon, shop.prices.get_coupon(cart.coupon_code))
    return refusal


def _cart_spent(cart: Cart, *, now: datetime) -> TooManyRequests:
    # Waiting helps only in so far as the cart is gone then.
    return TooManyRequests(
        f"This cart has become {cart.checkouts} orders already. Start a new cart.",
        retry_after_seconds=int((cart.expires_at - now).total_seconds()),
    )


def _coupon_spent(read: Coupon | None, found: Coupon | None) -> Exception:
    """Of a coupon that the transaction could not use; Moved if it is another one by now."""
    if read is None or found is None or found.version != read.version:
        return Moved()
    return CouponUsedUp(
        f"{read.code} has just been used up. Show the shopper the cart without it, and check out again.",
        code=read.code,
    )
