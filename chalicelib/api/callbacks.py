"""What payment providers call."""

from __future__ import annotations

from chalicelib import wiring
from chalicelib.domain import errors
from chalicelib.services import payments

from .answers import Received
from .routing import Call, Parameter, Routes

routes = Routes(__name__, audience="callbacks")


@routes.route(
    "POST",
    "/callbacks/stripe",
    answer=Received,
    parameters=[
        Parameter(name="Stripe-Signature", place="header", description="Stripe's signature", required=True)
    ],
    refusals=[errors.InvalidSignature, errors.OrderNotFound, errors.PaymentMismatch],
)
def stripe(call: Call) -> Received:
    """A webhook of Stripe's. Whatever is not answered by 200 Stripe sends again."""
    order = payments.receive_callback(
        call.raw_body(),
        call.headers(),
        shop=wiring.settings().shop,
        provider=wiring.stripe(),
        orders=wiring.orders(),
        now=wiring.now(),
    )
    return Received(ignored=order is None)
