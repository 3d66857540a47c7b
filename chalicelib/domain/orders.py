"""An order: a frozen snapshot of what was bought, and what has become of it.

Three axes move apart from each other: the payment (domain/payments.py, its refunds in domain/refunds.py), the
fulfilment (domain/fulfilments.py) and disputes (domain/disputes.py). A fourth thing, the review
(domain/reviews.py), says that a person has to look. `Order.status` makes of them the one word that is shown.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from . import errors
from .carts import Cart
from .destinations import Destination
from .events import Event, announce
from .identifiers import derived_id
from .totals import Breakdown, Obstacle, PricedCart, breakdown_of

PaymentStatus = Literal[
    "pending", "processing", "failed", "paid", "partially_refunded", "refunded", "canceled"
]
FulfilmentStatus = Literal["unfulfilled", "partially_fulfilled", "fulfilled"]
DisputeStatus = Literal["none", "opened", "won", "lost"]
ReviewReason = Literal["paid_after_cancellation", "out_of_stock", "amount_mismatch", "currency_mismatch"]

RESERVED_FOR = timedelta(minutes=30)
"""How long an order can be paid, and holds its stock for that, unless a payment is under way."""

HELD_AT_MOST = timedelta(hours=24)
"""How long an unpaid order can be kept open by coming back, or by trying one card after the other."""

SHOPPER = "shopper"
"""Who it was, in the ledger."""

NOTHING_TO_PAY = "none"
"""The provider of what costs nothing."""

_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True):
    line1: _Text
    city: _Text
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$", description="ISO 3166-1 alpha-2")]
    line2: Annotated[str, Meta(max_length=200)] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    state: Annotated[str, Meta(max_length=100)] = ""


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The person. Kept apart from the money, so that it can be corrected until the order is paid.

    Once she has been erased, `erased_at` is all there is, beside an empty `email`.
    """

    email: str
    name: str = ""
    shipping_address: Address | None = None
    erased_at: datetime | None = None


class LineItem(Struct, frozen=True, kw_only=True):
    """`total` is `amount` - `discount`, and + `tax` unless that is in the prices."""

    sku: str
    name: str
    quantity: int
    unit_amount: int
    amount: int
    discount: int
    tax: int
    total: int


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the provider told us last; `reference` is the provider's own id of the payment.

    `amount_received` is in the order's currency unless `received_currency` names another one.
    `amount_refunded` counts what has left for the shopper, or is on its way to her. `as_of` is when what was
    told last happened, by the provider's clock.
    """

    status: PaymentStatus = "pending"
    provider: str = ""
    reference: str = ""
    amount_received: int = 0
    received_currency: str = ""
    amount_refunded: int = 0
    paid_at: datetime | None = None
    failure: str = ""
    as_of: datetime | None = None


class Dispute(Struct, frozen=True, kw_only=True):
    """A card holder's objection; `id` is the provider's."""

    id: str
    status: DisputeStatus
    amount: int
    reason: str


class Review(Struct, frozen=True, kw_only=True):
    """Why a person has to look at the order, and since when."""

    reason: ReviewReason
    since: datetime


class Order(Breakdown, frozen=True, kw_only=True, omit_defaults=True):
    """`lines`, the breakdown, `takes`, `currency` and `livemode` never change; `version` rises each time.

    `takes` says how many pieces the order needs of the stock, by SKU; `reserved` what it holds of that, by
    the name of the stock row (domain/stock.py); `backordered` what was sold without being there, by SKU.
    `check_at` is when housekeeping looks at the order next: None, if nothing is awaited. `computed_for` is
    where shipping and tax were computed for, None if neither depends on it.
    """

    id: str
    version: int
    cart_id: str
    cart_version: int
    lines: list[LineItem]
    currency: str
    computed_for: Destination | None = None
    livemode: bool
    contact: Contact
    payment: Payment
    created_at: datetime
    updated_at: datetime
    takes: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)
    backordered: dict[str, int] = field(default_factory=dict)
    fulfilled: dict[str, int] = field(default_factory=dict)
    disputes: list[Dispute] = field(default_factory=list)
    review: Review | None = None
    check_at: datetime | None = None

    @property
    def status(self) -> str:
        """The one word that people see: what needs them first, then the money, then the goods."""
        if self.open_review is not None:
            return "needs_review"
        if self.dispute in {"opened", "lost"}:
            return {"opened": "disputed", "lost": "charged_back"}[self.dispute]
        if self.payment.status == "paid" and self.fulfilment != "unfulfilled":
            return self.fulfilment
        return self.payment.status

    @property
    def fulfilment(self) -> FulfilmentStatus:
        if not self.fulfilled:
            return "unfulfilled"
        whole = all(self.fulfilled.get(line.sku, 0) >= line.quantity for line in self.lines)
        return "fulfilled" if whole else "partially_fulfilled"

    @property
    def dispute(self) -> DisputeStatus:
        """Of several, the one that matters most."""
        found = {dispute.status for dispute in self.disputes}
        return next((status for status in _WORST_FIRST if status in found), "none")

    @property
    def open_review(self) -> Review | None:
        """The review, unless all the money has gone back: then there is nothing to decide till it returns."""
        return None if self.payment.status == "refunded" else self.review

    @property
    def is_payable(self) -> bool:
        return self.payment.status in {"pending", "failed"}

    @property
    def is_paid(self) -> bool:
        """Whether its money is here, or was."""
        return self.payment.status in {"paid", "partially_refunded", "refunded"}


_WORST_FIRST: tuple[DisputeStatus, ...] = ("opened", "lost", "won")


class LedgerEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the order's story. `key` is unique in the order, so that telling it twice is seen.

    `by` is who did it: a provider, an admin key's id, the shopper or housekeeping. `about` is the provider's
    own id of what was told.
    """

    key: str
    at: datetime
    what: str
    by: str = ""
    about: str = ""
    event_id: str = ""
    amount: int | None = None
    currency: str | None = None
    note: str = ""


