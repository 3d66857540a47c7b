"""From a cart to a payable order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.domain import orders as rules
from chalicelib.domain.carts import Cart, price, restarted
from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import AmountRefused, OrderNotPayable, OutOfStock, TotalChanged
from chalicelib.domain.money import MAX_AMOUNT, display, minimum_charge
from chalicelib.domain.orders import Contact, Order, OrderChange
from chalicelib.domain.payments import PaymentFact, apply
from chalicelib.ports import (
    AlreadyPlaced,
    CartStore,
    CatalogStore,
    Moved,
    OrderStore,
    OrderStory,
    PaymentProvider,
    PaymentSession,
    StockShort,
    StockStore,
)

from .carts import live, require_cart_id
from .contention import until_settled
from .payments import record, void

log = logging.getLogger(__name__)

TIME_TO_PAY = timedelta(minutes=15)
"""What a shopper who comes back to an order has at least."""


class Checkout(Struct, frozen=True, kw_only=True):
    """`session` is None for what costs nothing, and so is paid already."""

    order: Order
    token: str
    session: PaymentSession | None


class Shop(Struct, frozen=True, kw_only=True):
    """What a checkout needs from the world."""

    carts: CartStore
    catalog: CatalogStore
    stock: StockStore
    orders: OrderStore
    provider: PaymentProvider


def check_out(cart_id: str, contact: Contact, *, expected_total: int, shop: Shop, now: datetime) -> Checkout:
    """Reserve what is in the cart, and begin its payment.

    However often and however parallel one version of a cart is checked out, it is one order and one
    payment; what the shopper corrects about herself meanwhile is kept. A changed cart takes over what its
    earlier order had reserved, once that order's payment can't be made any more.
    """
    require_cart_id(cart_id)

    def attempt() -> Checkout:
        cart = live(shop.carts.get_cart(cart_id), now=now)
        order = _order_of(cart, contact, expected_total=expected_total, shop=shop, now=now)
        session = None if order.is_paid else _payment_session(order, shop=shop, now=now)
        return Checkout(order=order, token=rules.order_token(order), session=session)

    return until_settled(attempt)


def _order_of(cart: Cart, contact: Contact, *, expected_total: int, shop: Shop, now: datetime) -> Order:
    """The order that this version of the cart is, or becomes now."""
    earlier = shop.orders.get_order(cart.order_id) if cart.order_id else None
    if earlier is None:
        return _new_order(cart, contact, None, expected_total=expected_total, shop=shop, now=now)
    is_this = earlier.order.id == rules.order_id_for(cart)
    if earlier.order.payment.status == "canceled":
        if is_this:  # it took too long: the same things are another version, and so another order
            shop.carts.replace_cart(restarted(cart, now=now))
            raise Moved
        return _new_order(cart, contact, None, expected_total=expected_total, shop=shop, now=now)
    if not is_this:
        _require_payable(earlier.order)
        return _new_order(cart, contact, earlier, expected_total=expected_total, shop=shop, now=now)
    if earlier.order.payment.provider == rules.NOTHING_TO_PAY:
        return earlier.order
    return _again(earlier.order, contact, expected_total=expected_total, shop=shop, now=now)


def _new_order(
    cart: Cart,
    contact: Contact,
    earlier: OrderStory | None,
    *,
    expected_total: int,
    shop: Shop,
    now: datetime,
) -> Order:
    """The cart as an order, in place of its earlier one, which is still payable, if there is one."""
    products = shop.catalog.get_products(cart.skus()) if cart.lines else {}
    takes = {line.sku: line.quantity for line in cart.lines if _is_tracked(products.get(line.sku))}
    order = rules.place(
        cart, price(cart, products), contact, takes=takes, livemode=shop.provider.livemode, now=now
    )
    _require_total(order, expected_total)
    paid = rules.free(order, now=now) if order.amount == 0 else None
    if paid is None:
        _require_chargeable(order)
    replaces = _end_of(earlier, for_=order, shop=shop, now=now) if earlier else None
    placed = paid.order if paid else order
    try:
        shop.orders.place_order(placed, cart=cart, replaces=replaces, paid=paid)
    except StockShort:
        if replaces is not None:
            shop.orders.commit(replaces)
        raise _shortage(order.takes, shop.stock.get_stock(order.takes)) from None
    except AlreadyPlaced:
        raise Moved from None
    log.info("order placed", extra={"order_id": order.id})
    return placed


def _is_tracked(product: Product | None) -> bool:
    return product is not None and product.is_tracked


def _end_of(earlier: OrderStory, *, for_: Order, shop: Shop, now: datetime) -> OrderChange:
    """What cancels the cart's earlier order, once its provider has agreed that nobody can pay it any more."""
    held = earlier.order.reserved
    left = shop.stock.get_stock(for_.takes) if for_.takes else {}
    available = {name: left.get(name, 0) + held.get(name, 0) for name in for_.takes}
    if any(available[name] < pieces for name, pieces in for_.takes.items()):
        raise _shortage(for_.takes, available)
    fact = void(earlier.order, provider=shop.provider)
    canceled = apply(earlier.order, fact, ledger=earlier.ledger, refunds=earlier.refunds, now=now)
    if fact.kind != "canceled" or canceled is None:
        # It is being paid, or was canceled by somebody else.
        raise _settled_meanwhile(fact, shop=shop, now=now)
    return canceled


