"""A thousand callbacks as they come on a bad day: some twice, some the wrong way round.

Told by the shipped function; what they came to is read from the table.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from app import app
from benchmarks.effects import DUPLICATES, IN_ORDER, PLAIN, REORDERED, Effects
from benchmarks.lambda_events import Context, Request, from_gateway
from chalicelib import wiring
from chalicelib.domain.orders import Order
from local.stripe_sandbox.sandbox import WEBHOOK_SECRET
from local.stripe_sandbox.signing import signature_header
from tests.making import a_cart, a_product, an_order

MUG = a_product()
PAID, DECLINED = "payment_intent.succeeded", "payment_intent.payment_failed"
ENTRIES = {PAID: "payment.succeeded", DECLINED: "payment.failed"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is told of an order in this order, and what of it counts."""

    order: Order
    told: Sequence[str]
    counts: Sequence[str]


def tell_all() -> Effects:
    """Place the orders, have all of their payments told, and see what has become of them."""
    plans = [*_plans()]
    for plan in plans:
        _place(plan.order)
    statuses = Counter(_tell(notice) for notice in _in_disorder(plans))
    return _effects(plans, statuses)


def _plans() -> Iterator[Plan]:
    for number in range(PLAIN + IN_ORDER + REORDERED):
        order = an_order(MUG, seed=number, now=wiring.now())
        if number < PLAIN:
            yield Plan(order=order, told=[PAID], counts=[PAID])
        elif number < PLAIN + IN_ORDER:
            yield Plan(order=order, told=[DECLINED, PAID], counts=[DECLINED, PAID])
        else:
            yield Plan(order=order, told=[PAID, DECLINED], counts=[PAID])


def _place(order: Order) -> None:
    cart = replace(a_cart(MUG, now=order.created_at), id=order.cart_id)
    wiring.carts().create_cart(cart)
    wiring.orders().place_order(order, cart=cart)


def _in_disorder(plans: Sequence[Plan]) -> list[bytes]:
    """All notices of all orders mixed, each order's as planned; some come again at any time after."""
    chance = random.Random(0)  # noqa: S311 (the same disorder in every run)
    placed: list[tuple[float, bytes]] = []
    for plan in plans:
        times = sorted(chance.random() for _ in plan.told)
        placed += [(at, _notice(plan.order, kind)) for at, kind in zip(times, plan.told, strict=True)]
    again = chance.sample(placed, DUPLICATES)
    placed += [(chance.uniform(at, 1), notice) for at, notice in again]
    return [notice for _, notice in sorted(placed)]


def _notice(order: Order, kind: str) -> bytes:
    is_paid = kind == PAID
    error = None if is_paid else {"code": "card_declined", "message": "Declined."}
    intent = {
        "id": f"pi_{order.id}",
        "object": "payment_intent",
        "amount": order.amount,
        "amount_received": order.amount if is_paid else 0,
        "currency": order.currency,
        "metadata": {"tillhook_order": order.id, "tillhook_shop": wiring.settings().shop},
        "last_payment_error": error,
        "status": "succeeded" if is_paid else "requires_payment_method",
    }
    event = {
        "id": f"evt_{order.id}_{kind}",
        "object": "event",
        "type": kind,
        "livemode": False,
        "created": int(order.created_at.timestamp()) + is_paid,
        "data": {"object": intent},
    }
    return json.dumps(event).encode()


def _tell(notice: bytes) -> int:
    signature = signature_header(notice, secret=WEBHOOK_SECRET, timestamp=int(time.time()))
    request = Request(
        method="POST",
        resource="/callbacks/stripe",
        headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
        body=notice.decode(),
    )
    event = from_gateway(request, request_id="00000000-0000-4000-8000-000000000000")
    status: int = app(event, Context())["statusCode"]
    return status


def _effects(plans: Sequence[Plan], statuses: Counter[int]) -> Effects:
    events = 0
    entries = 0
    wrong = 0
    for plan in plans:
        story = wiring.orders().get_order(plan.order.id)
        told = story.ledger[1:] if story else []
        happened = wiring.events().get_events(entry.event_id for entry in told)
        entries += len(told)
        events += len(happened)
        due = [ENTRIES[kind] for kind in plan.counts]
        is_paid = story is not None and story.order.status == "paid"
        wrong += not is_paid or [entry.what for entry in told] != due or len(happened) != len(due)
    return Effects(
        sent=statuses.total(),
        refused=statuses.total() - statuses[200],
        entries=entries,
        events=events,
        wrong=wrong,
    )
