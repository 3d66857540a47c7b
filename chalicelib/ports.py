"""What the services need from the world, as small Protocols. Adapters keep them, and so do the tests' fakes.

Reads are consistent unless a docstring says otherwise. A write that finds its row changed since it was
read raises `Moved` and has written nothing: read again, decide again. Whatever else goes wrong in the
world comes up as the adapter's own error and is a failure of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.addresses import IPAddress
from chalicelib.domain.bookkeeping import Acknowledgements, Reconciliation, SweepReport
from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import Product
from chalicelib.domain.coupons import Coupon, CouponTerms
from chalicelib.domain.deliveries import Delivery, DeliveryStatus, DeliverySummary, HeldDelivery
from chalicelib.domain.disputes import DisputeFact
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Errand
from chalicelib.domain.events import Event, EventSummary
from chalicelib.domain.exchanges import Reply, Request
from chalicelib.domain.health import Health
from chalicelib.domain.jobs import Job
from chalicelib.domain.keys import AdminKey
from chalicelib.domain.limits import Tally
from chalicelib.domain.orders import Fulfilment, LedgerEntry, Order, OrderChange, OrderSummary, Refund
from chalicelib.domain.payments import PaymentFact
from chalicelib.domain.refunds import RefundFact
from chalicelib.domain.shipping import Shipping
from chalicelib.domain.signing import EndpointSecrets
from chalicelib.domain.stock import Stock
from chalicelib.domain.taxes import Tax, Taxes, TaxQuestion
from chalicelib.domain.totals import PriceList

Item = TypeVar("Item")
Clock = Callable[[], datetime]

Fact = PaymentFact | RefundFact | DisputeFact
"""What a payment provider says, in our words."""


class Moved(Exception):
    """Somebody else changed the row since it was read."""


class AlreadyPlaced(Exception):
    """This version of the cart is an order already."""


class StockShort(Exception):
    """At least one SKU has less than the order needs."""


class CouponSpent(Exception):
    """The coupon is not as it was read, or has no use or not enough of its money left."""


class LimitReached(Exception):
    """A tally is as high as it may be."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally.what)
        self.tally = tally


class CartSpent(Exception):
    """As many orders as are allowed were placed from this cart."""


class Unreadable(Exception):
    """A row is not what its kind says. `row_id` is the id that its key names."""

    def __init__(self, row_id: str) -> None:
        super().__init__(row_id)
        self.row_id = row_id


class Unsendable(Exception):
    """A queue will never take this message, however often it is sent."""


class ExpressionFailed(Exception):
    """An expression can't be applied to a document; the text says why, in plain words and without its values.

    `function` is the one that failed, if it was one.
    """

    def __init__(self, reason: str, *, function: str = "") -> None:
        super().__init__(reason)
        self.function = function


class Page(Struct, Generic[Item], frozen=True):
    """Some items and, if there may be more, the cursor that continues behind them."""

    items: list[Item]
    cursor: str | None


class CartStore(Protocol):
    def get_cart(self, cart_id: str) -> Cart | None: ...

    def get_cart_and_prices(self, cart_id: str, sku: str) -> tuple[Cart | None, PriceList]:
        """Both in one round trip, the prices of this SKU and without a coupon."""

    def create_cart(self, cart: Cart) -> None:
        """Write a cart whose id is new; the same again is the same."""

    def replace_cart(self, cart: Cart) -> None:
        """Write the cart over the version just before its own, ordered as often, or Moved."""


class Counters(Protocol):
    def count(self, tally: Tally) -> None:
        """One more, or LimitReached. A lost answer may count twice."""


class CatalogStore(Protocol):
    def get_products(self, skus: Iterable[str]) -> dict[str, Product]:
        """Those that exist, by SKU, in one round trip for a whole cart."""

    def list_products(self, *, limit: int, cursor: str | None) -> Page[Product]:
        """By SKU, ascending."""

    def put_products(self, products: Iterable[Product]) -> None: ...

    def delete_products(self, skus: Iterable[str]) -> None:
        """Take them out of the catalogue; what is not in it is no error."""


