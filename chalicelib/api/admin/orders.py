"""Orders, as their owner sees them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated

from msgspec import Meta, Struct

from chalicelib import wiring
from chalicelib.api.answers import Listing, StoryAnswer
from chalicelib.api.routing import IDEMPOTENT, PAGED, Call, Parameter
from chalicelib.domain import errors
from chalicelib.domain.carts import MAX_QUANTITY, MAX_SKUS
from chalicelib.domain.catalog import Sku
from chalicelib.domain.money import MAX_AMOUNT
from chalicelib.domain.orders import Fulfilment, OrderSummary
from chalicelib.domain.refunds import WantedRefund
from chalicelib.ports import OrderStory
from chalicelib.services import deliveries, fulfilments, orders, persons, refunds, reviews

from .guard import admin_routes

routes = admin_routes(__name__)

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)


class Pieces(Struct, forbid_unknown_fields=True, kw_only=True):
    sku: Sku
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]


_Lines = Annotated[list[Pieces], Meta(max_length=MAX_SKUS)]


class RefundRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """An `amount`, or the pieces that `lines` names, or, with neither, all that is left.

    `restock` puts the pieces back into stock.
    """

    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)] | None = None
    lines: _Lines = []
    restock: bool = False
    reason: Annotated[str, Meta(max_length=500)] = ""


class FulfilmentRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """What was sent: the pieces that `lines` names, or all that was left."""

    lines: _Lines = []
    carrier: Annotated[str, Meta(max_length=100)] = ""
    tracking_number: Annotated[str, Meta(max_length=100)] = ""
    tracking_url: Annotated[str, Meta(max_length=2000, pattern=r"^(https?://[^\s]*)?$")] = ""


@routes.route(
    "GET",
    "/admin/orders",
    answer=Listing[OrderSummary],
    parameters=[
        Parameter(name="month", place="query", description="Such as 2026-11, in UTC; else the current one"),
        Parameter(name="email", place="query", description="Those of one person instead, in any month"),
        *PAGED,
    ],
)
def list_orders(call: Call) -> Listing[OrderSummary]:
    """The orders of a month, or of a person, newest first."""
    email = call.query("email")
    if email is not None:
        return _orders_of(email, call)
    month = call.query("month") or f"{wiring.now():%Y-%m}"
    if not _MONTH.fullmatch(month):
        raise errors.InvalidRequest("month must look like 2026-11.")
    page = orders.list_orders(month, limit=call.limit(), cursor=call.query("cursor"), orders=wiring.orders())
    return Listing.of(page)


def _orders_of(email: str, call: Call) -> Listing[OrderSummary]:
    if call.query("month") is not None:
        raise errors.InvalidRequest("Name either a month or an email.")
    page = persons.list_orders_of(
        email, limit=call.limit(), cursor=call.query("cursor"), orders=wiring.orders()
    )
    return Listing.of(page)


@routes.route("GET", "/admin/orders/{order_id}", answer=StoryAnswer, refusals=[errors.OrderNotFound])
def get_order(_call: Call, order_id: str) -> StoryAnswer:
    """One order with all that happened to it: what came in, what went out, who did what."""
    return _told(orders.read_story(order_id, orders=wiring.orders()))


@routes.route(
    "POST",
    "/admin/orders/{order_id}/refunds",
    body=RefundRequest,
    answer=StoryAnswer,
    status=201,
    parameters=[IDEMPOTENT],
    refusals=[
        errors.OrderNotFound,
        errors.RefundRefused,
        errors.KeyReused,
        errors.ProviderUnavailable,
    ],
)
def refund_order(call: Call, body: RefundRequest, order_id: str) -> StoryAnswer:
    """Give money back, all of it or some. Never more than was taken, however often it is asked."""
    wanted = WantedRefund(
        amount=body.amount, lines=_pieces(body.lines), restock=body.restock, reason=body.reason
    )
    story = refunds.refund_order(
        order_id,
        wanted,
        key=call.idempotency_key(),
        by=call.by,
        orders=wiring.orders(),
        provider=wiring.stripe(),
        now=wiring.now(),
    )
    return _told(story)


@routes.route(
    "POST",
    "/admin/orders/{order_id}/fulfilments",
    body=FulfilmentRequest,
    answer=StoryAnswer,
    status=201,
    parameters=[IDEMPOTENT],
    refusals=[errors.OrderNotFound, errors.NotFulfillable, errors.KeyReused],
)
def fulfil_order(call: Call, body: FulfilmentRequest, order_id: str) -> StoryAnswer:
    """Note what was sent, and how to follow it."""
    wanted = Fulfilment(
        id="",
        lines=_pieces(body.lines),
        created_at=wiring.now(),
        by=call.by,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
        tracking_url=body.tracking_url,
    )
    key = call.idempotency_key()
    story = fulfilments.fulfil_order(order_id, wanted, key=key, orders=wiring.orders(), now=wiring.now())
    return _told(story)


@routes.route(
    "POST",
    "/admin/orders/{order_id}/accept",
    answer=StoryAnswer,
    refusals=[errors.OrderNotFound, errors.NothingToReview],
)
def accept_order(call: Call, order_id: str) -> StoryAnswer:
    """Take an order that needs review as it was paid; what is not in stock is owed."""
    story = reviews.accept_order(
        order_id, by=call.by, orders=wiring.orders(), stock=wiring.stock(), now=wiring.now()
    )
    return _told(story)


@routes.route(
    "GET",
    "/admin/payments/{provider}/{reference}",
    answer=StoryAnswer,
    refusals=[errors.OrderNotFound],
)
def get_order_of_payment(_call: Call, provider: str, reference: str) -> StoryAnswer:
    """The order behind a payment, by the id that the provider's dashboard shows (`stripe`, `pi_…`)."""
    return _told(orders.find_story(provider=provider, reference=reference, orders=wiring.orders()))


def _told(story: OrderStory) -> StoryAnswer:
    sent = deliveries.list_of_story(story, deliveries=wiring.deliveries())
    return StoryAnswer.of(story, sent)


def _pieces(lines: list[Pieces]) -> dict[str, int]:
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.sku] += line.quantity
    return dict(pieces)
