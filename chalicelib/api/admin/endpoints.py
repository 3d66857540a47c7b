"""Endpoints: where events go, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field
from msgspec.structs import asdict

from chalicelib import wiring
from chalicelib.api.answers import EndpointAnswer, Listing, NewEndpointAnswer
from chalicelib.api.routing import Call
from chalicelib.domain import errors
from chalicelib.domain.endpoints import ContentType
from chalicelib.domain.exchanges import TIMEOUT_SECONDS, Method
from chalicelib.domain.shaping import MOST_HEADERS
from chalicelib.services import endpoints, previews
from chalicelib.services.previews import Preview

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
_Filter = Annotated[
    str,
    Meta(
        max_length=2000,
        description="JMESPath over the event; only what it finds something in is sent. Empty: everything",
        examples=["data.order.lines[?sku=='mug']"],
    ),
]
_Payload = Annotated[
    str,
    Meta(
        max_length=4000,
        description="JMESPath that makes the body out of the event. Empty: the event as it is",
        examples=["{email: data.order.contact.email}"],
    ),
]
_ContentType = Annotated[
    ContentType,
    Meta(description="`form` is application/x-www-form-urlencoded, of the object that `payload` makes"),
]
_Headers = Annotated[
    dict[str, str],
    Meta(
        max_length=MOST_HEADERS,
        description="Sent with every delivery, such as Authorization. Their values are never shown",
        extra_json_schema={"writeOnly": True},
    ),
]
_Timeout = Annotated[int, Meta(ge=1, le=30, description="For the whole exchange")]
_RateLimit = Annotated[int, Meta(ge=1, le=100, description="Deliveries per second; null: no limit")]


class NewEndpoint(Struct, forbid_unknown_fields=True, kw_only=True):
    url: _Url
    events: _Events = field(default_factory=lambda: ["*"])
    filter: _Filter = ""
    method: Method = "POST"
    content_type: _ContentType = "json"
    payload: _Payload = ""
    headers: _Headers = field(default_factory=dict)
    timeout_seconds: _Timeout = TIMEOUT_SECONDS
    rate_limit: _RateLimit | None = None
    description: _Description = ""
    secret: _Secret | None = None


class SecretRotation(Struct, forbid_unknown_fields=True, kw_only=True):
    """The secret before signs on, beside the new one, for `overlap_seconds`."""

    secret: _Secret | None = None
    overlap_seconds: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 86_400


class EndpointFields(Struct, forbid_unknown_fields=True, kw_only=True):
    url: _Url | UnsetType = UNSET
    events: _Events | UnsetType = UNSET
    filter: _Filter | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    content_type: _ContentType | UnsetType = UNSET
    payload: _Payload | UnsetType = UNSET
    headers: _Headers | UnsetType = UNSET
    timeout_seconds: _Timeout | UnsetType = UNSET
    rate_limit: _RateLimit | UnsetType | None = UNSET
    description: _Description | UnsetType = UNSET


class EndpointChanges(EndpointFields, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is; `headers` take the place of all before.

    An endpoint that you disable hears of nothing, not even later. Enabling it is resuming it.
    """

    enabled: bool | UnsetType = UNSET


class PreviewRequest(EndpointFields, forbid_unknown_fields=True, kw_only=True):
    """An endpoint by its id, by its fields, or by its id as it would be with these fields.

    And the event: an `event_type` for its example, or the `event_id` of one that has happened.
    """

    endpoint_id: Annotated[str, Meta(max_length=100)] | None = None
    event_type: Annotated[str, Meta(max_length=100)] | None = None
    event_id: Annotated[str, Meta(max_length=100)] | None = None


@routes.route(
    "POST",
    "/admin/endpoints",
    body=NewEndpoint,
    answer=NewEndpointAnswer,
    status=201,
    refusals=[errors.UnsafeEndpoint, errors.InvalidExpression],
)
def create_endpoint(_call: Call, body: NewEndpoint) -> NewEndpointAnswer:
    """Have events delivered to a URL. The answer shows the signing secret, this once."""
    endpoint, secret = endpoints.create_endpoint(
        body.url,
        body.events,
        body.description,
        shape={
            "filter": body.filter,
            "method": body.method,
            "content_type": body.content_type,
            "payload": body.payload,
            "timeout_seconds": body.timeout_seconds,
            "rate_limit": body.rate_limit,
        },
        headers=body.headers,
        secret=body.secret,
        endpoints=wiring.endpoints(),
        secrets=wiring.endpoint_secrets(),
        expressions=wiring.expressions(),
        resolver=wiring.resolver(),
        policy=wiring.settings().endpoint_policy,
        entropy=wiring.entropy,
        now=wiring.now(),
    )
    return NewEndpointAnswer(endpoint=EndpointAnswer.of(endpoint), secret=secret)


@routes.route(
    "POST",
    "/admin/endpoints/preview",
    body=PreviewRequest,
    answer=Preview,
    refusals=[
        errors.EndpointNotFound,
        errors.EventNotFound,
        errors.UnsafeEndpoint,
        errors.InvalidExpression,
    ],
)
def preview_endpoint(_call: Call, body: PreviewRequest) -> Preview:
    """Show the request that an event would become, sending and keeping nothing."""
    fields, headers = _said(body, besides=("endpoint_id", "event_type", "event_id"))
    draft = endpoints.draft_endpoint(
        body.endpoint_id,
        fields,
        headers,
        endpoints=wiring.endpoints(),
        policy=wiring.settings().endpoint_policy,
        now=wiring.now(),
    )
    sample = previews.find_sample(body.event_type, body.event_id, events=wiring.events())
    return previews.preview(draft, sample, expressions=wiring.expressions(), now=wiring.now())


def _said(
    body: EndpointFields, *, besides: Sequence[str] = ()
) -> tuple[dict[str, object], dict[str, str] | None]:
    """The fields that were sent, and apart from them the headers, if they were."""
    apart = {"headers", *besides}
    fields = {name: value for name, value in asdict(body).items() if value is not UNSET and name not in apart}
    return fields, None if body.headers is UNSET else body.headers


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
    refusals=[errors.EndpointNotFound, errors.UnsafeEndpoint, errors.InvalidExpression],
)
def change_endpoint(_call: Call, body: EndpointChanges, endpoint_id: str) -> EndpointAnswer:
    """Change what the body names."""
    changes, headers = _said(body)
    changed = endpoints.change_endpoint(
        endpoint_id,
        changes,
        headers=headers,
        endpoints=wiring.endpoints(),
        secrets=wiring.endpoint_secrets(),
        expressions=wiring.expressions(),
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