class StockStore(Protocol):
    def get_stock(self, skus: Iterable[str]) -> dict[str, int]:
        """What is available of each SKU that has stock, in one round trip, or two where it is in shards."""

    def get_stock_rows(self, skus: Iterable[str]) -> dict[str, Stock]:
        """The same by row, and how each SKU is watched."""

    def get_products_and_stock(self, skus: Iterable[str]) -> tuple[dict[str, Product], dict[str, int]]:
        """Both as above, for a whole cart."""

    def set_stock(
        self, sku: str, available: int, *, shards: int = 1, low_at: int | UnsetType | None = UNSET
    ) -> None:
        """Write what is available, or Moved: it is spread over so many rows, and the others are emptied.

        `low_at` is the number that is low: None for none, UNSET as before.
        """

    def adjust_stock(self, sku: str, by: int, *, key: str, now: datetime) -> Stock | None:
        """Add `by` and give what there is then, or Moved; the same `key` again adds nothing.

        None if the SKU has no stock item. StockShort if less than nothing would be left. KeyReused if
        the key has been used with another `by`.
        """

    def begin_low(self, stock: Stock, *, event: Event) -> None:
        """One transaction: mark as told since the event that this stock is low, and the event.

        Moved if its first row is not as it was read, or marked.
        """

    def end_low(self, sku: str, *, since: datetime) -> None:
        """Take away the mark of this moment; that it is not there is no error. Moved if somebody is at it."""


class OrderStory(Struct, frozen=True, kw_only=True):
    """An order with everything that belongs to it, oldest first."""

    order: Order
    ledger: list[LedgerEntry]
    refunds: list[Refund]
    fulfilments: list[Fulfilment]


class OrderAge(Struct, frozen=True, kw_only=True):
    """An order, and since when it waits."""

    order_id: str
    since: datetime