class OrderSummary(Struct, frozen=True, kw_only=True):
    """A line of the owner's list."""

    id: str
    status: str
    amount: int
    currency: str
    created_at: datetime
    updated_at: datetime


class Refund(Struct, frozen=True, kw_only=True):
    """Money going back. `reference` is the provider's own id of it, empty until the provider took it.

    `lines` says of which pieces, if it was asked for by pieces, and `shares` what those of each line come to;
    `whole` that all that was left was asked for. `restocks` says that pieces shall go back to the stock,
    `restock` which.
    """

    id: str
    amount: int
    currency: str
    status: Literal["requested", "pending", "succeeded", "failed"]
    created_at: datetime
    updated_at: datetime
    by: str
    reason: str = ""
    lines: dict[str, int] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    whole: bool = False
    restocks: bool = False
    restock: dict[str, int] = field(default_factory=dict)
    reference: str = ""
    failure: str = ""


class Fulfilment(Struct, frozen=True, kw_only=True):
    """Pieces, by SKU, that left for the shopper together."""

    id: str
    lines: dict[str, int]
    created_at: datetime
    by: str
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""


class OrderChange(Struct, frozen=True, kw_only=True):
    """One transaction: the order as it becomes, its ledger line, and what to tell the world (if anything).

    With it the refund or fulfilment that it is about, and what it gives to the stock (or, below 0, takes).
    `coupon_uses` counts the order's use of its coupon again, or (-1) gives it back. `relists` says that it is
    another person's from now on.
    """

    order: Order
    entry: LedgerEntry
    event: Event | None = None
    refund: Refund | None = None
    fulfilment: Fulfilment | None = None
    stock: dict[str, int] = field(default_factory=dict)
    coupon_uses: int = 0
    relists: bool = False


def order_id_for(cart: Cart) -> str:
    """One version of a cart is one order, however often and however parallel it is checked out."""
    return derived_id("ord", cart.id, cart.version)


def order_token(order: Order) -> str:
    """What lets the shopper read her order. Derived from the cart's id, which only she and the table know."""
    return derived_id("tok", "order", order.cart_id, order.cart_version)


def token_opens(order: Order, token: str) -> bool:
    return hmac.compare_digest(order_token(order).encode(), token.encode())


def destination_of(contact: Contact) -> Destination | None:
    address = contact.shipping_address
    if address is None:
        return None
    return Destination(country=address.country, state=address.state, postal_code=address.postal_code)


def place(
    cart: Cart,
    priced: PricedCart,
    contact: Contact,
    *,
    takes: Mapping[str, int],
    livemode: bool,
    now: datetime,
) -> Order:
    """The pending order for this version of the cart; refused where a line can no longer be bought."""
    gone = [line.sku for line in priced.lines if not line.purchasable]
    if gone:
        raise errors.ProductUnavailable(
            f"No longer sold: {', '.join(gone)}. Remove it from the cart to go on.", skus=gone
        )
    if not priced.lines or priced.currency is None:
        raise errors.CartEmpty
    if priced.destination_problem is not None:
        raise _refusal(priced.destination_problem)
    return Order(
        **breakdown_of(priced),
        id=order_id_for(cart),
        version=1,
        cart_id=cart.id,
        cart_version=cart.version,
        lines=[
            LineItem(
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                unit_amount=line.unit_amount,
                amount=line.amount,
                discount=line.discount,
                tax=line.tax,
                total=line.total,
            )
            for line in priced.lines
        ],
        currency=priced.currency,
        computed_for=priced.computed_for,
        livemode=livemode,
        contact=contact,
        payment=Payment(),
        created_at=now,
        updated_at=now,
        takes=dict(takes),
        reserved=dict(takes),
        check_at=now + RESERVED_FOR,
    )


