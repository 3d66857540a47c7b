"""What the API answers with, where it is not a record of the domain as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, Self, TypeVar

import msgspec
from msgspec import Struct

from chalicelib.domain.catalog import Availability
from chalicelib.domain.deliveries import Attempt, Delivery, DeliveryStatus
from chalicelib.domain.destinations import Destination
from chalicelib.domain.endpoints import ContentType, Endpoint, EndpointStatus
from chalicelib.domain.events import Event
from chalicelib.domain.exchanges import Method
from chalicelib.domain.jobs import Job, JobKind, JobStatus
from chalicelib.domain.orders import (
    Contact,
    Dispute,
    DisputeStatus,
    Fulfilment,
    FulfilmentStatus,
    LedgerEntry,
    LineItem,
    Payment,
    Refund,
    Review,
)
from chalicelib.domain.refunds import refundable
from chalicelib.domain.stock import Stock
from chalicelib.domain.totals import Breakdown
from chalicelib.ports import OrderStory, Page
from chalicelib.services.catalog import Offer
from chalicelib.services.checkout import Checkout
from chalicelib.services.deliveries import EventDeliveries
from chalicelib.services.persons import Dossier

Item = TypeVar("Item")


class Listing(Struct, Generic[Item], frozen=True, kw_only=True):
    """A page. `cursor` continues behind it; null: this was the last."""

    items: list[Item]
    cursor: str | None

    @classmethod
    def of(cls, page: Page[Item]) -> Listing[Item]:
        return cls(items=page.items, cursor=page.cursor)


class OfferAnswer(Struct, frozen=True, kw_only=True):
    sku: str
    name: str
    description: str
    image: str
    amount: int
    currency: str
    availability: Availability

    @classmethod
    def of(cls, offer: Offer) -> Self:
        return _from(cls, offer.product, availability=offer.availability)


class CheckoutAnswer(Struct, frozen=True, kw_only=True):
    """`client_secret` and `publishable_key` are for Stripe.js; `order_token` opens GET /orders/{id}.

    Without them there was nothing to pay, and the order is paid.
    """

    order_id: str
    order_token: str
    status: str
    amount: int
    currency: str
    client_secret: str | None
    publishable_key: str | None

    @classmethod
    def of(cls, done: Checkout) -> Self:
        return cls(
            order_id=done.order.id,
            order_token=done.token,
            status=done.order.status,
            amount=done.order.amount,
            currency=done.order.currency,
            client_secret=done.session.client_secret if done.session else None,
            publishable_key=done.session.publishable_key if done.session else None,
        )


class Parcel(Struct, frozen=True, kw_only=True):
    """Pieces, by SKU, that are on their way, and how to follow them."""

    lines: dict[str, int]
    carrier: str
    tracking_number: str
    tracking_url: str
    created_at: datetime


class OrderAnswer(Breakdown, frozen=True, kw_only=True):
    """An order as its shopper may see it: without whom it went to, since a token may be shared."""

    id: str
    status: str
    lines: list[LineItem]
    currency: str
    created_at: datetime
    paid_at: datetime | None
    payment_failure: str
    amount_refunded: int
    parcels: list[Parcel]

    @classmethod
    def of(cls, story: OrderStory) -> Self:
        payment = story.order.payment
        return _from(
            cls,
            story.order,
            paid_at=payment.paid_at,
            payment_failure=payment.failure,
            amount_refunded=payment.amount_refunded,
            parcels=[_from(Parcel, fulfilment) for fulfilment in story.fulfilments],
        )


class DeliveryAnswer(Struct, frozen=True, kw_only=True):
    """`attempts` are the latest ones; `tries` says how many there were in all."""

    id: str
    event_id: str
    endpoint_id: str
    event_type: str
    order_id: str
    status: DeliveryStatus
    tries: int
    attempts: list[Attempt]
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return _from(cls, delivery)


class StoryAnswer(Breakdown, frozen=True, kw_only=True):
    """An order as its owner sees it, with everything that happened to it, oldest first."""

    id: str
    version: int
    status: str
    lines: list[LineItem]
    currency: str
    computed_for: Destination | None
    livemode: bool
    contact: Contact
    payment: Payment
    fulfilment: FulfilmentStatus
    dispute: DisputeStatus
    review: Review | None
    reserved: dict[str, int]
    backordered: dict[str, int]
    fulfilled: dict[str, int]
    disputes: list[Dispute]
    refundable: int
    check_at: datetime | None
    created_at: datetime
    updated_at: datetime
    refunds: list[Refund]
    fulfilments: list[Fulfilment]
    ledger: list[LedgerEntry]
    deliveries: list[DeliveryAnswer]

    @classmethod
    def of(cls, story: OrderStory, deliveries: Sequence[Delivery]) -> Self:
        return _from(
            cls,
            story.order,
            refunds=story.refunds,
            refundable=max(refundable(story.order, story.refunds), 0),
            fulfilments=story.fulfilments,
            ledger=story.ledger,
            deliveries=[DeliveryAnswer.of(delivery) for delivery in deliveries],
        )


class EndpointAnswer(Struct, frozen=True, kw_only=True):
    """What happens is held for endpoints that are paused, failing, or disabled by us (`disabled_because`).

    The values of the headers in `header_names` are never shown.
    """

    id: str
    status: EndpointStatus
    url: str
    events: list[str]
    filter: str
    method: Method
    content_type: ContentType
    payload: str
    header_names: list[str]
    timeout_seconds: int
    rate_limit: int | None
    description: str
    enabled: bool
    disabled_because: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        return _from(cls, endpoint)


class NewEndpointAnswer(Struct, frozen=True, kw_only=True):
    """`secret` verifies this endpoint's webhooks. It is shown this once and never again."""

    endpoint: EndpointAnswer
    secret: str


