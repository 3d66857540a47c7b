"""The catalogue of events: what each type is about, the form of its payload, and an example."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from .coupons import UsedCoupon
from .orders import (
    Address,
    Contact,
    Dispute,
    Fulfilment,
    LineItem,
    OrderPicture,
    Payment,
    Refund,
    Review,
)


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


class OrderPaymentProcessing(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="order.payment_processing"
):
    """The shopper has done her part, and her bank takes its time: days, for a debit."""

    id: str
    timestamp: datetime
    data: OrderData


class OrderCanceled(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.canceled"):
    """The order was not paid in time, or its shopper changed her cart: it can't be paid any more."""

    id: str
    timestamp: datetime
    data: OrderData


class OrderNeedsReview(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.needs_review"):
    """It was paid in an odd way, which `review` names. Send nothing: `order.paid` follows if it is good."""

    id: str
    timestamp: datetime
    data: OrderData


class RefundData(Struct, frozen=True):
    order: OrderPicture
    refund: Refund


class OrderRefunded(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.refunded"):
    """Money went back, all or some of it. Comes once for each refund."""

    id: str
    timestamp: datetime
    data: RefundData


class OrderRefundFailed(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.refund_failed"):
    """A refund did not reach the shopper, or was refused. The money is still, or again, the shop's."""

    id: str
    timestamp: datetime
    data: RefundData


class DisputeData(Struct, frozen=True):
    order: OrderPicture
    dispute: Dispute


class OrderDisputeOpened(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.dispute_opened"):
    """The card holder asks her bank for the money back. Answer in the provider's dashboard."""

    id: str
    timestamp: datetime
    data: DisputeData


class OrderDisputeClosed(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.dispute_closed"):
    """The bank has decided: the dispute is won or lost."""

    id: str
    timestamp: datetime
    data: DisputeData


class FulfilmentData(Struct, frozen=True):
    order: OrderPicture
    fulfilment: Fulfilment


class OrderFulfilled(Struct, frozen=True, kw_only=True, tag_field="type", tag="order.fulfilled"):
    """Some or all of the order has been sent. Comes once for each parcel."""

    id: str
    timestamp: datetime
    data: FulfilmentData


class Mismatch(Struct, frozen=True, kw_only=True):
    """`reference` is the provider's id of what does not fit, `problem` says in plain words how."""

    problem: str
    order_id: str
    provider: str
    reference: str
    amount: int | None
    currency: str | None


class MismatchData(Struct, frozen=True):
    mismatch: Mismatch


class ReconciliationMismatch(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="reconciliation.mismatch"
):
    """The provider's books and ours disagree in a way that we can't mend, or nobody took notice of a sale."""

    id: str
    timestamp: datetime
    data: MismatchData


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


Payload = (
    OrderPaid
    | OrderPaymentFailed
    | OrderPaymentProcessing
    | OrderCanceled
    | OrderNeedsReview
    | OrderRefunded
    | OrderRefundFailed
    | OrderDisputeOpened
    | OrderDisputeClosed
    | OrderFulfilled
    | EndpointDisabled
    | DeliveryDead
    | ReconciliationMismatch
    | StockLow
    | TestPing
)
PAYLOADS: tuple[type[Payload], ...] = (
    OrderPaid,
    OrderPaymentFailed,
    OrderPaymentProcessing,
    OrderCanceled,
    OrderNeedsReview,
    OrderRefunded,
    OrderRefundFailed,
    OrderDisputeOpened,
    OrderDisputeClosed,
    OrderFulfilled,
    EndpointDisabled,
    DeliveryDead,
    ReconciliationMismatch,
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


_REFERENCE = "pi_3Q0000000000000000000000"


def _sample_order(payment: Payment, **changes: Any) -> OrderPicture:  # noqa: ANN401 (fields of any type)
    order = OrderPicture(
        id=_ORDER_ID,
        version=2,
        status=payment.status,
        subtotal=3700,
        discount=370,
        shipping=490,
        tax=610,
        shipping_tax=78,
        tax_inclusive=True,
        rounding=0,
        amount=3820,
        coupon=UsedCoupon(code="WELCOME", amount=370),
        shipping_rate="Parcel",
        currency="eur",
        livemode=False,
        lines=[
            LineItem(
                sku="mug",
                name="Mug",
                quantity=2,
                unit_amount=1500,
                amount=3000,
                discount=300,
                tax=431,
                total=2700,
            ),
            LineItem(
                sku="tea",
                name="Tea",
                quantity=1,
                unit_amount=700,
                amount=700,
                discount=70,
                tax=101,
                total=630,
            ),
        ],
        contact=Contact(
            email="ada@example.com",
            name="Ada Lovelace",
            shipping_address=Address(line1="1 Analytical Row", city="London", country="GB"),
        ),
        payment=replace(payment, provider="stripe", reference=_REFERENCE, as_of=_THEN),
        fulfilment="unfulfilled",
        dispute="none",
        backordered={},
        created_at=_THEN,
    )
    return replace(order, **changes)


_RECEIVED = Payment(status="paid", amount_received=3820, paid_at=_THEN)
_FAILED = Payment(status="failed", failure="insufficient_funds")
_PARTLY_REFUNDED = replace(_RECEIVED, status="partially_refunded", amount_refunded=700)
_REFUND = Refund(
    id="rf_n3kw7y2vq5c4tj6hzx6m2b3d4e",
    amount=700,
    currency="eur",
    status="succeeded",
    created_at=_THEN,
    updated_at=_THEN,
    by="key_n3kw7y2vq5c4tj6hzx6m2b3d4e",
    reason="The tea was stale.",
    lines={"tea": 1},
    reference="re_3Q0000000000000000000000",
)
_PARCEL = Fulfilment(
    id="ful_n3kw7y2vq5c4tj6hzx6m2b3d4e",
    lines={"mug": 2, "tea": 1},
    created_at=_THEN,
    by="key_n3kw7y2vq5c4tj6hzx6m2b3d4e",
    carrier="Royal Mail",
    tracking_number="AB123456789GB",
    tracking_url="https://track.example.com/AB123456789GB",
)
_DISPUTE = Dispute(id="du_1Q0000000000000000000000", status="opened", amount=3820, reason="fraudulent")


def _about(data: Any) -> dict[str, Any]:  # noqa: ANN401 (each type has data of its own)
    return {"id": _EVENT_ID, "timestamp": _THEN, "data": data}


_PAID = OrderPaid(**_about(OrderData(_sample_order(_RECEIVED))))

_EXAMPLES: dict[str, Payload] = {
    "order.paid": _PAID,
    "order.payment_failed": OrderPaymentFailed(**_about(OrderData(_sample_order(_FAILED)))),
    "order.payment_processing": OrderPaymentProcessing(
        **_about(OrderData(_sample_order(Payment(status="processing"))))
    ),
    "order.canceled": OrderCanceled(**_about(OrderData(_sample_order(Payment(status="canceled"))))),
    "order.needs_review": OrderNeedsReview(
        **_about(
            OrderData(
                _sample_order(
                    replace(_RECEIVED, amount_received=3000),
                    status="needs_review",
                    review=Review(reason="amount_mismatch", since=_THEN),
                )
            )
        )
    ),
    "order.refunded": OrderRefunded(**_about(RefundData(_sample_order(_PARTLY_REFUNDED), _REFUND))),
    "order.refund_failed": OrderRefundFailed(
        **_about(
            RefundData(
                _sample_order(_RECEIVED),
                replace(_REFUND, status="failed", failure="expired_or_canceled_card"),
            )
        )
    ),
    "order.dispute_opened": OrderDisputeOpened(
        **_about(DisputeData(_sample_order(_RECEIVED, status="disputed", dispute="opened"), _DISPUTE))
    ),
    "order.dispute_closed": OrderDisputeClosed(
        **_about(DisputeData(_sample_order(_RECEIVED, dispute="won"), replace(_DISPUTE, status="won")))
    ),
    "order.fulfilled": OrderFulfilled(
        **_about(
            FulfilmentData(_sample_order(_RECEIVED, status="fulfilled", fulfilment="fulfilled"), _PARCEL)
        )
    ),
    "reconciliation.mismatch": ReconciliationMismatch(
        **_about(
            MismatchData(
                Mismatch(
                    problem="The provider has a payment of an order that there is not.",
                    order_id=_ORDER_ID,
                    provider="stripe",
                    reference=_REFERENCE,
                    amount=3700,
                    currency="eur",
                )
            )
        )
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
