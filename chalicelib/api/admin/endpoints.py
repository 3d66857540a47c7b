"""Endpoints, and what was delivered to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from chalicelib import wiring
from chalicelib.api.answers import EndpointAnswer, EventDeliveriesAnswer, Listing, NewEndpointAnswer
from chalicelib.api.routing import PAGED, Call
from chalicelib.domain import errors
from chalicelib.domain.deliveries import Delivery, DeliverySummary
from chalicelib.services import deliveries, endpoints

from .guard import admin_routes

routes = admin_routes(__name__)

_Url = Annotated[str, Meta(max_length=2000, description="https, to a public address")]
_Pattern = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)(?!\n)$",
        description="A type (`order.paid`), a family (`order.*`) or everything (`*`)",
    ),
]
_Events = Annotated[list[_Pattern], Meta(min_length=1, max_length=50)]
_Secret = Annotated[
    str,
    Meta(max_length=100, description="Your own: whsec_ and the base64 of 24 to 64 bytes; else we make one"),
]
_Description = Annotated[str, Meta(max_length=500)]


class NewEndpoint(Struct, forbid_unknown_fields=True, kw_only=True):
    url: _Url
    events: _Events = field(default_factory=lambda: ["*"])
    description: _Description = ""
    secret: _Secret | None = None


class SecretRotation(Struct, forbid_unknown_fields=True, kw_only=True):
    """The secret before signs on, beside the new one, for `overlap_seconds`."""

    secret: _Secret | None = None
    overlap_seconds: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 86_400


class EndpointChanges(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is. A disabled endpoint hears of nothing, not even later."""

    url: _Url | UnsetType = UNSET
    events: _Events | UnsetType = UNSET
    description: _Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


@routes.route(
    "POST",
    "/admin/endpoints",
    body=NewEndpoint,
    answer=NewEndpointAnswer,
    status=201,
    refusals=[errors.UnsafeEndpoint],
)
def create_endpoint(_call: Call, body: NewEndpoint) -> NewEndpointAnswer:
    """Have events delivered to a URL. The answer shows the signing secret, this once."""
    endpoint, secret = endpoints.create_endpoint(
        body.url,
        body.events,
        body.description,
        secret=body.secret,
        endpoints=wiring.endpoints(),
        secrets=wiring.endpoint_secrets(),
        resolver=wiring.resolver(),
        policy=wiring.settings().endpoint_policy,
        entropy=wiring.entropy,
        now=wiring.now(),
    )
    return NewEndpointAnswer(endpoint=EndpointAnswer.of(endpoint), secret=secret)


@routes.route("GET", "/admin/endpoints", answer=Listing[EndpointAnswer])
def list_endpoints(_call: Call) -> Listing[EndpointAnswer]:
    """All endpoints."""
    found = wiring.endpoints().list_endpoints()
    return Listing(items=[EndpointAnswer.of(endpoint) for endpoint in found], cursor=None)


@routes.route(
    "GET",
    "/admin/endpoints/{endpoint_id}",
    answer=EndpointAnswer,
    refusals=[errors.EndpointNotFound],
)
def get_endpoint(_call: Call, endpoint_id: str) -> EndpointAnswer:
    """One endpoint."""
    return EndpointAnswer.of(endpoints.read_endpoint(endpoint_id, endpoints=wiring.endpoints()))


@routes.route(
    "PATCH",
    "/admin/endpoints/{endpoint_id}",
    body=EndpointChanges,
    answer=EndpointAnswer,
    refusals=[errors.EndpointNotFound, errors.UnsafeEndpoint],
)
def change_endpoint(_call: Call, body: EndpointChanges, endpoint_id: str) -> EndpointAnswer:
    """Change what the body names."""
    changed = endpoints.change_endpoint(
        endpoint_id,
        msgspec.to_builtins(body),
        endpoints=wiring.endpoints(),
        resolver=wiring.resolver(),
        policy=wiring.settings().endpoint_policy,
        now=wiring.now(),
    )
    return EndpointAnswer.of(changed)


@routes.route(
    "POST",
    "/admin/endpoints/{endpoint_id}/secret",
    body=SecretRotation,
    answer=NewEndpointAnswer,
    status=201,
    refusals=[errors.EndpointNotFound],
)
def rotate_secret(_call: Call, body: SecretRotation, endpoint_id: str) -> NewEndpointAnswer:
    """Give an endpoint a new signing secret. The answer shows it, this once."""
    endpoint, secret = endpoints.rotate_secret(
        endpoint_id,
        secret=body.secret,
        overlap=timedelta(seconds=body.overlap_seconds),
        endpoints=wiring.endpoints(),
        secrets=wiring.endpoint_secrets(),
        entropy=wiring.entropy,
        now=wiring.now(),
    )
    return NewEndpointAnswer(endpoint=EndpointAnswer.of(endpoint), secret=secret)


@routes.route(
    "DELETE",
    "/admin/endpoints/{endpoint_id}",
    answer=None,
    status=204,
    refusals=[errors.EndpointNotFound],
)
def delete_endpoint(_call: Call, endpoint_id: str) -> None:
    """Deliver nothing more there, and forget its secret."""
    endpoints.delete_endpoint(endpoint_id, endpoints=wiring.endpoints(), secrets=wiring.endpoint_secrets())


@routes.route(
    "GET",
    "/admin/endpoints/{endpoint_id}/deliveries",
    answer=Listing[DeliverySummary],
    parameters=PAGED,
    refusals=[errors.EndpointNotFound],
)
def list_deliveries(call: Call, endpoint_id: str) -> Listing[DeliverySummary]:
    """What was delivered to an endpoint, or tried, newest first."""
    page = deliveries.list_of_endpoint(
        endpoint_id,
        limit=call.limit(),
        cursor=call.query("cursor"),
        endpoints=wiring.endpoints(),
        deliveries=wiring.events(),
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
    found = deliveries.list_of_event(event_id, events=wiring.events(), deliveries=wiring.events())
    return EventDeliveriesAnswer(deliveries=found.deliveries, waiting=found.waiting)


@routes.route("GET", "/admin/deliveries/{delivery_id}", answer=Delivery, refusals=[errors.DeliveryNotFound])
def get_delivery(_call: Call, delivery_id: str) -> Delivery:
    """One delivery with all its attempts."""
    return deliveries.read_delivery(delivery_id, deliveries=wiring.events())
