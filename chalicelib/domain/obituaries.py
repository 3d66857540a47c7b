"""What is told when a delivery is given up, or an endpoint is."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .deliveries import Delivery
from .endpoints import Endpoint
from .event_types import ABOUT_DELIVERING, DeadDelivery, DeliveryData, DisabledEndpoint, EndpointData
from .events import Event, announce


def obituary(delivery: Delivery, endpoint: Endpoint, payload: str, *, now: datetime) -> Event | None:
    """`delivery.dead`, with all that could not be delivered; None where that was such a notice itself."""
    if delivery.event_type in ABOUT_DELIVERING:
        return None
    last = delivery.attempts[-1]
    dead = DeadDelivery(
        id=delivery.id,
        endpoint_id=endpoint.id,
        endpoint_url=endpoint.url,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        order_id=delivery.order_id,
        attempts=delivery.tries,
        last_outcome=f"It answered {last.status}." if last.status else f"{last.error.capitalize()}.",
    )
    return announce(
        "delivery.dead",
        order_id=delivery.order_id,
        about=f"{delivery.id}#{delivery.generation}",
        data=DeliveryData(delivery=dead, event=msgspec.json.decode(payload)),
        now=now,
        not_to=endpoint.id,
    )


def farewell(disabled: Endpoint, *, now: datetime) -> Event:
    """`endpoint.disabled`, for each time that it is."""
    endpoint = DisabledEndpoint(
        id=disabled.id,
        url=disabled.url,
        description=disabled.description,
        reason=disabled.disabled_because,
    )
    return announce(
        "endpoint.disabled",
        order_id="",
        about=f"{disabled.id}#{disabled.epoch}",
        data=EndpointData(endpoint),
        now=now,
        not_to=disabled.id,
    )
