"""Records for tests: each with everything it needs, and what a test is about as its arguments."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.domain import carts as cart_rules
from chalicelib.domain import orders as order_rules
from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import Product
from chalicelib.domain.deliveries import Delivery, record
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Message
from chalicelib.domain.events import Event, announce
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.identifiers import derived_id
from chalicelib.domain.jobs import Job, JobKind, job_id
from chalicelib.domain.orders import Contact, FactKind, Order, PaymentFact
from chalicelib.domain.retries import decide
from chalicelib.domain.signing import EndpointSecrets, SigningSecret
from chalicelib.domain.stock import Glimpse, Stock
from tests.fakes import NOW

THE_PUBLIC, LOOPBACK = EndpointPolicy("public"), EndpointPolicy("loopback")
ADA = Contact(email="ada@example.com", name="Ada Lovelace")
SHOP = "test"


def an_id(prefix: str, seed: object = 0) -> str:
    return derived_id(prefix, "test", seed)


def a_product(
    sku: str = "mug",
    *,
    amount: int = 1200,
    currency: str = "eur",
    tracked: bool = False,
    name: str = "A mug",
    shards: int = 1,
) -> Product:
    stock = "tracked" if tracked else "unlimited"
    return Product(
        sku=sku,
        name=name,
        amount=amount,
        currency=currency,
        stock=stock,  # type: ignore[arg-type]
        stock_shards=shards,
    )


def glimpses(stock: Stock) -> list[Glimpse]:
    """Its rows as the stream carries them; the first one alone knows of the threshold."""
    return [
        Glimpse(
            sku=stock.sku,
            alone=len(stock.rows) == 1,
            available=available,
            low_at=stock.low_at if name == stock.sku else None,
            low_since=stock.low_since if name == stock.sku else None,
        )
        for name, available in stock.rows.items()
    ]


def a_cart(*products: Product, seed: object = 0, quantity: int = 1, now: datetime = NOW) -> Cart:
    cart = cart_rules.new_cart(an_id("cart", seed), now=now)
    for product in products:
        cart = cart_rules.with_quantity(cart, product, quantity, now=now)
    return cart


def an_order(
    *products: Product, seed: object = 0, quantity: int = 1, contact: Contact = ADA, now: datetime = NOW
) -> Order:
    """A pending order, of one mug if nothing else is said."""
    wanted = products or (a_product(),)
    cart = a_cart(*wanted, seed=seed, quantity=quantity, now=now)
    priced = cart_rules.price(cart, {product.sku: product for product in wanted})
    return order_rules.place(cart, priced, contact, livemode=False, now=now)


def a_fact(
    order: Order,
    kind: FactKind = "succeeded",
    *,
    key: str = "notice_1",
    about: str = "",
    occurred_at: datetime = NOW,
) -> PaymentFact:
    """A notice of the fake provider's that agrees with the order."""
    return PaymentFact(
        provider="fake",
        key=key,
        kind=kind,
        reference=f"pay_{order.id}",
        object_id=about or (f"charge_{key}" if kind == "failed" else f"pay_{order.id}"),
        order_id=order.id,
        shop=SHOP,
        amount=order.amount,
        currency=order.currency,
        livemode=order.livemode,
        occurred_at=occurred_at,
        failure="card_declined" if kind == "failed" else "",
    )


def an_endpoint(
    seed: object = 0, *, url: str = "https://hooks.example.com/till", events: tuple[str, ...] = ("*",)
) -> Endpoint:
    return Endpoint(
        id=an_id("ep", seed),
        version=1,
        url=url,
        events=list(events),
        description="a test's",
        enabled=True,
        secret_version=1,
        created_at=NOW,
        updated_at=NOW,
    )


def an_event(
    seed: object = 0,
    *,
    order_id: str = "",
    data: str = "",
    now: datetime = NOW,
    event_type: str = "order.paid",
    only_to: str = "",
    not_to: str = "",
) -> Event:
    return announce(
        event_type,
        order_id=order_id or an_id("ord", seed),
        about=f"pay_{seed}",
        data={"note": data},
        now=now,
        only_to=only_to,
        not_to=not_to,
    )


def a_job(kind: JobKind, endpoint: Endpoint, seed: object = 0, *, now: datetime = NOW) -> Job:
    return Job(
        id=job_id(kind, endpoint.id, seed),
        kind=kind,
        endpoint_id=endpoint.id,
        created_at=now,
        updated_at=now,
    )


def a_message(event: Event, endpoint: Endpoint, *, attempt: int = 1, inline: bool = True) -> Message:
    return Message(
        event_id=event.id,
        event_type=event.type,
        order_id=event.order_id,
        endpoint_id=endpoint.id,
        attempt=attempt,
        payload=event.payload if inline else None,
    )


def a_delivery(event: Event, endpoint: Endpoint, *statuses: int | None, now: datetime = NOW) -> Delivery:
    """After one attempt for each of `statuses`, a second apart."""
    delivery = None
    for number, status in enumerate(statuses or (200,), start=1):
        at = now + timedelta(seconds=number - 1)
        reply = Reply(duration_ms=12, status=status, error="" if status else "nobody answered")
        decision = decide(status=status, attempt=number)
        message = a_message(event, endpoint, attempt=number)
        delivery = record(delivery, message, reply, decision, at=at, now=at)
    assert delivery is not None
    return delivery


def with_event_types(endpoint: Endpoint, *types: str) -> Endpoint:
    return replace(endpoint, events=list(types))


def signing_secrets(*secrets: str) -> EndpointSecrets:
    """The first is the current one; the others were replaced, and count for another day."""
    current, *before = (SigningSecret(secret=secret) for secret in secrets)
    return EndpointSecrets([current, *(replace(held, until=NOW + timedelta(days=1)) for held in before)])
