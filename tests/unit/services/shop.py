"""A shop in memory, with what a test of a use case does before the thing it is about."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.adapters.jmespath import JmesPath
from chalicelib.domain.catalog import Product
from chalicelib.domain.deliveries import Delivery
from chalicelib.domain.destinations import Destination
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Alert, Errand, JobPage, Message
from chalicelib.domain.events import Event
from chalicelib.domain.identifiers import Entropy
from chalicelib.domain.jobs import Job
from chalicelib.domain.limits import Limits
from chalicelib.domain.orders import Contact, Fulfilment, Order, Refund
from chalicelib.domain.payments import FactKind
from chalicelib.domain.refunds import WantedRefund, refund_id_for
from chalicelib.domain.totals import PricedCart
from chalicelib.ports import EndpointReader, Fact, OrderStory
from chalicelib.services import (
    attempts,
    carts,
    checkout,
    fulfilments,
    housekeeping,
    payments,
    placing,
    refunds,
    reviews,
)
from chalicelib.services.checkout import Checkout
from chalicelib.services.jobs import do_page, start_job
from chalicelib.services.outbound import Outbound
from chalicelib.services.relay import fan_out
from tests.fakes import NOW, FakeClock, FakeEntropy, FakeProvider, FakeQueue, FakeSender, FakeSlots, World
from tests.making import ADA, a_fact, a_product, an_id, signing_secrets

MUG = a_product("mug", amount=1200)
TEA = a_product("tea", amount=700, tracked=True, name="Tea")


def no_jitter(size: int) -> bytes:
    """Bytes from the very middle, so that delays are those of the policy."""
    return b"\x80" + bytes(size - 1)


class Shop:
    """Sells mugs without end, and three packets of tea."""

    def __init__(self) -> None:
        self.world = World()
        self.provider = FakeProvider()
        self.queue = FakeQueue()
        self.slots = FakeSlots()
        self.started: set[str] = set()
        self.expressions = JmesPath()
        self.clock = FakeClock()
        self.entropy = FakeEntropy()
        self.limits = Limits(carts_per_address=0, orders_per_address=0, orders_per_cart=0)
        self.visitor = an_id("vis")
        self.world.put_products([MUG, TEA])
        self.world.set_stock("tea", 3)

    def cart(self, *skus: str, now: datetime = NOW) -> PricedCart:
        """A new cart with one of each."""
        cart_id = carts.create_cart(
            self.visitor,
            carts=self.world,
            counters=self.world,
            limits=self.limits,
            entropy=self.entropy,
            now=now,
        ).id
        for sku in skus:
            self.set_quantity(cart_id, sku, 1, now=now)
        return self.read_cart(cart_id, now=now)

    def set_quantity(self, cart_id: str, sku: str, quantity: int, *, now: datetime = NOW) -> PricedCart:
        return carts.set_quantity(
            cart_id,
            sku,
            quantity,
            carts=self.world,
            prices=self.world,
            ask_tax=self.provider.ask_tax,
            now=now,
        )

    def remove_item(self, cart_id: str, sku: str, *, now: datetime = NOW) -> PricedCart:
        return carts.remove_item(
            cart_id, sku, carts=self.world, prices=self.world, ask_tax=self.provider.ask_tax, now=now
        )

    def read_cart(self, cart_id: str, *, now: datetime = NOW) -> PricedCart:
        return carts.read_cart(
            cart_id, carts=self.world, prices=self.world, ask_tax=self.provider.ask_tax, now=now
        )

    def set_coupon(self, cart_id: str, code: str, *, now: datetime = NOW) -> PricedCart:
        return carts.set_coupon(
            cart_id, code, carts=self.world, prices=self.world, ask_tax=self.provider.ask_tax, now=now
        )

    def remove_coupon(self, cart_id: str, *, now: datetime = NOW) -> PricedCart:
        return carts.remove_coupon(
            cart_id, carts=self.world, prices=self.world, ask_tax=self.provider.ask_tax, now=now
        )

    def send_to(self, cart_id: str, country: str, state: str = "", *, now: datetime = NOW) -> PricedCart:
        return carts.set_destination(
            cart_id,
            Destination(country=country, state=state),
            carts=self.world,
            prices=self.world,
            ask_tax=self.provider.ask_tax,
            now=now,
        )

    def sell(self, product: Product) -> None:
        self.world.put_products([product])

    def check_out(self, cart_id: str, *, total: int, contact: Contact = ADA, now: datetime = NOW) -> Checkout:
        wish = placing.Wish(contact=contact, expected_total=total, visitor=self.visitor)
        shop = placing.Shop(
            carts=self.world,
            prices=self.world,
            stock=self.world,
            orders=self.world,
            provider=self.provider,
            limits=self.limits,
        )
        return checkout.check_out(cart_id, wish, shop=shop, now=now)

    def order(self, *skus: str) -> Order:
        """A pending order of one of each, whose payment has begun."""
        cart = self.cart(*(skus or ("mug",)))
        return self.check_out(cart.id, total=cart.amount).order

    def paid(self, *skus: str) -> Order:
        """An order of one of each, paid."""
        order = self.order(*skus)
        self.provider.states[f"pay_{order.id}"] = "succeeded"
        return self.tell(order, "succeeded", key="paid")

    def paid_late(self, *skus: str) -> Order:
        """An order of one of each, paid when it had been canceled."""
        order = self.order(*skus)
        self.tell(order, "canceled", key="canceled")
        self.provider.states[f"pay_{order.id}"] = "succeeded"
        return self.tell(order, "succeeded", key="paid")

    def story(self, order_id: str) -> OrderStory:
        story = self.world.get_order(order_id)
        assert story is not None
        return story

    def stored(self, order_id: str) -> Order:
        return self.story(order_id).order

    def told(self) -> Counter[str]:
        """How often the world heard of what."""
        return Counter(event.type for event in self.world.events.values())

    def refund(
        self,
        order: Order,
        amount: int | None = None,
        *,
        lines: dict[str, int] | None = None,
        restock: bool = False,
        reason: str = "",
        key: str = "key",
        now: datetime = NOW,
    ) -> Refund:
        """The refund of this key, as it is once it was asked for."""
        wanted = WantedRefund(amount=amount, lines=lines or {}, restock=restock, reason=reason)
        story = refunds.refund_order(
            order.id, wanted, key=key, by="owner", orders=self.world, provider=self.provider, now=now
        )
        wanted_id = refund_id_for(order, key)
        return next(refund for refund in story.refunds if refund.id == wanted_id)

    def fulfil(self, order: Order, *, key: str = "parcel", now: datetime = NOW, **lines: int) -> OrderStory:
        parcel = Fulfilment(id="", lines=lines, created_at=now, by="owner")
        return fulfilments.fulfil_order(order.id, parcel, key=key, orders=self.world, now=now)

    def accept(self, order: Order, *, now: datetime = NOW) -> Order:
        return reviews.accept_order(order.id, by="owner", orders=self.world, stock=self.world, now=now).order

    def keeper(self) -> housekeeping.Shop:
        return housekeeping.Shop(
            orders=self.world, stock=self.world, catalog=self.world, provider=self.provider
        )

    def settle(self, order: Order, *, now: datetime) -> Order:
        """The order, when housekeeping has looked at it."""
        housekeeping.settle(order.id, shop=self.keeper(), now=now)
        return self.stored(order.id)

    def record(self, fact: Fact, *, now: datetime = NOW) -> Order:
        return payments.record(fact, orders=self.world, now=now)

    def tell(self, order: Order, kind: FactKind, *, key: str) -> Order:
        """What the provider says of the order's payment."""
        return self.record(a_fact(order, kind, key=key))

    def hook(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with a secret, in the store."""
        version = self.world.put_secrets(
            endpoint.id, signing_secrets("whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
        )
        endpoint = replace(endpoint, secret_version=version)
        self.world.create_endpoint(endpoint)
        return endpoint

    def happened(self, event: Event) -> Event:
        self.world.events[event.id] = event
        return event

    def outbound(
        self,
        sender: FakeSender,
        *,
        entropy: Entropy = no_jitter,
        endpoints: EndpointReader | None = None,
    ) -> Outbound:
        return Outbound(
            endpoints=endpoints or self.world,
            endpoint_store=self.world,
            health=self.world,
            secrets=self.world,
            events=self.world,
            deliveries=self.world,
            orders=self.world,
            jobs=self.world,
            queue=self.queue,
            slots=self.slots,
            sender=sender,
            expressions=self.expressions,
            clock=self.clock,
            entropy=entropy,
            pause=lambda seconds: self.clock.advance(timedelta(seconds=seconds)),
        )

    def attempt(
        self,
        message: Message,
        sender: FakeSender,
        *,
        express: bool = False,
        seen_before: bool = False,
        entropy: Entropy = no_jitter,
        endpoints: EndpointReader | None = None,
    ) -> Delivery | None:
        out = self.outbound(sender, entropy=entropy, endpoints=endpoints)
        return attempts.deliver(message, express=express, seen_before=seen_before, out=out)

    def relay(self, *events: Event, alerts: bool = False) -> None:
        """What the relay does with these rows."""
        for event in events:
            fan_out(
                event,
                self.world.list_watched(),
                events=self.world,
                queue=self.queue,
                expressions=self.expressions,
                alerts=alerts,
                now=self.clock.now,
            )

    def start(self, job: Job) -> None:
        start_job(job, queue=self.queue, now=self.clock.now)

    def do(self, errand: Errand, sender: FakeSender, *, seen_before: bool = False) -> None:
        """What the worker does with an errand."""
        if isinstance(errand, JobPage):
            do_page(errand, seen_before=seen_before, out=self.outbound(sender))
        elif not isinstance(errand, Alert):
            self.attempt(errand, sender, seen_before=seen_before)

    def run(self, sender: FakeSender, *, within: timedelta = timedelta(days=30), most: int = 2000) -> int:
        """Do errands as their time comes, beginning jobs as the stream would, until nothing waits.

        One whose work crashed comes again, as SQS brings it. How many errands were done.
        """
        ends = self.clock.now + within
        rounds = 0
        while True:
            for job in list(self.world.jobs.values()):
                if job.id not in self.started:
                    self.start(job)
                    self.started.add(job.id)
            if not self.queue.waiting or self.clock.now + min(self.queue.delays()) > ends:
                return rounds
            errand, delay = self.queue.take()
            rounds += 1
            assert rounds < most, "work that never comes to rest"
            self.clock.advance(delay + timedelta(milliseconds=1))
            self._do_until_done(errand, sender)

    def run_with_stream_retries(self, sender: FakeSender, *, within: timedelta = timedelta(days=30)) -> None:
        """As above; what crashes while a job begins is begun again, as the stream does."""
        while True:
            try:
                self.run(sender, within=within)
            except OSError:
                continue
            return

    def _do_until_done(self, errand: Errand, sender: FakeSender) -> None:
        seen_before = False
        while True:
            try:
                self.do(errand, sender, seen_before=seen_before)
            except OSError:
                seen_before = True
            else:
                return
