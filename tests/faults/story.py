"""The whole story: cart → checkout → callback → relay → deliver → refund, beside a cart left behind."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.orders import RESERVED_FOR
from chalicelib.domain.refunds import WantedRefund
from tests.integration.api.callers import DECLINED_CARD, GOOD_CARD

from .stage import Json, Stage


def play(stage: Stage) -> None:
    leave_behind(stage)
    bought = buy(stage)
    stage.carry_stream()
    stage.carry_queues()
    stage.clock.advance(RESERVED_FOR + timedelta(minutes=1))
    stage.sweep()
    stage.carry_all()
    refund(stage, bought["order_id"])
    stage.come_to_rest()


def leave_behind(stage: Stage) -> None:
    """A shopper who asks for the cash register once, and goes whatever she hears."""
    cart = put(stage, put_first(stage), tea=1)
    stage.try_once("POST", f"/carts/{cart['id']}/checkout", _who(cart))


def buy(stage: Stage) -> Json:
    """A shopper who changes her mind at the cash register, is declined once, and pays."""
    cart = put(stage, put_first(stage), mug=2, tea=1)
    check_out(stage, cart)
    cart = put(stage, cart, tea=2)
    bought = check_out(stage, cart)
    stage.carry_webhooks()  # the first order's end
    assert stage.pay(bought, card=DECLINED_CARD) == 402
    stage.carry_webhooks()
    assert stage.pay(bought, card=GOOD_CARD) == 200
    stage.carry_webhooks()
    assert stage.call_back(stage.last_webhook("payment_intent.succeeded")) or stage.call_back(
        stage.last_webhook("payment_intent.succeeded")
    )
    return bought


def refund(stage: Stage, order_id: str) -> None:
    """One packet of the two, which goes back on its shelf."""
    wanted = WantedRefund(lines={"tea": 1}, restock=True, reason="It was torn.")
    story = stage.refund(order_id, wanted, key="torn")
    assert story.order.payment.amount_refunded == 700
    stage.carry_all()


def put_first(stage: Stage) -> Json:
    return stage.ask("POST", "/carts")


def put(stage: Stage, cart: Json, **items: int) -> Json:
    for sku, quantity in items.items():
        cart = stage.ask("PUT", f"/carts/{cart['id']}/items/{sku}", {"quantity": quantity})
    return cart


def check_out(stage: Stage, cart: Json) -> Json:
    return stage.ask("POST", f"/carts/{cart['id']}/checkout", _who(cart))


def _who(cart: Json) -> Json:
    return {"email": "ada@example.com", "name": "Ada Lovelace", "expected_total": cart["amount"]}
