"""Every store in memory, as one world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from threading import RLock
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from chalicelib.domain.bookkeeping import Acknowledgements, Reconciliation, SweepReport
from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import Product
from chalicelib.domain.coupons import Coupon, CouponTerms, UsedCoupon
from chalicelib.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    DeliverySummary,
    HeldDelivery,
    place_in_line,
)
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import InvalidCursor, KeyReused
from chalicelib.domain.events import Event, EventSummary
from chalicelib.domain.health import Health, failed
from chalicelib.domain.jobs import Job
from chalicelib.domain.keys import AdminKey
from chalicelib.domain.limits import Tally
from chalicelib.domain.orders import (
    Fulfilment,
    LedgerEntry,
    Order,
    OrderChange,
    OrderSummary,
    Refund,
    placing,
)
from chalicelib.domain.persons import person_id
from chalicelib.domain.shipping import Shipping
from chalicelib.domain.signing import EndpointSecrets
from chalicelib.domain.stock import Stock, adjustment, row_name, shared_out
from chalicelib.domain.taxes import Taxes
from chalicelib.domain.totals import PriceList
from chalicelib.ports import (
    AlreadyPlaced,
    CartSpent,
    CouponSpent,
    LimitReached,
    Moved,
    OrderAge,
    OrderStory,
    Page,
    StockShort,
)

from .atomicity import atomic as _atomic

Item = TypeVar("Item")
Kind = TypeVar("Kind", bound=Struct)


class World:
    """Keeps every store's port at once, since transactions reach across them."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.carts: dict[str, Cart] = {}
        self.tallies: dict[tuple[str, str, datetime], int] = {}
        self.products: dict[str, Product] = {}
        self.stock: dict[str, int] = {}
        self.coupons: dict[str, Coupon] = {}
        self.deleted_coupons: dict[str, Coupon] = {}
        self.shipping = Shipping()
        self.taxes = Taxes()
        self.shards: dict[str, int] = {}
        self.low_at: dict[str, int] = {}
        self.low_since: dict[str, datetime] = {}
        self.adjustments: dict[tuple[str, str], int] = {}
        self.orders: dict[str, Order] = {}
        self.persons: dict[str, str] = {}
        self.ledgers: dict[str, dict[str, LedgerEntry]] = {}
        self.refunds: dict[str, dict[str, Refund]] = {}
        self.fulfilments: dict[str, dict[str, Fulfilment]] = {}
        self.references: dict[str, tuple[str, str]] = {}
        self.events: dict[str, Event] = {}
        self.fan_outs: dict[str, list[str]] = {}
        self.deliveries: dict[tuple[str, str], Delivery] = {}
        self.line: dict[tuple[str, int, datetime, str, int], HeldDelivery] = {}
        self.jobs: dict[str, Job] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.health: dict[str, Health] = {}
        self.secrets: dict[str, list[EndpointSecrets]] = {}
        self.keys: dict[str, AdminKey] = {}
        self.last_sweep: SweepReport | None = None
        self.reconciliation: Reconciliation | None = None
        self.acknowledgements: Acknowledgements | None = None

    # CartStore

    @_atomic
    def get_cart(self, cart_id: str) -> Cart | None:
        return self.carts.get(cart_id)

    @_atomic
    def get_cart_and_prices(self, cart_id: str, sku: str) -> tuple[Cart | None, PriceList]:
        return self.carts.get(cart_id), self.get_price_list([sku], coupon="")

    @_atomic
    def create_cart(self, cart: Cart) -> None:
        self.carts[cart.id] = cart

    @_atomic
    def replace_cart(self, cart: Cart) -> None:
        there = self.carts.get(cart.id)
        wanted = (cart.version - 1, cart.order_id, cart.checkouts)
        _require(there and (there.version, there.order_id, there.checkouts) == wanted)
        self.carts[cart.id] = cart

    # Counters

    @_atomic
    def count(self, tally: Tally) -> None:
        self._require_room(tally)
        self._count(tally)

    def _require_room(self, tally: Tally) -> None:
        if self.tallies.get(_counter(tally), 0) >= tally.most:
            raise LimitReached(tally)

    def _count(self, tally: Tally) -> None:
        self.tallies[_counter(tally)] = self.tallies.get(_counter(tally), 0) + 1

    # CatalogStore

    @_atomic
    def get_products(self, skus: Iterable[str]) -> dict[str, Product]:
        return {sku: self.products[sku] for sku in skus if sku in self.products}

    @_atomic
    def list_products(self, *, limit: int, cursor: str | None) -> Page[Product]:
        return _page(sorted(self.products.items()), limit=limit, cursor=cursor)

    @_atomic
    def put_products(self, products: Iterable[Product]) -> None:
        self.products |= {product.sku: product for product in products}

    @_atomic
    def delete_products(self, skus: Iterable[str]) -> None:
        for sku in skus:
            self.products.pop(sku, None)

    # PriceStore

    @_atomic
    def get_price_list(self, skus: Iterable[str], *, coupon: str) -> PriceList:
        return PriceList(
            products=self.get_products(skus),
            coupon=self.coupons.get(coupon),
            shipping=self.shipping,
            taxes=self.taxes,
        )

    @_atomic
    def list_coupons(self, *, limit: int, cursor: str | None) -> Page[Coupon]:
        return _page(sorted(self.coupons.items()), limit=limit, cursor=cursor)

    @_atomic
    def get_coupon(self, code: str) -> Coupon | None:
        return self.coupons.get(code)

    @_atomic
    def put_coupon(self, code: str, terms: CouponTerms) -> Coupon:
        before = self.coupons.get(code) or self.deleted_coupons.pop(code, None)
        before = before or Coupon(code=code, version=0, terms=terms)
        self.coupons[code] = replace(before, version=before.version + 1, terms=terms)
        return self.coupons[code]

    @_atomic
    def delete_coupon(self, code: str) -> None:
        before = self.coupons.pop(code)
        self.deleted_coupons[code] = replace(before, version=before.version + 1)

    @_atomic
    def put_shipping(self, shipping: Shipping) -> None:
        self.shipping = shipping

    @_atomic
    def put_taxes(self, taxes: Taxes) -> None:
        self.taxes = taxes

    def _use_coupon(self, read: Coupon, used: UsedCoupon, currency: str) -> None:
        found = self.coupons.get(read.code)
        if found is None or found.version != read.version:
            raise CouponSpent
        terms, given = found.terms, found.discount_given.get(currency, 0) + used.amount
        if terms.max_uses is not None and found.times_used >= terms.max_uses:
            raise CouponSpent
        if terms.max_discount is not None and given > terms.max_discount:
            raise CouponSpent
        self.coupons[read.code] = replace(
            found,
            times_used=found.times_used + 1,
            discount_given=found.discount_given | {currency: given},
        )

    def _count_coupon(self, change: OrderChange) -> None:
        used = change.order.coupon
        found = self.coupons.get(used.code) if used else None
        if used is None or found is None:
            return
        given = found.discount_given.get(change.order.currency, 0) + change.coupon_uses * used.amount
        self.coupons[used.code] = replace(
            found,
            times_used=found.times_used + change.coupon_uses,
            discount_given=found.discount_given | {change.order.currency: given},
        )

    # StockStore

    @_atomic
    def get_stock(self, skus: Iterable[str]) -> dict[str, int]:
        return {sku: self._stock(sku).available for sku in skus if sku in self.stock}

    @_atomic
    def get_stock_rows(self, skus: Iterable[str]) -> dict[str, Stock]:
        return {sku: self._stock(sku) for sku in skus if sku in self.stock}

    def _stock(self, sku: str) -> Stock:
        return Stock(
            sku=sku,
            rows={name: self.stock[name] for name in self._rows(sku) if name in self.stock},
            low_at=self.low_at.get(sku),
            low_since=self.low_since.get(sku),
        )

    def _rows(self, sku: str) -> list[str]:
        return [row_name(sku, shard) for shard in range(self.shards.get(sku, 1))]

    @_atomic
    def get_products_and_stock(self, skus: Iterable[str]) -> tuple[dict[str, Product], dict[str, int]]:
        wanted = list(skus)
        return self.get_products(wanted), self.get_stock(wanted)

    @_atomic
    def set_stock(
        self, sku: str, available: int, *, shards: int = 1, low_at: int | UnsetType | None = UNSET
    ) -> None:
        shares = shared_out(sku, available, shards=shards, rows=self.shards.get(sku, 1))
        self.stock |= shares
        self.shards[sku] = len(shares)
        if low_at is None:
            self.low_at.pop(sku, None)
            self.low_since.pop(sku, None)
        elif low_at is not UNSET:
            self.low_at[sku] = low_at

    @_atomic
    def adjust_stock(self, sku: str, by: int, *, key: str, now: datetime) -> Stock | None:
        known = self.adjustments.get((sku, key))
        if known is not None and known != by:
            raise KeyReused("The key has been used for another adjustment.")
        if sku not in self.stock:
            return None
        if known is None:
            changes = adjustment(self._stock(sku).rows, by)
            if changes is None:
                raise StockShort
            for name, change in changes.items():
                self.stock[name] += change
            self.adjustments[sku, key] = by
        return self._stock(sku)

    @_atomic
    def begin_low(self, stock: Stock, *, event: Event) -> None:
        _require(stock.sku in self.stock)
        there = self._stock(stock.sku)
        _require((there.rows[stock.sku], there.low_at) == (stock.rows[stock.sku], stock.low_at))
        _require(there.low_since is None)
        _require(event.id not in self.events)
        self.low_since[stock.sku] = event.created_at
        self.events[event.id] = event

    @_atomic
    def end_low(self, sku: str, *, since: datetime) -> None:
        if self.low_since.get(sku) == since:
            del self.low_since[sku]

    # OrderStore

    @_atomic
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
        there = self._require_open(order, cart, most_per_cart=most_per_cart)
        if replaces:
            self._check(replaces)
        if tally is not None:
            self._require_room(tally)
        self._take(order, coupon, replaces)
        if tally is not None:
            self._count(tally)
        if replaces:
            self._write_change(replaces)
        self.carts[cart.id] = replace(
            there,
            order_id=order.id,
            checkouts=there.checkouts + 1,
            coupon_counted=order.coupon is not None,
        )
        self.orders[order.id] = order
        self.persons[order.id] = person_id(order.contact.email)
        if paid:
            self._tell(paid)

    def _require_open(self, order: Order, cart: Cart, *, most_per_cart: int) -> Cart:
        """The cart as it is, if it can become this order."""
        if order.id in self.orders:
            raise AlreadyPlaced
        there = self.carts.get(cart.id)
        if there is None or there.version != cart.version:
            raise Moved
        if 0 < most_per_cart <= there.checkouts:
            raise CartSpent
        return there

    def _take(self, order: Order, coupon: Coupon | None, replaces: OrderChange | None) -> None:
        """The order's coupon and stock, in place of those of the order that it replaces; both or none."""
        stock = Counter(replaces.stock if replaces else {})
        stock.subtract(order.reserved)
        before = dict(self.coupons)
        if replaces:
            self._count_coupon(replaces)
        try:
            if coupon is not None and order.coupon is not None:
                self._use_coupon(coupon, order.coupon, order.currency)
            self._move(stock)
        except (CouponSpent, StockShort):
            self.coupons = before
            raise

    @_atomic
    def get_order(self, order_id: str) -> OrderStory | None:
        order = self.orders.get(order_id)
        if order is None:
            return None
        if not order.payment.reference and order_id in self.references:
            provider, reference = self.references[order_id]
            payment = replace(order.payment, provider=provider, reference=reference)
            order = replace(order, payment=payment)
        entries = [placing(order), *self.ledgers.get(order_id, {}).values()]
        return OrderStory(
            order=order,
            ledger=sorted(entries, key=lambda entry: (entry.at, entry.key != "placed", entry.key)),
            refunds=sorted(
                self.refunds.get(order_id, {}).values(), key=lambda found: (found.created_at, found.id)
            ),
            fulfilments=sorted(
                self.fulfilments.get(order_id, {}).values(), key=lambda found: (found.created_at, found.id)
            ),
        )

    @_atomic
    def find_order_id(self, *, provider: str, reference: str) -> str | None:
        wanted = (provider, reference)
        return next((order_id for order_id, known in self.references.items() if known == wanted), None)

    @_atomic
    def save_reference(self, order_id: str, *, provider: str, reference: str) -> None:
        self.references[order_id] = (provider, reference)

    @_atomic
    def save_order(self, order: Order) -> None:
        self._check_version(order)
        self.orders[order.id] = order

    @_atomic
    def forget_person(self, order_id: str) -> None:
        self.persons[order_id] = ""
        order = self.orders[order_id]
        if order.computed_for is not None:
            place = replace(order.computed_for, postal_code="")
            self.orders[order_id] = replace(order, computed_for=place)

    @_atomic
    def list_orders_of_person(self, person: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        return self._listed(
            (order for order in self.orders.values() if self.persons[order.id] == person),
            limit=limit,
            cursor=cursor,
        )

    def _listed(self, orders: Iterable[Order], *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        rows = [
            (f"{order.created_at.isoformat()}#{order.id}", _same_fields(order, OrderSummary, order.status))
            for order in orders
        ]
        return _page(sorted(rows, reverse=True), limit=limit, cursor=cursor, newest_first=True)

    @_atomic
    def commit(self, change: OrderChange) -> None:
        self._check(change)
        self._move(change.stock)
        self._count_coupon(change)
        self._write_change(change)

    def _check_version(self, order: Order) -> None:
        _require(order.id in self.orders and self.orders[order.id].version == order.version - 1)

    def _check(self, change: OrderChange) -> None:
        self._check_version(change.order)
        _require(change.entry.key not in self.ledgers.get(change.order.id, {}))
        _require(change.event is None or change.event.id not in self.events)

    def _move(self, stock: Mapping[str, int]) -> None:
        if any(self.stock.get(name, 0) + pieces < 0 for name, pieces in stock.items() if pieces < 0):
            raise StockShort
        for name, pieces in stock.items():
            if pieces:
                self.stock[name] = self.stock.get(name, 0) + pieces

    def _write_change(self, change: OrderChange) -> None:
        self.orders[change.order.id] = change.order
        if change.relists:
            self.persons[change.order.id] = person_id(change.order.contact.email)
        self._tell(change)

    def _tell(self, change: OrderChange) -> None:
        order_id = change.order.id
        self.ledgers.setdefault(order_id, {})[change.entry.key] = change.entry
        if change.event is not None:
            self.events[change.event.id] = change.event
        if change.refund is not None:
            self.refunds.setdefault(order_id, {})[change.refund.id] = change.refund
        if change.fulfilment is not None:
            self.fulfilments.setdefault(order_id, {})[change.fulfilment.id] = change.fulfilment

    @_atomic
    def list_due(self, now: datetime, *, limit: int, cursor: str | None) -> Page[OrderAge]:
        rows = [
            (
                f"{order.check_at.isoformat()}#{order.id}",
                OrderAge(order_id=order.id, since=order.check_at),
            )
            for order in self.orders.values()
            if order.check_at is not None and order.check_at <= now
        ]
        return _page(sorted(rows), limit=limit, cursor=cursor)

    @_atomic
    def list_in_review(self, *, limit: int, cursor: str | None) -> Page[OrderAge]:
        rows = [
            (
                f"{order.open_review.since.isoformat()}#{order.id}",
                OrderAge(order_id=order.id, since=order.open_review.since),
            )
            for order in self.orders.values()
            if order.open_review is not None and order.check_at is None
        ]
        return _page(sorted(rows), limit=limit, cursor=cursor)

    @_atomic
    def restore_order(self, story: OrderStory) -> None:
        order = story.order
        if order.id in self.orders:
            raise AlreadyPlaced
        self.orders[order.id] = order
        self.persons[order.id] = person_id(order.contact.email)
        entries = [entry for entry in story.ledger if entry != placing(order)]
        self.ledgers[order.id] = {entry.key: entry for entry in entries}
        self.refunds[order.id] = {refund.id: refund for refund in story.refunds}
        self.fulfilments[order.id] = {fulfilment.id: fulfilment for fulfilment in story.fulfilments}
        if order.payment.reference:
            self.references[order.id] = (order.payment.provider, order.payment.reference)

    @_atomic
    def list_orders(self, month: str, *, limit: int, cursor: str | None) -> Page[OrderSummary]:
        return self._listed(
            (order for order in self.orders.values() if f"{order.created_at:%Y-%m}" == month),
            limit=limit,
            cursor=cursor,
        )

    # Bookkeeping

    def get_sweep(self) -> SweepReport | None:
        return self.last_sweep

    def put_sweep(self, report: SweepReport) -> None:
        self.last_sweep = report

    def get_reconciliation(self) -> Reconciliation | None:
        return self.reconciliation

    @_atomic
    def save_reconciliation(self, state: Reconciliation) -> None:
        _require((self.reconciliation.version if self.reconciliation else 0) == state.version - 1)
        self.reconciliation = state

    def get_acknowledgements(self) -> Acknowledgements | None:
        return self.acknowledgements

    @_atomic
    def save_acknowledgements(self, state: Acknowledgements) -> None:
        _require((self.acknowledgements.version if self.acknowledgements else 0) == state.version - 1)
        self.acknowledgements = state

    # EventStore

    @_atomic
    def get_event(self, event_id: str) -> Event | None:
        return self.events.get(event_id)

    @_atomic
    def get_events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        return {event_id: self.events[event_id] for event_id in event_ids if event_id in self.events}

    @_atomic
    def put_event(self, event: Event) -> None:
        self.events.setdefault(event.id, event)

    @_atomic
    def rewrite_event(self, event: Event) -> None:
        self.events[event.id] = event

    @_atomic
    def list_events(
        self, *, since: datetime, until: datetime, position: str, limit: int, newest_first: bool = False
    ) -> tuple[list[EventSummary], str | None]:
        rows = [
            (f"{event.created_at.isoformat()}#{event.id}", _same_fields(event, EventSummary))
            for event in self.events.values()
            if since <= event.created_at < until and not event.only_to
        ]
        page = _page(
            sorted(rows, reverse=newest_first),
            limit=limit,
            cursor=position or None,
            newest_first=newest_first,
        )
        return page.items, page.cursor

    @_atomic
    def record_fan_out(self, event_id: str, endpoint_ids: Sequence[str], *, now: datetime) -> list[str]:
        return self.fan_outs.setdefault(event_id, list(endpoint_ids))

    @_atomic
    def get_fan_outs(self, event_ids: Iterable[str]) -> dict[str, list[str]]:
        return {event_id: self.fan_outs[event_id] for event_id in event_ids if event_id in self.fan_outs}

    # DeliveryStore

    @_atomic
    def get_delivery(self, event_id: str, endpoint_id: str) -> Delivery | None:
        return self.deliveries.get((event_id, endpoint_id))

    @_atomic
    def get_deliveries(self, event_ids: Iterable[str], endpoint_id: str) -> dict[str, Delivery]:
        found = {event_id: self.deliveries.get((event_id, endpoint_id)) for event_id in event_ids}
        return {event_id: delivery for event_id, delivery in found.items() if delivery is not None}

    @_atomic
    def save_delivery(self, delivery: Delivery, *, event: Event | None = None) -> None:
        self._write(delivery, event)

    def _write(self, delivery: Delivery, event: Event | None = None) -> None:
        key = delivery.event_id, delivery.endpoint_id
        found = self.deliveries.get(key)
        _require((found.version if found else 0) == delivery.version - 1)
        _require(event is None or event.id not in self.events)
        self.deliveries[key] = delivery
        if event is not None:
            self.events[event.id] = event

    @_atomic
    def hold_delivery(self, delivery: Delivery, *, endpoint: Endpoint) -> None:
        there = self.endpoints.get(endpoint.id)
        _require(there is not None and there.epoch == endpoint.epoch)
        self._write(delivery)
        place = place_in_line(delivery, epoch=endpoint.epoch)
        self.line[_place(place)] = place

    @_atomic
    def next_held(self, endpoint_id: str, *, before_epoch: int | None, limit: int) -> list[HeldDelivery]:
        places = [
            place
            for _, place in sorted(self.line.items())
            if place.endpoint_id == endpoint_id and (before_epoch is None or place.epoch < before_epoch)
        ]
        return places[:limit]

    @_atomic
    def leave_line(self, places: Sequence[HeldDelivery]) -> None:
        for place in places:
            self.line.pop(_place(place), None)

    @_atomic
    def list_of_event(self, event_id: str) -> list[Delivery]:
        return [found for key, found in sorted(self.deliveries.items()) if key[0] == event_id]

    @_atomic
    def list_of_endpoint(
        self, endpoint_id: str, *, status: DeliveryStatus | None, limit: int, cursor: str | None
    ) -> Page[DeliverySummary]:
        rows = [
            (f"{found.created_at.isoformat()}#{found.event_id}", _same_fields(found, DeliverySummary))
            for found in self.deliveries.values()
            if found.endpoint_id == endpoint_id and status in {None, found.status}
        ]
        return _page(sorted(rows, reverse=True), limit=limit, cursor=cursor, newest_first=True)

    # JobStore

    @_atomic
    def get_job(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)

    @_atomic
    def create_job(self, job: Job) -> Job:
        return self.jobs.setdefault(job.id, job)

    @_atomic
    def save_job(self, job: Job, *, page: int) -> None:
        _require(job.id in self.jobs and self.jobs[job.id].page == page)
        self.jobs[job.id] = job

    # HealthStore

    @_atomic
    def get_health(self, endpoint_id: str) -> Health:
        return self.health.get(endpoint_id, Health())

    @_atomic
    def put_health(self, endpoint_id: str, health: Health) -> None:
        self.health[endpoint_id] = health

    @_atomic
    def add_failure(self, endpoint_id: str, *, at_first: bool, prompt: bool, now: datetime) -> Health:
        known = self.get_health(endpoint_id)
        self.health[endpoint_id] = failed(known, at_first=at_first, prompt=prompt, now=now)
        return self.health[endpoint_id]

    @_atomic
    def list_watched(self) -> list[tuple[Endpoint, Health]]:
        return [(endpoint, self.get_health(endpoint.id)) for endpoint in self.list_endpoints()]

    # EndpointReader: a world is never out of date

    def learn(self, endpoint_id: str, health: Health) -> None: ...

    def expire(self) -> None: ...

    # EndpointStore, SecretStore, KeyStore

    @_atomic
    def list_endpoints(self) -> list[Endpoint]:
        return [endpoint for _, endpoint in sorted(self.endpoints.items())]

    @_atomic
    def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        return self.endpoints.get(endpoint_id)

    @_atomic
    def create_endpoint(self, endpoint: Endpoint) -> None:
        self.endpoints[endpoint.id] = endpoint

    @_atomic
    def replace_endpoint(
        self,
        endpoint: Endpoint,
        *,
        job: Job | None = None,
        event: Event | None = None,
        fresh_start: bool = False,
    ) -> None:
        found = self.endpoints.get(endpoint.id)
        _require(found is not None and found.version == endpoint.version - 1)
        _require(job is None or job.id not in self.jobs)
        _require(event is None or event.id not in self.events)
        self.endpoints[endpoint.id] = endpoint
        if fresh_start:
            self.health.pop(endpoint.id, None)
        if job is not None:
            self.jobs[job.id] = job
        if event is not None:
            self.events[event.id] = event

    @_atomic
    def delete_endpoint(self, endpoint_id: str) -> bool:
        self.health.pop(endpoint_id, None)
        return self.endpoints.pop(endpoint_id, None) is not None

    @_atomic
    def put_secrets(self, endpoint_id: str, secrets: EndpointSecrets) -> int:
        versions = self.secrets.setdefault(endpoint_id, [])
        versions.append(secrets)
        return len(versions)

    @_atomic
    def get_secrets(self, endpoint_id: str, version: int) -> EndpointSecrets:
        return self.secrets[endpoint_id][version - 1]

    @_atomic
    def delete_secrets(self, endpoint_id: str) -> None:
        self.secrets.pop(endpoint_id, None)

    @_atomic
    def get_key(self, key_id: str) -> AdminKey | None:
        return self.keys.get(key_id)

    @_atomic
    def put_key(self, key: AdminKey) -> None:
        self.keys[key.id] = key

    @_atomic
    def list_keys(self) -> list[AdminKey]:
        return [key for _, key in sorted(self.keys.items())]


def _counter(tally: Tally) -> tuple[str, str, datetime]:
    return tally.what, tally.visitor, tally.ends_at


def _place(place: HeldDelivery) -> tuple[str, int, datetime, str, int]:
    """What the line goes by."""
    return place.endpoint_id, place.epoch, place.created_at, place.event_id, place.version


def _require(condition: object) -> None:
    if not condition:
        raise Moved


def _same_fields(record: Struct, kind: type[Kind], status: str = "") -> Kind:
    """The summary of a record; what it has more is left out."""
    fields = msgspec.to_builtins(record) | ({"status": status} if status else {})
    return msgspec.convert(fields, kind)


_BEHIND = "behind:"


def _page(
    rows: Sequence[tuple[str, Item]], *, limit: int, cursor: str | None, newest_first: bool = False
) -> Page[Item]:
    """Those rows that sort behind the cursor's; a full page never knows that it is the last."""
    if cursor is not None:
        prefix, _, last = cursor.partition(_BEHIND)
        if prefix or not last:
            raise InvalidCursor("That cursor is not one of this list's.")
        rows = [row for row in rows if (row[0] < last if newest_first else row[0] > last)]
    shown = rows[:limit]
    return Page([item for _, item in shown], f"{_BEHIND}{shown[-1][0]}" if len(shown) == limit else None)