class OrderStore(Protocol):
    def place_order(
        self,
        order: Order,
        *,
        cart: Cart,
        tally: Tally | None = None,
        most_per_cart: int = 0,
        coupon: Coupon | None = None,
        replaces: OrderChange | None = None,
        paid: OrderChange | None = None,
    ) -> None:
        """One transaction: the order, what it reserves, its use of a coupon, and that the cart is it now.

        It counts in the tally, and in the cart, of which no more than `most_per_cart` orders are placed
        (0: any number). With it the end of the cart's earlier order, whose stock and use it takes over, and,
        if it costs nothing, what tells that it is paid. AlreadyPlaced, Moved, CartSpent, LimitReached,
        CouponSpent or StockShort, the first that holds, say why nothing was written.
        """

    def get_order(self, order_id: str) -> OrderStory | None: ...

    def find_order_id(self, *, provider: str, reference: str) -> str | None:
        """Which order a provider's payment belongs to."""

    def save_reference(self, order_id: str, *, provider: str, reference: str) -> None:
        """Note which payment an order has. The same again is the same."""

    def save_order(self, order: Order) -> None:
        """Write the order over the version just before its own, or Moved; for what is nobody's business."""

    def commit(self, change: OrderChange) -> None:
        """One transaction: the order over the version before, and all that the change brings with it.

        Moved if somebody was faster, StockShort if there is too little of what it takes.
        """

    def list_due(self, now: datetime, *, limit: int, cursor: str | None) -> Page[OrderAge]:
        """What is to be looked at, the longest due first; may lag by a moment."""

    def list_in_review(self, *, limit: int, cursor: str | None) -> Page[OrderAge]:
        """What waits for its owner, the oldest first; may lag by a moment."""

    def list_orders_of_person(self, person: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        """Whose contact has the address of this hash, newest first; may lag by a moment.

        An order without its contact is still among them until it is forgotten.
        """

    def forget_person(self, order_id: str) -> None:
        """Take the order out of its person's list, and the postal code out of where its tax was computed for.

        Done again, it is the same.
        """

    def restore_order(self, story: OrderStory) -> None:
        """Write an order that was kept elsewhere, with its ledger; AlreadyPlaced if its id is taken.

        It is new to nobody: no stock is reserved and nothing is announced.
        """

    def list_orders(self, month: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        """Of a month ("2026-11"), newest first; may lag by a moment."""


class Bookkeeping(Protocol):
    """How far the clock's work is. Saved over the version just before its own (1: over nothing), or Moved."""

    def get_sweep(self) -> SweepReport | None: ...

    def put_sweep(self, report: SweepReport) -> None: ...

    def get_reconciliation(self) -> Reconciliation | None: ...

    def save_reconciliation(self, state: Reconciliation) -> None: ...

    def get_acknowledgements(self) -> Acknowledgements | None: ...

    def save_acknowledgements(self, state: Acknowledgements) -> None: ...


class EventStore(Protocol):
    def get_event(self, event_id: str) -> Event | None: ...

    def get_events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """Those that exist, by id."""

    def put_event(self, event: Event) -> None:
        """Let an event happen that no order tells; the same again is the same."""

    def rewrite_event(self, event: Event) -> None:
        """Put this payload in the place of the event's own, for the sake of a person; nobody is told."""

    def list_events(
        self, *, since: datetime, until: datetime, position: str, limit: int, newest_first: bool = False
    ) -> tuple[list[EventSummary], str | None]:
        """What happened from `since` until before `until`, behind `position` ("" to begin); tests left out.

        With the position of the page's end, None if there is no more. May lag by a moment. InvalidCursor if
        the position is none.
        """

    def record_fan_out(self, event_id: str, endpoint_ids: Sequence[str], *, now: datetime) -> list[str]:
        """Note which endpoints an event goes to; if that is noted already, what stands there counts."""

    def get_fan_outs(self, event_ids: Iterable[str]) -> dict[str, list[str]]:
        """To which endpoints each event goes, of those that were relayed yet."""


class DeliveryStore(Protocol):
    def get_delivery(self, event_id: str, endpoint_id: str) -> Delivery | None: ...

    def get_deliveries(self, event_ids: Iterable[str], endpoint_id: str) -> dict[str, Delivery]:
        """Those that there are, by event."""

    def save_delivery(self, delivery: Delivery, *, event: Event | None = None) -> None:
        """Write the delivery over the version just before its own (1: over nothing), or Moved.

        With it, in one transaction, the event that says what became of it.
        """

    def hold_delivery(self, delivery: Delivery, *, endpoint: Endpoint) -> None:
        """Write the delivery as above and put it in its endpoint's line, if the endpoint's epoch is as read.

        Moved if either has changed: nothing is ever parked behind a release that has passed.
        """

    def next_held(self, endpoint_id: str, *, before_epoch: int | None, limit: int) -> list[HeldDelivery]:
        """The head of an endpoint's line, of places taken before that epoch."""

    def leave_line(self, places: Sequence[HeldDelivery]) -> None:
        """Give up these places; what is not there is no error."""

    def list_of_event(self, event_id: str) -> list[Delivery]: ...

    def list_of_endpoint(
        self, endpoint_id: str, *, status: DeliveryStatus | None, limit: int, cursor: str | None
    ) -> Page[DeliverySummary]:
        """Newest first; may lag by a moment, and a page may be short while there is more."""


class JobStore(Protocol):
    def get_job(self, job_id: str) -> Job | None: ...

    def create_job(self, job: Job) -> Job:
        """The job, or the one that is there under its id. The stream carries a new one to the relay."""

    def save_job(self, job: Job, *, page: int) -> None:
        """Write the job over what was read of it at `page`, or Moved."""


class ErrandQueue(Protocol):
    """At-least-once. Errands of an endpoint take turns with those of others."""

    def send(self, errands: Sequence[Errand], *, express: bool = False) -> None:
        """All of them, each at least once; Unsendable or another error if any could not be sent.

        `express` is for endpoints that answer promptly, so that they wait for nobody who does not.
        """

    def send_later(self, errand: Errand, delay: timedelta) -> None:
        """Have the errand done after `delay`, which may be days for a message. The same again is the same."""


class DeadLetters(Protocol):
    def park(self, event_id: str, reason: str) -> None:
        """Keep a row's id where the owner is alerted, so that it blocks nobody behind it."""


class EndpointStore(Protocol):
    def list_endpoints(self) -> list[Endpoint]:
        """All of them: they are few."""

    def get_endpoint(self, endpoint_id: str) -> Endpoint | None: ...

    def create_endpoint(self, endpoint: Endpoint) -> None:
        """Write an endpoint whose id is new; the same again is the same."""

    def replace_endpoint(
        self,
        endpoint: Endpoint,
        *,
        job: Job | None = None,
        event: Event | None = None,
        fresh_start: bool = False,
    ) -> None:
        """Write the endpoint over the version just before its own, or Moved.

        With it, in one transaction, the job that follows from the change, and the event that tells it; for a
        fresh start its health is forgotten.
        """

    def delete_endpoint(self, endpoint_id: str) -> bool:
        """Whether there was one."""


class HealthStore(Protocol):
    def get_health(self, endpoint_id: str) -> Health:
        """A new endpoint's, if nothing is known."""

    def put_health(self, endpoint_id: str, health: Health) -> None: ...

    def add_failure(self, endpoint_id: str, *, at_first: bool, prompt: bool, now: datetime) -> Health:
        """As chalicelib.domain.health.failed, however many are counted at once; how things stand then."""

    def list_watched(self) -> list[tuple[Endpoint, Health]]:
        """All endpoints, each with its health, in one round trip."""


class EndpointReader(Protocol):
    """What was known of endpoints some seconds ago."""

    def get_endpoint(self, endpoint_id: str) -> Endpoint | None: ...

    def get_health(self, endpoint_id: str) -> Health: ...

    def learn(self, endpoint_id: str, health: Health) -> None:
        """Know this from now on, without another read."""

    def expire(self) -> None:
        """Read anew when next asked."""


class Slots(Protocol):
    def reserve(self, line: str, *, per_second: int, now: datetime, ahead: timedelta) -> datetime | None:
        """A time of its own in the line of this name, evenly spaced; None if all are taken for so long."""


class SecretStore(Protocol):
    def put_secrets(self, endpoint_id: str, secrets: EndpointSecrets) -> int:
        """Keep what is secret of an endpoint; the version that names it from now on."""

    def get_secrets(self, endpoint_id: str, version: int) -> EndpointSecrets: ...

    def delete_secrets(self, endpoint_id: str) -> None: ...


class Mailer(Protocol):
    def send(self, subject: str, text: str) -> None:
        """Mail the owner plain text, at least once; `subject` is one line."""


class KeyStore(Protocol):
    def get_key(self, key_id: str) -> AdminKey | None: ...

    def put_key(self, key: AdminKey) -> None: ...

    def list_keys(self) -> list[AdminKey]: ...


class PaymentSession(Struct, frozen=True, kw_only=True):
    """What the browser needs to pay; `reference` is the provider's id of the payment.

    `settled` says what has become of it already, if it can't be paid any more.
    """

    reference: str
    client_secret: str
    publishable_key: str
    settled: PaymentFact | None = None


class PriceStore(Protocol):
    def get_price_list(self, skus: Iterable[str], *, coupon: str) -> PriceList:
        """What exists of it, in one round trip; `coupon` is a code, "" for none."""

    def list_coupons(self, *, limit: int, cursor: str | None) -> Page[Coupon]:
        """By code; a page may be short while there is more."""

    def get_coupon(self, code: str) -> Coupon | None: ...

    def put_coupon(self, code: str, terms: CouponTerms) -> Coupon:
        """Write the terms; what the code has been used before goes on counting. Moved: ask again."""

    def delete_coupon(self, code: str) -> None:
        """The terms; its use is remembered, so that orders can give it back. Moved: ask again."""

    def put_shipping(self, shipping: Shipping) -> None: ...

    def put_taxes(self, taxes: Taxes) -> None: ...


class PaymentProvider(Protocol):
    @property
    def name(self) -> str:
        """In lower case, as orders keep it."""

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""

    def open_payment(self, order: Order) -> PaymentSession:
        """Begin the payment of an order; asked again for the same order, it is the same payment.

        AmountRefused if the provider will not charge such an amount, ProviderUnavailable if it can't be
        asked now.
        """

    def resume_payment(self, reference: str) -> PaymentSession:
        """What the browser needs for a payment begun earlier. ProviderUnavailable as above."""

    def ask_tax(self, question: TaxQuestion) -> Tax:
        """The tax on what is going to be sold, by where it goes.

        DestinationNeeded if that must be known more exactly, ProviderUnavailable if it can't be asked now.
        """

    def inspect_payment(self, reference: str) -> PaymentFact | None:
        """What has become of a payment; None while nothing has. ProviderUnavailable as above."""

    def void_payment(self, reference: str) -> PaymentFact:
        """Have it never be paid: `canceled`, or what it is instead. ProviderUnavailable as above."""

    def refund_payment(self, order: Order, refund: Refund) -> RefundFact:
        """Send money back; asked again for the same refund within a day, it is the same.

        RefundRefused if the provider will not, ProviderUnavailable as above.
        """

    def find_refund(self, reference: str, refund_id: str) -> RefundFact | None:
        """The refund of a payment that bears our name for it. ProviderUnavailable as above."""

    def list_payments(self, *, since: datetime, until: datetime, cursor: str | None) -> Page[PaymentFact]:
        """Payments of this shop that were begun in this time and have succeeded; a page may be empty."""

    def list_refunds(self, *, since: datetime, until: datetime, cursor: str | None) -> Page[RefundFact]:
        """Refunds that were made in this time, also of payments that are not this shop's."""

    def parse_callback(self, payload: bytes, headers: Mapping[str, str], *, now: datetime) -> Fact | None:
        """What a notice says, None if it is none of ours; InvalidSignature if it is not the provider's."""


class Resolver(Protocol):
    def resolve(self, host: str) -> list[IPAddress]:
        """All addresses of a name; an empty list if it has none."""


class Sender(Protocol):
    def send(self, request: Request) -> Reply:
        """One request, never redirected, never to an address the policy forbids, within the request's time.

        Never raises for what a receiver does: a reply without a status says what happened.
        """


class Expressions(Protocol):
    """JMESPath (https://jmespath.org), which can read a document and do nothing else."""

    def check(self, expression: str) -> None:
        """InvalidExpression, with the place, if it can't be read or calls what does not exist."""

    def search(self, expression: str, document: object) -> object:
        """What the expression finds: plain JSON values. ExpressionFailed if it can't be applied.

        That includes one that would take too long or grow too large.
        """
