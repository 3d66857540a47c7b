"""Records for tests: each with everything it needs, and what a test is about as its arguments."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.domain import carts as cart_rules
from chalicelib.domain import orders as order_rules
from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import Product
from chalicelib.domain.coupons import Coupon, CouponTerms
from chalicelib.domain.deliveries import Delivery, record
from chalicelib.domain.destinations import Destination
from chalicelib.domain.disputes import DisputeFact
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Message
from chalicelib.domain.events import Event, announce
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.identifiers import derived_id
from chalicelib.domain.jobs import Job, JobKind, job_id
from chalicelib.domain.orders import Contact, DisputeStatus, Order, Refund
from chalicelib.domain.payments import FactKind, PaymentFact
from chalicelib.domain.refunds import RefundFact, RefundState
from chalicelib.domain.retries import decide
from chalicelib.domain.signing import EndpointSecrets, SigningSecret
from chalicelib.domain.stock import Glimpse, Stock
from chalicelib.domain.taxes import Tax, TaxQuestion
from chalicelib.domain.totals import PricedCart, PriceList, price
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
    weight_grams: int = 0,
    shippable: bool = True,
    tax_code: str | None = None,
    shards: int = 1,
) -> Product:
    return Product(
        sku=sku,
        name=name,
        amount=amount,
        currency=currency,
        stock="tracked" if tracked else "unlimited",
        weight_grams=weight_grams,
        shippable=shippable,
        tax_code=tax_code,
        stock_shards=shards,
    )


def a_coupon(
    terms: CouponTerms,
    *,
    code: str = "CODE",
    times_used: int = 0,
    discount_given: dict[str, int] | None = None,
) -> Coupon:
    return Coupon(
        code=code, version=1, terms=terms, times_used=times_used, discount_given=discount_given or {}
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
    priced = priced_by(cart, PriceList(products={product.sku: product for product in wanted}), now=now)
    takes = {product.sku: quantity for product in wanted if product.is_tracked}
    return order_rules.place(cart, priced, contact, takes=takes, livemode=False, now=now)


def priced_by(
    cart: Cart, prices: PriceList, *, destination: Destination | None = None, now: datetime = NOW
) -> PricedCart:
    return price(cart, prices, destination=destination, ask=no_provider, now=now)


def no_provider(_: TaxQuestion) -> Tax:
    raise AssertionError("asked a provider about tax")


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
        object_id=about or (f"charge_{key}" if kind in {"failed", "processing"} else f"pay_{order.id}"),
        order_id=order.id,
        shop=SHOP,
        amount=order.amount,
        currency=order.currency,
        livemode=order.livemode,
        occurred_at=occurred_at,
        failure="card_declined" if kind == "failed" else "",
    )


def a_refund_fact(
    order: Order,
    state: RefundState = "succeeded",
    *,
    amount: int,
    about: str = "re_1",
    key: str = "",
    of: Refund | None = None,
) -> RefundFact:
    """What the fake provider says of a refund: one that was made there, unless it is `of` one of ours."""
    return RefundFact(
        provider="fake",
        key=key or f"{about}#{state}",
        state=state,
        reference=f"pay_{order.id}",
        object_id=about,
        amount=amount,
        currency=order.currency,
        livemode=order.livemode,
        occurred_at=NOW,
        refund_id=of.id if of else "",
        order_id=order.id if of else "",
        shop=SHOP if of else "",
        failure="expired_or_canceled_card" if state == "failed" else "",
    )


def a_dispute_fact(
    order: Order, status: DisputeStatus = "opened", *, about: str = "du_1", key: str = ""
) -> DisputeFact:
    """What the fake provider says of a dispute about all of the order."""
    return DisputeFact(
        provider="fake",
        key=key or f"{about}#{status}",
        status=status,
        reference=f"pay_{order.id}",
        object_id=about,
        amount=order.amount,
        currency=order.currency,
        reason="fraudulent",
        livemode=order.livemode,
        occurred_at=NOW,
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
