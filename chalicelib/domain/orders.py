"""An order: a frozen snapshot of what was bought, and what has become of its payment.

The payment axis, as data in `TRANSITIONS`::

    pending ──► processing ──► paid
       │  ▲          │           ▲
       ▼  └──────────▼           │
     failed (still payable) ─────┘
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from . import errors
from .carts import Cart
from .destinations import Destination
from .events import Event, announce
from .identifiers import derived_id
from .money import display
from .totals import Breakdown, Obstacle, PricedCart, breakdown_of

PaymentStatus = Literal["pending", "processing", "failed", "paid"]
FactKind = Literal["processing", "failed", "succeeded"]

TRANSITIONS: dict[tuple[PaymentStatus, FactKind], PaymentStatus] = {
    ("pending", "processing"): "processing",
    ("pending", "failed"): "failed",
    ("pending", "succeeded"): "paid",
    ("processing", "failed"): "failed",
    ("processing", "succeeded"): "paid",
    ("failed", "processing"): "processing",
    ("failed", "failed"): "failed",
    ("failed", "succeeded"): "paid",
}
"""A pair that is missing changes nothing: money that arrived is never un-paid by an older notice.

Nor does a notice of what was before the last one that counted, unless it is about money that arrived.
"""

EVENT_TYPES: dict[PaymentStatus, Literal["order.paid", "order.payment_failed"]] = {
    "paid": "order.paid",
    "failed": "order.payment_failed",
}
"""The states whose reaching is told to the world."""

_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True):
    line1: _Text
    city: _Text
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$", description="ISO 3166-1 alpha-2")]
    line2: Annotated[str, Meta(max_length=200)] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    state: Annotated[str, Meta(max_length=100)] = ""


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The person. Kept apart from the money, so that it can be corrected until the order is paid."""

    email: str
    name: str = ""
    shipping_address: Address | None = None


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

    `as_of` is when that happened by the provider's clock.
    """

    status: PaymentStatus = "pending"
    provider: str = ""
    reference: str = ""
    amount_received: int = 0
    paid_at: datetime | None = None
    failure: str = ""
    as_of: datetime | None = None


class Order(Breakdown, frozen=True, kw_only=True):
    """`lines`, the breakdown, `currency` and `livemode` never change; `version` rises with each change.

    `computed_for` is where shipping and tax were computed for, None if neither depends on it.
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

    @property
    def status(self) -> str:
        """The one word that people see."""
        return self.payment.status

    @property
    def is_payable(self) -> bool:
        return self.payment.status in {"pending", "failed"}


class LedgerEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the order's story. `key` is unique in the order, so that telling it twice is seen."""

    key: str
    at: datetime
    what: str
    event_id: str = ""
    amount: int | None = None
    currency: str | None = None


class OrderSummary(Struct, frozen=True, kw_only=True):
    """A line of the owner's list."""

    id: str
    status: str
    amount: int
    currency: str
    created_at: datetime
    updated_at: datetime


class PaymentFact(Struct, frozen=True, kw_only=True):
    """What a provider says of a payment, in our words; amounts are absolute.

    `key` names the notice (Stripe's event id), `object_id` what it is about (a charge or an intent):
    two notices about one object announce one event.
    """

    provider: str
    key: str
    kind: FactKind
    reference: str
    object_id: str
    order_id: str
    shop: str
    amount: int
    currency: str
    livemode: bool
    occurred_at: datetime
    failure: str = ""


class OrderChange(Struct, frozen=True, kw_only=True):
    """One transaction: the order as it becomes, its ledger line, and what to tell the world (if anything)."""

    order: Order
    entry: LedgerEntry
    event: Event | None


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


def place(cart: Cart, priced: PricedCart, contact: Contact, *, livemode: bool, now: datetime) -> Order:
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
    )


def _refusal(problem: Obstacle) -> errors.Conflict:
    is_needed = problem.type == errors.DestinationNeeded.__name__
    kind = errors.DestinationNeeded if is_needed else errors.DestinationNotServed
    return kind(problem.message)


def with_contact(order: Order, contact: Contact, *, now: datetime) -> Order:
    """DestinationChanged if shipping and tax would not be those of the order any more."""
    destination = destination_of(contact)
    if order.computed_for and destination and not order.computed_for.covers(destination):
        raise errors.DestinationChanged(
            "This cart has become an order to another place already. Set the cart's destination to the new "
            "one, show the shopper the total, and check out again."
        )
    return replace(order, version=order.version + 1, contact=contact, updated_at=now)


def apply(
    order: Order, fact: PaymentFact, *, ledger: Sequence[LedgerEntry], now: datetime
) -> OrderChange | None:
    """What a provider's notice changes; None if that is known already, by this notice or by another.

    Raises PaymentMismatch if the notice is not about what was ordered.
    """
    if any(entry.key == ledger_key(fact) for entry in ledger):
        return None
    _require_match(order, fact)
    status = TRANSITIONS.get((order.payment.status, fact.kind))
    if status is None or _is_stale(order, fact):
        return None
    payment = Payment(
        status=status,
        provider=fact.provider,
        reference=fact.reference,
        amount_received=fact.amount if status == "paid" else order.payment.amount_received,
        paid_at=now if status == "paid" else order.payment.paid_at,
        failure=fact.failure,
        as_of=fact.occurred_at,
    )
    changed = replace(order, version=order.version + 1, payment=payment, updated_at=now)
    event_type = EVENT_TYPES.get(status)
    event = _announce(event_type, changed, about=fact.object_id, now=now) if event_type else None
    if event is not None and any(entry.event_id == event.id for entry in ledger):
        return None
    entry = LedgerEntry(
        key=ledger_key(fact),
        at=now,
        what=f"payment.{fact.kind}",
        event_id=event.id if event else "",
        amount=fact.amount,
        currency=fact.currency,
    )
    return OrderChange(order=changed, entry=entry, event=event)


def _is_stale(order: Order, fact: PaymentFact) -> bool:
    """A bank's "processing" that comes late, after its "failed", is not news."""
    as_of = order.payment.as_of
    if fact.kind == "succeeded" or as_of is None:
        return False
    # Stripe tells whole seconds: within one, what was decided comes after what was under way.
    return fact.occurred_at < as_of or (fact.occurred_at == as_of and fact.kind == "processing")


def ledger_key(fact: PaymentFact) -> str:
    return f"{fact.provider}#{fact.key}"


def _require_match(order: Order, fact: PaymentFact) -> None:
    if order.payment.reference not in {"", fact.reference}:
        raise errors.PaymentMismatch(f"{fact.reference} is not the payment of order {order.id}.")
    if fact.livemode != order.livemode:
        raise errors.PaymentMismatch(f"Order {order.id} and its payment disagree about live and test mode.")
    if (fact.amount, fact.currency) != (order.amount, order.currency):
        raise errors.PaymentMismatch(
            f"Order {order.id} is about {display(order.amount, order.currency)}, "
            f"the payment about {display(fact.amount, fact.currency)}."
        )


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
    created_at: datetime


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
        created_at=order.created_at,
    )


def _announce(event_type: str, order: Order, *, about: str, now: datetime) -> Event:
    return announce(event_type, order_id=order.id, about=about, data={"order": picture(order)}, now=now)
