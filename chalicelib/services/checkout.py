"""From a cart to a payable order, and from one order of a cart to the next."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.domain import orders as rules
from chalicelib.domain.carts import Cart, restarted
from chalicelib.domain.orders import Order
from chalicelib.ports import Moved, PaymentSession

from .carts import live, require_cart_id
from .contention import until_settled
from .payments import record, void
from .placing import Shop, Wish, moved_by, place, require_payable, require_total

TIME_TO_PAY = timedelta(minutes=15)
"""What a shopper who comes back to an order has at least."""


class Checkout(Struct, frozen=True, kw_only=True):
    """`session` is None for what costs nothing, and so is paid already."""

    order: Order
    token: str
    session: PaymentSession | None


def check_out(cart_id: str, wish: Wish, *, shop: Shop, now: datetime) -> Checkout:
    """Reserve what is in the cart, and begin its payment.

    However often and however parallel one version of a cart is checked out, it is one order and one
    payment; what the shopper corrects about herself meanwhile is kept. A changed cart takes over what its
    earlier order had reserved, once that order's payment can't be made any more. Only a new order counts for
    the limits.
    """
    require_cart_id(cart_id)

    def attempt() -> Checkout:
        cart = live(shop.carts.get_cart(cart_id), now=now)
        order = _order_of(cart, wish, shop=shop, now=now)
        session = None if order.is_paid else _payment_session(order, shop=shop, now=now)
        return Checkout(order=order, token=rules.order_token(order), session=session)

    return until_settled(attempt)


def _order_of(cart: Cart, wish: Wish, *, shop: Shop, now: datetime) -> Order:
    """The order that this version of the cart is, or becomes now."""
    earlier = shop.orders.get_order(cart.order_id) if cart.order_id else None
    if earlier is None:
        return place(cart, wish, None, shop=shop, now=now)
    is_this = earlier.order.id == rules.order_id_for(cart)
    if is_this and earlier.order.payment.provider == rules.NOTHING_TO_PAY:
        return earlier.order
    if earlier.order.payment.status == "canceled":
        if is_this or cart.coupon_counted:
            # It took too long: the same things are another version, and so another order; what they had
            # used of a coupon was given back.
            shop.carts.replace_cart(restarted(cart, now=now))
            raise Moved
        return place(cart, wish, None, shop=shop, now=now)
    require_payable(earlier.order)
    if earlier.order.livemode != shop.provider.livemode:
        # The shop has got other keys since.
        record(void(earlier.order, provider=shop.provider), orders=shop.orders, now=now)
        raise Moved
    if not is_this:
        return place(cart, wish, earlier, shop=shop, now=now)
    return _again(earlier.order, wish, shop=shop, now=now)


def _again(order: Order, wish: Wish, *, shop: Shop, now: datetime) -> Order:
    """The order that this version of the cart is already, with what its shopper says of herself now."""
    require_total(order, wish.expected_total)
    if wish.contact != order.contact:
        change = rules.with_contact(order, wish.contact, now=now)
        shop.orders.commit(change)
        order = change.order
    until = rules.held_until(order, now + TIME_TO_PAY)
    if order.check_at is not None and order.check_at < until:
        order = rules.postponed(order, until=until)
        shop.orders.save_order(order)
    return order


def _payment_session(order: Order, *, shop: Shop, now: datetime) -> PaymentSession:
    if order.payment.reference:
        session = shop.provider.resume_payment(order.payment.reference)
    else:
        session = shop.provider.open_payment(order)
    if session.settled is not None:
        raise moved_by(session.settled, shop=shop, now=now)
    # Until this is written nobody has the client secret, so nobody can pay what we don't know of. It is
    # written again for a payment that is resumed: an earlier try may have ended half-way through it.
    shop.orders.save_reference(order.id, provider=shop.provider.name, reference=session.reference)
    return session
