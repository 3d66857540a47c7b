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


PAYLOADS: tuple[type[OrderPaid | OrderPaymentFailed], ...] = (OrderPaid, OrderPaymentFailed)


class EventType(Struct, frozen=True, kw_only=True):
    """`payload_schema` is JSON Schema 2020-12 of the webhook's body, `example` one that it describes."""

    type: str
    description: str
    payload_schema: dict[str, Any]
    example: dict[str, Any]


def catalogue() -> list[EventType]:
    """Every type that an endpoint can subscribe to, from the records that describe their payloads."""
    return [_described(payload) for payload in PAYLOADS]


def _described(payload: type[OrderPaid | OrderPaymentFailed]) -> EventType:
    event_type = str(payload.__struct_config__.tag)
    example = payload(
        id="evt_n3kw7y2vq5c4tj6hzx1m2b3d4e",
        timestamp=_THEN,
        data=OrderData(_sample_order(paid=payload is OrderPaid)),
    )
    return EventType(
        type=event_type,
        description=(payload.__doc__ or "").strip(),
        payload_schema=msgspec.json.schema(payload),
        example=msgspec.to_builtins(example),
    )


_THEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


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
        id="ord_n3kw7y2vq5c4tj6hzx1m2b3d4e",
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
