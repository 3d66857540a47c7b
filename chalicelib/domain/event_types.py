"""The catalogue of events: what each type is about, the form of its payload, and an example."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from .orders import Address, Contact, LineItem, OrderPicture, Payment


class OrderData(Struct, frozen=True):
    order: OrderPicture


class OrderPaid(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.paid"):
    """The payment has arrived: ship, grant, invoice. Comes once for an order."""

    id: str
    timestamp: datetime
    data: OrderData


class OrderPaymentFailed(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.payment_failed"):
    """An attempt to pay was declined. The order can still be paid; this comes once for each such attempt."""

    id: str
    timestamp: datetime
    data: OrderData


class LowStock(Struct, frozen=True, kw_only=True):
    """`name` is empty if the product is no longer sold."""

    sku: str
    name: str
    available: int
    low_at: int


class StockData(Struct, frozen=True):
    stock: LowStock


class StockLow(Struct, frozen=True, kw_only=True, tag_field="type", tag="stock.low"):
    """No more than `low_at` of a product are left. Comes once, until there have been more again."""

    id: str
    timestamp: datetime
    data: StockData


class DisabledEndpoint(Struct, frozen=True, kw_only=True):
    id: str
    url: str
    description: str
    reason: str


class EndpointData(Struct, frozen=True):
    endpoint: DisabledEndpoint


class EndpointDisabled(Struct, frozen=True, kw_only=True, tag_field="type", tag="endpoint.disabled"):
    """Another endpoint was disabled because it kept failing. What happens meanwhile is held for it."""

    id: str
    timestamp: datetime
    data: EndpointData


class DeadDelivery(Struct, frozen=True, kw_only=True):
    """`attempts` counts the tries, `last_outcome` says in plain words how the last one ended."""

    id: str
    endpoint_id: str
    endpoint_url: str
    event_id: str
    event_type: str
    order_id: str
    attempts: int
    last_outcome: str


class DeliveryData(Struct, frozen=True):
    """`event` is the whole payload that could not be delivered."""

    delivery: DeadDelivery
    event: dict[str, Any]


class DeliveryDead(Struct, frozen=True, kw_only=True, tag_field="type", tag="delivery.dead"):
    """A delivery to another endpoint was given up: what it should have set off is to be done otherwise."""

    id: str
    timestamp: datetime
    data: DeliveryData


class PingData(Struct, frozen=True):
    message: str


class TestPing(Struct, frozen=True, kw_only=True, tag_field="type", tag="test.ping"):
    """Sent on request only, to see whether an endpoint answers."""

    id: str
    timestamp: datetime
    data: PingData


Payload = OrderPaid | OrderPaymentFailed | EndpointDisabled | DeliveryDead | StockLow | TestPing
PAYLOADS: tuple[type[Payload], ...] = (
    OrderPaid,
    OrderPaymentFailed,
    EndpointDisabled,
    DeliveryDead,
    StockLow,
    TestPing,
)

ABOUT_DELIVERING = frozenset({"endpoint.disabled", "delivery.dead"})
"""Events about deliveries that fail, which must not beget more of their kind when they fail themselves."""


class EventType(Struct, frozen=True, kw_only=True):
    """`payload_schema` is JSON Schema 2020-12 of the webhook's body, `example` one that it describes."""

    type: str
    description: str
    payload_schema: dict[str, Any]
    example: dict[str, Any]


def catalogue() -> list[EventType]:
    """Every type that an endpoint can subscribe to, from the records that describe their payloads."""
    return [
        EventType(
            type=type_of(payload),
            description=(payload.__doc__ or "").strip(),
            payload_schema=msgspec.json.schema(payload),
            example=example_of(type_of(payload)),
        )
        for payload in PAYLOADS
    ]


def type_of(payload: type[Payload]) -> str:
    return str(payload.__struct_config__.tag)


EVENT_TYPES = tuple(type_of(payload) for payload in PAYLOADS)


def example_of(event_type: str) -> dict[str, Any]:
    """A whole payload of this type, made up; KeyError if there is no such type."""
    payload: dict[str, Any] = msgspec.to_builtins(_EXAMPLES[event_type])
    return payload


_THEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_EVENT_ID = "evt_n3kw7y2vq5c4tj6hzx6m2b3d4e"
_ORDER_ID = "ord_n3kw7y2vq5c4tj6hzx6m2b3d4e"
_ENDPOINT_ID = "ep_n3kw7y2vq5c4tj6hzx6m2b3d4e"


def _sample_order(*, paid: bool) -> OrderPicture:
    paid_payment = Payment(
        status="paid",
        provider="stripe",
        reference="pi_3Q0000000000000000000000",
        amount_received=3700,
        paid_at=_THEN,
        as_of=_THEN,
    )
    failed_payment = Payment(
        status="failed",
        provider="stripe",
        reference="pi_3Q0000000000000000000000",
        failure="insufficient_funds",
        as_of=_THEN,
    )
    payment = paid_payment if paid else failed_payment
    return OrderPicture(
        id=_ORDER_ID,
        version=2,
        status=payment.status,
        amount=3700,
        currency="eur",
        livemode=False,
        lines=[
            LineItem(sku="mug", name="Mug", quantity=2, unit_amount=1500, amount=3000),
            LineItem(sku="tea", name="Tea", quantity=1, unit_amount=700, amount=700),
        ],
        contact=Contact(
            email="ada@example.com",
            name="Ada Lovelace",
            shipping_address=Address(line1="1 Analytical Row", city="London", country="GB"),
        ),
        payment=payment,
        created_at=_THEN,
    )


_PAID = OrderPaid(id=_EVENT_ID, timestamp=_THEN, data=OrderData(_sample_order(paid=True)))

_EXAMPLES: dict[str, Payload] = {
    "order.paid": _PAID,
    "order.payment_failed": OrderPaymentFailed(
        id=_EVENT_ID, timestamp=_THEN, data=OrderData(_sample_order(paid=False))
    ),
    "stock.low": StockLow(
        id=_EVENT_ID,
        timestamp=_THEN,
        data=StockData(LowStock(sku="mug", name="Mug", available=4, low_at=5)),
    ),
    "endpoint.disabled": EndpointDisabled(
        id=_EVENT_ID,
        timestamp=_THEN,
        data=EndpointData(
            DisabledEndpoint(
                id=_ENDPOINT_ID,
                url="https://crm.example.com/hooks/till",
                description="Customer list",
                reason="It has failed for 5 days.",
            )
        ),
    ),
    "delivery.dead": DeliveryDead(
        id=_EVENT_ID,
        timestamp=_THEN,
        data=DeliveryData(
            delivery=DeadDelivery(
                id=f"dlv_{_EVENT_ID.removeprefix('evt_')}_{_ENDPOINT_ID.removeprefix('ep_')}",
                endpoint_id=_ENDPOINT_ID,
                endpoint_url="https://crm.example.com/hooks/till",
                event_id=_EVENT_ID,
                event_type="order.paid",
                order_id=_ORDER_ID,
                attempts=10,
                last_outcome="It answered 503.",
            ),
            event=msgspec.to_builtins(_PAID),
        ),
    ),
    "test.ping": TestPing(id=_EVENT_ID, timestamp=_THEN, data=PingData("Hello from Tillhook.")),
}
