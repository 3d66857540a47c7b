"""Orders, as their owner sees them."""

from __future__ import annotations

import re

from chalicelib import wiring
from chalicelib.api.answers import Listing, StoryAnswer
from chalicelib.api.routing import PAGED, Call, Parameter
from chalicelib.domain import errors
from chalicelib.domain.orders import OrderSummary
from chalicelib.services import orders, persons

from .guard import admin_routes

routes = admin_routes(__name__)

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)


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
    """One order with its whole ledger."""
    return StoryAnswer.of(orders.read_story(order_id, orders=wiring.orders()))


@routes.route(
    "GET",
    "/admin/payments/{provider}/{reference}",
    answer=StoryAnswer,
    refusals=[errors.OrderNotFound],
)
def get_order_of_payment(_call: Call, provider: str, reference: str) -> StoryAnswer:
    """The order behind a payment, by the id that the provider's dashboard shows (`stripe`, `pi_…`)."""
    return StoryAnswer.of(orders.find_story(provider=provider, reference=reference, orders=wiring.orders()))