def _refusal(problem: Obstacle) -> errors.Conflict:
    is_needed = problem.type == errors.DestinationNeeded.__name__
    kind = errors.DestinationNeeded if is_needed else errors.DestinationNotServed
    return kind(problem.message)


def free(order: Order, *, now: datetime) -> OrderChange:
    """The order that costs nothing, and so is paid when it is placed."""
    payment = Payment(status="paid", provider=NOTHING_TO_PAY, paid_at=now)
    paid = replace(order, payment=payment, check_at=None)
    event = told("order.paid", paid, about=order.id, now=now)
    entry = LedgerEntry(
        key=NOTHING_TO_PAY,
        at=now,
        what="payment.succeeded",
        by=SHOPPER,
        event_id=event.id,
        amount=0,
        currency=order.currency,
        note="There was nothing to pay.",
    )
    return OrderChange(order=paid, entry=entry, event=event)


def placing(order: Order) -> LedgerEntry:
    """The first line of every order's ledger, which its own snapshot tells."""
    return LedgerEntry(
        key="placed",
        at=order.created_at,
        what="order.placed",
        by=SHOPPER,
        amount=order.amount,
        currency=order.currency,
    )


def with_contact(order: Order, contact: Contact, *, now: datetime) -> OrderChange:
    """The order with what its shopper says of herself now.

    DestinationChanged if shipping and tax would not be those of the order any more.
    """
    destination = destination_of(contact)
    if order.computed_for and destination and not order.computed_for.covers(destination):
        raise errors.DestinationChanged(
            "This cart has become an order to another place already. Set the cart's destination to the new "
            "one, show the shopper the total, and check out again."
        )
    changed = replace(order, version=order.version + 1, contact=contact, updated_at=now)
    entry = LedgerEntry(key=f"contact#{changed.version}", at=now, what="contact.changed", by=SHOPPER)
    return OrderChange(order=changed, entry=entry, relists=contact.email != order.contact.email)


def held_until(order: Order, wished: datetime) -> datetime:
    """How long an unpaid order may hold its stock if its shopper wishes this: not for ever."""
    bounded = min(wished, order.created_at + HELD_AT_MOST)
    return max(order.check_at or bounded, bounded)


def require_own(order: Order, *, reference: str, livemode: bool) -> None:
    """PaymentMismatch for a provider's word that is not about this order's payment at all."""
    if order.payment.reference not in {"", reference}:
        raise errors.PaymentMismatch(f"{reference} is not the payment of order {order.id}.")
    if livemode != order.livemode:
        raise errors.PaymentMismatch(f"Order {order.id} and its payment disagree about live and test mode.")


def postponed(order: Order, *, until: datetime | None) -> Order:
    """The order, to be looked at later; nothing has happened to it."""
    return replace(order, version=order.version + 1, check_at=until)


class OrderPicture(Breakdown, frozen=True, kw_only=True):
    """The order as receivers see it: everything they need, nothing that is a credential.

    A receiver puts what it gets in order by `version`: the order of arrival is not promised.
    """

    id: str
    version: int
    status: str
    currency: str
    livemode: bool
    lines: list[LineItem]
    contact: Contact
    payment: Payment
    fulfilment: FulfilmentStatus
    dispute: DisputeStatus
    backordered: dict[str, int]
    created_at: datetime
    review: Review | None = None


def picture(order: Order) -> OrderPicture:
    return OrderPicture(
        id=order.id,
        version=order.version,
        **breakdown_of(order),
        status=order.status,
        currency=order.currency,
        livemode=order.livemode,
        lines=order.lines,
        contact=order.contact,
        payment=order.payment,
        fulfilment=order.fulfilment,
        dispute=order.dispute,
        backordered=order.backordered,
        created_at=order.created_at,
        review=order.review,
    )


def told(event_type: str, order: Order, *, about: str, now: datetime, **more: object) -> Event:
    """The event that says what has become of the order; `about` is the object by which it happens once."""
    data = {"order": picture(order), **more}
    return announce(event_type, order_id=order.id, about=about, data=data, now=now)