class StockAnswer(Struct, frozen=True, kw_only=True):
    """`low_at` is the number at which `stock.low` is told; null for never."""

    sku: str
    available: int
    low_at: int | None

    @classmethod
    def of(cls, stock: Stock) -> Self:
        return _from(cls, stock)


class EventDeliveriesAnswer(Struct, frozen=True, kw_only=True):
    """`waiting` are endpoints that the event goes to and that have not been tried yet."""

    deliveries: list[DeliveryAnswer]
    waiting: list[str]

    @classmethod
    def of(cls, found: EventDeliveries) -> Self:
        deliveries = [DeliveryAnswer.of(delivery) for delivery in found.deliveries]
        return cls(deliveries=deliveries, waiting=found.waiting)


class EventAnswer(Struct, frozen=True, kw_only=True):
    """`payload` is what receivers get, unless their endpoint shapes it."""

    id: str
    type: str
    created_at: datetime
    payload: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        return _from(cls, event, payload=msgspec.json.decode(event.payload))


class DossierAnswer(Struct, frozen=True, kw_only=True):
    """An order with its deliveries and what receivers answered, and all events that are about it."""

    order: StoryAnswer
    events: list[EventAnswer]

    @classmethod
    def of(cls, dossier: Dossier) -> Self:
        sent = [delivery for told in dossier.told for delivery in told.deliveries]
        return cls(
            order=StoryAnswer.of(dossier.story, sent),
            events=[EventAnswer.of(told.event) for told in dossier.told],
        )


class JobAnswer(Struct, frozen=True, kw_only=True):
    """`examined` counts what was looked at, `sent` what was sent of it (or would be, in a dry run) or erased.

    A job that is done has left something undone if it has a `note`.
    """

    id: str
    kind: JobKind
    endpoint_id: str
    status: JobStatus
    dry_run: bool
    examined: int
    sent: int
    note: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        return _from(cls, job)


class ResumedAnswer(Struct, frozen=True, kw_only=True):
    """`job` releases what was held."""

    endpoint: EndpointAnswer
    job: JobAnswer


class Received(Struct, frozen=True, kw_only=True):
    """`ignored` says that the notice was about nothing of ours."""

    ignored: bool


Answer = TypeVar("Answer", bound=Struct)


def _from(kind: type[Answer], record: Struct, **more: Any) -> Answer:  # noqa: ANN401 (fields of any type)
    """An answer with the record's own fields where their names are the same, and `more`."""
    names = {field.name for field in msgspec.structs.fields(kind)} - more.keys()
    return kind(**{name: getattr(record, name) for name in names}, **more)