def _again(order: Order, contact: Contact, *, expected_total: int, shop: Shop, now: datetime) -> Order:
    """The order that this version of the cart is already, with what its shopper says of herself now."""
    _require_payable(order)
    _require_total(order, expected_total)
    if contact != order.contact:
        change = rules.with_contact(order, contact, now=now)
        shop.orders.commit(change)
        order = change.order
    if order.check_at is not None and order.check_at < now + TIME_TO_PAY:
        order = rules.postponed(order, until=now + TIME_TO_PAY)
        shop.orders.save_order(order)
    return order


def _payment_session(order: Order, *, shop: Shop, now: datetime) -> PaymentSession:
    if order.payment.reference:
        session = shop.provider.resume_payment(order.payment.reference)
    else:
        session = shop.provider.open_payment(order)
    if session.settled is not None:
        raise _settled_meanwhile(session.settled, shop=shop, now=now)
    # Until this is written nobody has the client secret, so nobody can pay what we don't know of. It is
    # written again for a payment that is resumed: an earlier try may have ended half-way through it.
    shop.orders.save_reference(order.id, provider=shop.provider.name, reference=session.reference)
    return session


def _settled_meanwhile(fact: PaymentFact, *, shop: Shop, now: datetime) -> Exception:
    """What to raise when the provider knows more of a payment than we did: Moved, so as to look again."""
    order = record(fact, orders=shop.orders, now=now)
    # What is under way may be older than what we were told last, and then looking again finds nothing new.
    return _not_payable(order, "processing") if fact.kind == "processing" else Moved()


def _require_payable(order: Order) -> None:
    if not order.is_payable:
        raise _not_payable(order, order.status)


def _not_payable(order: Order, status: str) -> OrderNotPayable:
    return OrderNotPayable(
        f"This cart has become an order already, which is {status}. Start a new cart.",
        order_id=order.id,
        order_token=rules.order_token(order),
        status=status,
    )


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


def _shortage(wanted: Mapping[str, int], available: Mapping[str, int]) -> Exception:
    """What to raise when the transaction found too little; Moved if it has come back since."""
    short = [
        {"sku": sku, "wanted": quantity, "left": max(available.get(sku, 0), 0)}
        for sku, quantity in wanted.items()
        if available.get(sku, 0) < quantity
    ]
    if not short:
        return Moved()
    names = ", ".join(f"{item['sku']} ({item['left']} left)" for item in short)
    return OutOfStock(f"Not enough in stock: {names}. Take fewer, or remove it.", items=short)
