"""A shop in memory, with what a test of a use case does before the thing it is about."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from chalicelib.domain.carts import PricedCart
from chalicelib.domain.catalog import Product
from chalicelib.domain.deliveries import Delivery, Message
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.events import Event
from chalicelib.domain.identifiers import Entropy
from chalicelib.domain.orders import Contact, FactKind, Order, PaymentFact
from chalicelib.ports import EndpointReader
from chalicelib.services import carts, checkout, deliveries, payments
from chalicelib.services.checkout import Checkout
from tests.fakes import NOW, FakeClock, FakeEntropy, FakeProvider, FakeQueue, FakeSender, World
from tests.making import ADA, a_fact, a_product, signing_secrets

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
        self.clock = FakeClock()
        self.entropy = FakeEntropy()
        self.world.put_products([MUG, TEA])
        self.world.set_stock("tea", 3)

    def cart(self, *skus: str, now: datetime = NOW) -> PricedCart:
        """A new cart with one of each."""
        cart = carts.create_cart(carts=self.world, entropy=self.entropy, now=now)
        for sku in skus:
            cart = self.set_quantity(cart.id, sku, 1, now=now)
        return cart

    def set_quantity(self, cart_id: str, sku: str, quantity: int, *, now: datetime = NOW) -> PricedCart:
        return carts.set_quantity(cart_id, sku, quantity, carts=self.world, catalog=self.world, now=now)

    def remove_item(self, cart_id: str, sku: str, *, now: datetime = NOW) -> PricedCart:
        return carts.remove_item(cart_id, sku, carts=self.world, catalog=self.world, now=now)

    def read_cart(self, cart_id: str, *, now: datetime = NOW) -> PricedCart:
        return carts.read_cart(cart_id, carts=self.world, catalog=self.world, now=now)

    def sell(self, product: Product) -> None:
        self.world.put_products([product])

    def check_out(self, cart_id: str, *, total: int, contact: Contact = ADA, now: datetime = NOW) -> Checkout:
        return checkout.check_out(
            cart_id,
            contact,
            expected_total=total,
            carts=self.world,
            catalog=self.world,
            stock=self.world,
            orders=self.world,
            provider=self.provider,
            now=now,
        )

    def order(self, *skus: str) -> Order:
        """A pending order of one of each, whose payment has begun."""
        cart = self.cart(*(skus or ("mug",)))
        return self.check_out(cart.id, total=cart.amount).order

    def stored(self, order_id: str) -> Order:
        story = self.world.get_order(order_id)
        assert story is not None
        return story.order

    def record(self, fact: PaymentFact, *, now: datetime = NOW) -> Order:
        return payments.record_payment(fact, orders=self.world, now=now)

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

    def attempt(
        self,
        message: Message,
        sender: FakeSender,
        *,
        seen_before: bool = False,
        entropy: Entropy = no_jitter,
        endpoints: EndpointReader | None = None,
    ) -> Delivery | None:
        return deliveries.attempt(
            message,
            seen_before=seen_before,
            endpoints=endpoints or self.world,
            endpoint_store=self.world,
            secrets=self.world,
            events=self.world,
            deliveries=self.world,
            queue=self.queue,
            sender=sender,
            clock=self.clock,
            entropy=entropy,
        )
