"""What was delivered, or tried, to an endpoint, of an event, of an order; and sending one again."""

from __future__ import annotations

from typing import Literal

from chalicelib import wiring
from chalicelib.api.answers import DeliveryAnswer, EventDeliveriesAnswer, JobAnswer, Listing
from chalicelib.api.routing import IDEMPOTENT, PAGED, Call, Parameter
from chalicelib.domain import errors
from chalicelib.domain.deliveries import DeliverySummary
from chalicelib.domain.events import EventSummary
from chalicelib.services import commands, deliveries

from .guard import admin_routes

routes = admin_routes(__name__)

_STATUS = Parameter(
    name="status", place="query", description="held, delivered, failing or dead; else any of them"
)


@routes.route(
    "GET",
    "/admin/endpoints/{endpoint_id}/deliveries",
    answer=Listing[DeliverySummary],
    parameters=[_STATUS, *PAGED],
    refusals=[errors.EndpointNotFound],
)
def list_deliveries(call: Call, endpoint_id: str) -> Listing[DeliverySummary]:
    """What was delivered to an endpoint, or tried, newest first."""
    status: Literal["held", "delivered", "failing", "dead"] | None
    match call.query("status"):
        case "held" | "delivered" | "failing" | "dead" | None as status:
            pass
        case _:
            raise errors.InvalidRequest("status must be held, delivered, failing or dead.")
    page = deliveries.list_of_endpoint(
        endpoint_id,
        status=status,
        limit=call.limit(),
        cursor=call.query("cursor"),
        endpoints=wiring.endpoints(),
        deliveries=wiring.deliveries(),
    )
    return Listing.of(page)


@routes.route(
    "GET",
    "/admin/endpoints/{endpoint_id}/pending",
    answer=Listing[EventSummary],
    parameters=PAGED,
    refusals=[errors.EndpointNotFound],
)
def list_pending(call: Call, endpoint_id: str) -> Listing[EventSummary]:
    """Events of the last 14 days that go to an endpoint and have not been tried there yet, newest first."""
    page = deliveries.list_pending(
        endpoint_id,
        limit=call.limit(),
        cursor=call.query("cursor"),
        endpoints=wiring.endpoints(),
        events=wiring.events(),
        deliveries=wiring.deliveries(),
        now=wiring.now(),
    )
    return Listing.of(page)


@routes.route(
    "GET",
    "/admin/events/{event_id}/deliveries",
    answer=EventDeliveriesAnswer,
    refusals=[errors.EventNotFound],
)
def list_event_deliveries(_call: Call, event_id: str) -> EventDeliveriesAnswer:
    """To whom an event went, each with its attempts."""
    found = deliveries.list_of_event(event_id, events=wiring.events(), deliveries=wiring.deliveries())
    return EventDeliveriesAnswer.of(found)


@routes.route(
    "GET",
    "/admin/orders/{order_id}/deliveries",
    answer=Listing[DeliveryAnswer],
    refusals=[errors.OrderNotFound],
)
def list_order_deliveries(_call: Call, order_id: str) -> Listing[DeliveryAnswer]:
    """All that was delivered about an order, or tried, newest first."""
    found = deliveries.list_of_order(order_id, orders=wiring.orders(), deliveries=wiring.deliveries())
    return Listing(items=[DeliveryAnswer.of(delivery) for delivery in found], cursor=None)


@routes.route(
    "GET", "/admin/deliveries/{delivery_id}", answer=DeliveryAnswer, refusals=[errors.DeliveryNotFound]
)
def get_delivery(_call: Call, delivery_id: str) -> DeliveryAnswer:
    """One delivery with all its attempts."""
    return DeliveryAnswer.of(deliveries.read_delivery(delivery_id, deliveries=wiring.deliveries()))


@routes.route(
    "POST",
    "/admin/deliveries/{delivery_id}/resend",
    answer=JobAnswer,
    status=202,
    parameters=[IDEMPOTENT],
    refusals=[errors.DeliveryNotFound, errors.EndpointNotFound, errors.EventNotFound, errors.KeyReused],
)
def resend(call: Call, delivery_id: str) -> JobAnswer:
    """Send an event to an endpoint once more, even if it arrived, under the same webhook-id."""
    job = commands.resend(
        delivery_id,
        key=call.idempotency_key(),
        endpoints=wiring.endpoints(),
        events=wiring.events(),
        jobs=wiring.jobs(),
        now=wiring.now(),
    )
    return JobAnswer.of(job)
