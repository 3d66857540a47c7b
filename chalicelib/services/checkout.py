"""From a cart to a payable order."""

from __future__ import annotations

import logging
from datetime import datetime

from msgspec import Struct

from chalicelib.domain import orders as rules
from chalicelib.domain.carts import Cart, price
from chalicelib.domain.errors import (
    AmountRefused,
    Conflict,
    OrderNotFound,
    OrderNotPayable,
    TooManyRequests,
    TotalChanged,
)
from chalicelib.domain.limits import Limits, tally, too_many
from chalicelib.domain.money import MAX_AMOUNT, display, minimum_charge
from chalicelib.domain.orders import Contact, Order
from chalicelib.ports import (
    AlreadyPlaced,
    CartSpent,
    CartStore,
    CatalogStore,
    LimitReached,
    OrderStore,
    PaymentProvider,
    PaymentSession,
    StockStore,
)

from .carts import live, require_cart_id
from .contention import until_settled
from .reserving import reserve

log = logging.getLogger(__name__)


class Checkout(Struct, frozen=True, kw_only=True):
    order: Order
    token: str
    session: PaymentSession


def check_out(
    cart_id: str,
    contact: Contact,
    *,
    expected_total: int,
    visitor: str,
    limits: Limits,
    carts: CartStore,
    catalog: CatalogStore,
    stock: StockStore,
    orders: OrderStore,
    provider: PaymentProvider,
    now: datetime,
) -> Checkout:
    """Reserve what is in the cart, and begin its payment.

    However often and however parallel one version of a cart is checked out, it is one order and one
    payment; what the shopper corrects about herself meanwhile is kept. Only a new order counts for `limits`.
    """
    require_cart_id(cart_id)

    def place() -> Order:
        cart = live(carts.get_cart(cart_id), now=now)
        try:
            return _new_order(
                cart,
                contact,
                expected_total=expected_total,
                visitor=visitor,
                limits=limits,
                catalog=catalog,
                stock=stock,
                orders=orders,
                livemode=provider.livemode,
                now=now,
            )
        except (AlreadyPlaced, Conflict):
            # Whatever has changed since, an order that this version of the cart already is stays as it is.
            story = orders.get_order(rules.order_id_for(cart))
            if story is None:
                raise
            return _payable(story.order, expected_total=expected_total)

    order = _with_contact(until_settled(place), contact, orders=orders, now=now)
    session = _payment_session(order, orders=orders, provider=provider)
    return Checkout(order=order, token=rules.order_token(order), session=session)


def _new_order(
    cart: Cart,
    contact: Contact,
    *,
    expected_total: int,
    visitor: str,
    limits: Limits,
    catalog: CatalogStore,
    stock: StockStore,
    orders: OrderStore,
    livemode: bool,
    now: datetime,
) -> Order:
    products = catalog.get_products(cart.skus()) if cart.lines else {}
    order = rules.place(cart, price(cart, products), contact, livemode=livemode, now=now)
    _require_total(order, expected_total)
    _require_chargeable(order)
    one_more = tally("orders", visitor, most=limits.orders_per_address, now=now)
    takes = {line.sku: line.quantity for line in order.lines if products[line.sku].is_tracked}
    shards = {sku: products[sku].stock_shards for sku in takes}

    def place(rows: dict[str, int]) -> None:
        orders.place_order(
            order, cart=cart, reserve=rows, tally=one_more, most_per_cart=limits.orders_per_cart
        )

    try:
        reserve(order.id, takes, shards=shards, stock=stock, place=place)
    except CartSpent:
        raise _spent(cart, now=now) from None
    except LimitReached as full:
        raise too_many(full.tally, now=now) from None
    log.info("order placed", extra={"order_id": order.id})
    return order


def _spent(cart: Cart, *, now: datetime) -> TooManyRequests:
    # Waiting helps only in so far as the cart is gone then.
    return TooManyRequests(
        f"This cart has become {cart.checkouts} orders already. Start a new cart.",
        retry_after_seconds=int((cart.expires_at - now).total_seconds()),
    )


def _payable(order: Order, *, expected_total: int) -> Order:
    if not order.is_payable:
        raise OrderNotPayable(
            f"This cart has become an order already, which is {order.status}. Start a new cart.",
            order_id=order.id,
            order_token=rules.order_token(order),
            status=order.status,
        )
    _require_total(order, expected_total)
    return order


def _require_total(order: Order, expected_total: int) -> None:
    if order.amount != expected_total:
        raise TotalChanged(
            f"The total is {display(order.amount, order.currency)} now, "
            f"not {display(expected_total, order.currency)}. Show the shopper and check out again.",
            expected_total=expected_total,
            total=order.amount,
            currency=order.currency,
        )


def _require_chargeable(order: Order) -> None:
    least = minimum_charge(order.currency)
    if not least <= order.amount <= MAX_AMOUNT:
        raise AmountRefused(
            f"A payment must be between {display(least, order.currency)} and "
            f"{display(MAX_AMOUNT, order.currency)}.",
            amount=order.amount,
            currency=order.currency,
        )


def _with_contact(order: Order, contact: Contact, *, orders: OrderStore, now: datetime) -> Order:
    """The order with what the shopper says of herself now; only a repeated checkout differs."""
    if order.contact == contact:
        return order

    def change() -> Order:
        story = orders.get_order(order.id)
        if story is None:
            raise OrderNotFound
        changed = rules.with_contact(_payable(story.order, expected_total=order.amount), contact, now=now)
        orders.save_contact(changed)
        return changed

    return until_settled(change)


def _payment_session(order: Order, *, orders: OrderStore, provider: PaymentProvider) -> PaymentSession:
    if order.payment.reference:
        session = provider.resume_payment(order.payment.reference)
    else:
        session = provider.open_payment(order)
    # Until this is written nobody has the client secret, so nobody can pay what we don't know of. It is
    # written again for a payment that is resumed: an earlier try may have ended half-way through it.
    orders.save_reference(order.id, provider=provider.name, reference=session.reference)
    return session
