"""What becomes of orders on the packaged stack: given up, taken over, given back, fought over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from chalicelib.adapters.dynamodb.items import sortable
from local.stack import LocalStack
from tests.e2e.shop import Json, Receiver, Shop, running_receiver, wait_for

TICK = {
    "version": "0",
    "id": "89d1a02d-5ec7-412e-82f5-13505f849b41",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-24T12:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}


@pytest.fixture
def listener(shop: Shop) -> Iterator[Receiver]:
    """A receiver of all that orders tell."""
    with running_receiver() as running:
        endpoint_id = shop.endpoint(running, "order.*")
        yield running
        shop.admin("DELETE", f"/endpoints/{endpoint_id}")


def checked_out(shop: Shop, cart: Json) -> Json:
    answer = shop.check_out(cart)
    assert answer.status_code == 201, answer.text
    checkout: Json = answer.json()
    return checkout


def keep_house(stack: LocalStack) -> None:
    """What the clock does every few minutes."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.function_name("housekeeping"), Payload=json.dumps(TICK).encode()
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def let_time_pass(stack: LocalStack, checkout: Json) -> None:
    """The order's time to be paid is over."""
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["TableName"],
        Key={"pk": {"S": f"ORDER#{checkout['order_id']}"}, "sk": {"S": "ORDER"}},
        UpdateExpression="SET due_at = :then",
        ExpressionAttributeValues={":then": {"S": sortable(datetime.now(UTC) - timedelta(minutes=1))}},
    )


def test_what_is_not_paid_in_time_is_canceled_at_stripe_and_gives_its_stock_back(
    shop: Shop, stack: LocalStack, listener: Receiver
) -> None:
    sku = shop.product(stock=3)
    checkout = checked_out(shop, shop.cart(**{sku: 2}))
    keep_house(stack)
    assert shop.order(checkout)["status"] == "pending"
    let_time_pass(stack, checkout)
    keep_house(stack)
    assert (shop.order(checkout)["status"], shop.stock(sku)) == ("canceled", 3)
    assert shop.pay(checkout).status_code == 400  # Stripe agrees
    order_id = checkout["order_id"]
    wait_for(lambda: listener.of_order(order_id, "order.canceled"), what="the webhook")


def test_a_changed_cart_takes_over_its_own_reservation(shop: Shop) -> None:
    sku = shop.product(stock=2)
    cart = shop.cart(**{sku: 2})
    first = checked_out(shop, cart)
    second = checked_out(shop, shop.put(cart["id"], sku, 1))
    assert (shop.order(first)["status"], shop.stock(sku)) == ("canceled", 1)
    assert shop.pay(first).status_code == 400
    assert shop.pay(second).ok
    shop.wait_for_status(second, "paid")


def test_a_refund_is_told_to_whoever_listens(shop: Shop, listener: Receiver) -> None:
    sku = shop.product(stock=2)
    checkout = checked_out(shop, shop.cart(**{sku: 2}))
    assert shop.pay(checkout).ok
    shop.wait_for_status(checkout, "paid")
    order_id = checkout["order_id"]
    body = {"lines": [{"sku": sku, "quantity": 1}], "restock": True}
    shop.admin("POST", f"/orders/{order_id}/refunds", body, **{"Idempotency-Key": "one"})
    (webhook,) = wait_for(lambda: listener.of_order(order_id, "order.refunded"), what="the webhook")
    assert webhook.payload["data"]["refund"]["amount"] == 1200
    assert webhook.payload["data"]["order"]["status"] == "partially_refunded"
    assert shop.stock(sku) == 1
    story = shop.admin("GET", f"/orders/{order_id}")
    assert {entry["by"][:4] for entry in story["ledger"]} == {"shop", "stri", "key_"}


def test_many_buyers_of_few_pieces_get_exactly_what_there_is(shop: Shop) -> None:
    sku = shop.product(stock=10)
    with ThreadPoolExecutor(16) as pool:
        carts = list(pool.map(lambda _: shop.cart(**{sku: 1}), range(100)))
        answers = list(pool.map(shop.check_out, carts))
    assert Counter(answer.status_code for answer in answers) == {201: 10, 409: 90}
    refusals = {answer.json()["error"]["type"] for answer in answers if answer.status_code == 409}
    assert (refusals, shop.stock(sku)) == ({"OutOfStock"}, 0)


def test_parallel_refunds_never_give_back_more_than_was_taken(shop: Shop) -> None:
    checkout = checked_out(shop, shop.cart(**{shop.product(amount=1000): 1}))
    assert shop.pay(checkout).ok
    shop.wait_for_status(checkout, "paid")

    def refund(number: int) -> requests.Response:
        return shop.call(
            "POST",
            f"/admin/orders/{checkout['order_id']}/refunds",
            {"amount": 300},
            **{"Authorization": f"Bearer {shop.admin_key}", "Idempotency-Key": f"refund {number}"},
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(refund, range(8)))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 5}
    story = shop.admin("GET", f"/orders/{checkout['order_id']}")
    assert (story["payment"]["amount_refunded"], story["refundable"]) == (900, 100)
