"""A sale on the packaged stack: embedded AWS, Stripe sandbox, a receiver with the official library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from chalicelib.adapters.dynamodb.items import key_row
from local.stack import STAGE, LocalStack
from local.stripe_sandbox.server import Running
from tests.e2e.shop import DECLINED_CARD, Json, Receiver, Shop, running_receiver, wait_for


@pytest.fixture
def switches(sandbox: Running) -> Iterator[str]:
    """The address of the webhook switches, all off again afterwards."""
    address = f"{sandbox.url}/_sandbox/webhooks/switches"
    yield address
    requests.put(address, json={}, timeout=5).raise_for_status()


def _checked_out(shop: Shop, cart: Json) -> Json:
    answer = shop.check_out(cart)
    assert answer.status_code == 201, answer.text
    checkout: Json = answer.json()
    return checkout


def _buy(shop: Shop, **items: int) -> Json:
    checkout = _checked_out(shop, shop.cart(**items))
    assert shop.pay(checkout).ok
    shop.wait_for_status(checkout, "paid")
    return checkout


def test_a_cart_becomes_a_paid_order_and_the_endpoint_hears_of_it(shop: Shop, receiver: Receiver) -> None:
    mug, tea, pin = shop.product(amount=1500, stock=5), shop.product(amount=700), shop.product()
    cart = shop.cart(**{mug: 1, tea: 1, pin: 1})
    shop.put(cart["id"], mug, 2)
    cart = shop.ask("DELETE", f"/carts/{cart['id']}/items/{pin}")
    assert (cart["amount"], cart["currency"]) == (3700, "eur")

    checkout = _checked_out(shop, cart)
    assert shop.stock(mug) == 3
    assert shop.pay(checkout).ok
    order = shop.wait_for_status(checkout, "paid")

    (webhook,) = wait_for(lambda: receiver.of_order(order["id"]), what="the webhook")
    told = webhook.payload["data"]["order"]
    assert [(line["sku"], line["quantity"]) for line in told["lines"]] == [(mug, 2), (tea, 1)]
    assert (told["amount"], told["currency"], told["status"]) == (3700, "eur", "paid")
    assert told["contact"]["email"] == "ada@shopper.example"
    assert webhook.id == webhook.payload["id"]
    assert receiver.problems == []
    assert shop.stock(mug) == 3


def test_the_owner_sees_the_order_its_ledger_and_its_delivery(shop: Shop, receiver: Receiver) -> None:
    checkout = _buy(shop, **{shop.product(): 1})
    order_id = checkout["order_id"]
    story = shop.admin("GET", f"/orders/{order_id}")
    assert [entry["what"] for entry in story["ledger"]] == ["order.placed", "payment.succeeded"]
    event_id = story["ledger"][1]["event_id"]

    def delivered() -> Json | None:
        found = shop.admin("GET", f"/events/{event_id}/deliveries")
        return found if found["deliveries"] and not found["waiting"] else None

    (delivery,) = wait_for(delivered, what="the delivery")["deliveries"]
    assert delivery["status"] == "delivered"
    assert [
        (attempt["number"], attempt["status"], attempt["excerpt"]) for attempt in delivery["attempts"]
    ] == [(1, 200, "ok")]
    assert shop.admin("GET", f"/deliveries/{delivery['id']}") == delivery
    listed = shop.admin("GET", f"/endpoints/{delivery['endpoint_id']}/deliveries")["items"]
    assert [item["id"] for item in listed] == [delivery["id"]]
    assert order_id in [order["id"] for order in shop.admin("GET", "/orders?limit=100")["items"]]
    reference = story["payment"]["reference"]
    assert shop.admin("GET", f"/payments/stripe/{reference}")["id"] == order_id


def test_duplicated_and_reordered_callbacks_have_one_effect(
    shop: Shop, receiver: Receiver, switches: str, sandbox: Running
) -> None:
    requests.put(switches, json={"duplicate": 3, "reorder": True}, timeout=5).raise_for_status()
    checkout = _buy(shop, **{shop.product(): 1})
    assert sandbox.sandbox.webhooks.wait_until_idle(20)
    wait_for(lambda: receiver.of_order(checkout["order_id"]), what="the webhook")
    story = shop.admin("GET", f"/orders/{checkout['order_id']}")
    assert (story["status"], len(story["ledger"])) == ("paid", 2)
    assert len({webhook.id for webhook in receiver.of_order(checkout["order_id"])}) == 1


def test_a_declined_card_leaves_the_order_payable(shop: Shop) -> None:
    with running_receiver() as receiver:
        endpoint_id = shop.endpoint(receiver, "order.*")
        checkout = _checked_out(shop, shop.cart(**{shop.product(): 1}))
        assert shop.pay(checkout, card=DECLINED_CARD).status_code == 402
        assert shop.wait_for_status(checkout, "failed")["payment_failure"] == "generic_decline"
        assert shop.pay(checkout).ok
        assert shop.wait_for_status(checkout, "paid")["payment_failure"] == ""
        wait_for(lambda: receiver.of_order(checkout["order_id"]), what="the webhook of the payment")
        wait_for(
            lambda: receiver.of_order(checkout["order_id"], "order.payment_failed"),
            what="the webhook of the decline",
        )
        shop.admin("DELETE", f"/endpoints/{endpoint_id}")


def test_a_failing_receiver_gets_the_same_webhook_again(shop: Shop, receiver: Receiver) -> None:
    receiver.answers[:] = [500]
    checkout = _buy(shop, **{shop.product(): 1})
    webhooks = wait_for(
        lambda: found if len(found := receiver.of_order(checkout["order_id"])) > 1 else None,
        what="the second attempt",
    )
    assert webhooks[0] == webhooks[1]
    event_id = webhooks[0].id

    def delivered() -> Json | None:
        (delivery,) = shop.admin("GET", f"/events/{event_id}/deliveries")["deliveries"]
        return delivery if delivery["status"] == "delivered" else None

    delivery = wait_for(delivered, what="the record of the second attempt")
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 200]


def test_one_version_of_a_cart_is_one_order_however_parallel_it_is_checked_out(shop: Shop) -> None:
    sku = shop.product(stock=10)
    cart = shop.cart(**{sku: 2})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.check_out(cart), range(8)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({(answer.json()["order_id"], answer.json()["client_secret"]) for answer in answers}) == 1
    assert shop.stock(sku) == 8


def test_parallel_changes_of_a_cart_lose_nothing(shop: Shop) -> None:
    cart = shop.cart()
    skus = [shop.product(amount=100) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda sku: shop.put(cart["id"], sku, 1), skus))
    final = shop.ask("GET", f"/carts/{cart['id']}")
    assert {line["sku"] for line in final["lines"]} == set(skus)
    assert (final["amount"], final["version"]) == (800, 8)


def test_many_buyers_of_few_pieces_never_oversell(shop: Shop) -> None:
    sku = shop.product(stock=3)
    carts = [shop.cart(**{sku: 1}) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(shop.check_out, carts))
    refused = [answer.json()["error"] for answer in answers if answer.status_code == 409]
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 9
    assert {error["type"] for error in refused} == {"OutOfStock"}
    assert refused[0]["items"] == [{"sku": sku, "wanted": 1, "left": 0}]
    assert shop.stock(sku) == 0


def test_many_buyers_with_one_code_never_use_it_more_often_than_it_may_be(shop: Shop) -> None:
    shop.admin("PUT", "/coupons/THRICE", {"basis_points": 1000, "max_uses": 3})
    sku = shop.product(amount=1000)
    carts = [shop.cart(**{sku: 1}) for _ in range(9)]
    carts = [shop.ask("PUT", f"/carts/{cart['id']}/coupon", {"code": "thrice"}) for cart in carts]
    assert {cart["amount"] for cart in carts} == {900}
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(shop.check_out, carts))
    refused = [answer.json()["error"]["type"] for answer in answers if answer.status_code == 409]
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 6
    assert set(refused) <= {"CouponUsedUp", "TotalChanged"}
    used = shop.admin("GET", "/coupons/THRICE")
    assert (used["times_used"], used["discount_given"]) == (3, {"eur": 300})


def test_many_buyers_of_stock_in_shards_buy_the_last_piece_and_no_more(shop: Shop) -> None:
    sku = shop.product(stock=7, shards=3)
    carts = [shop.cart(**{sku: 1}) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(shop.check_out, carts))
    assert sorted(answer.status_code for answer in answers) == [201] * 7 + [409] * 5
    assert shop.stock(sku) == 0


def test_stock_that_becomes_low_is_told_once(shop: Shop) -> None:
    with running_receiver() as receiver:
        endpoint_id = shop.endpoint(receiver, "stock.low")
        sku = shop.product(stock=4)
        shop.admin("PUT", f"/stock/{sku}", {"available": 4, "low_at": 2})
        for _ in range(3):
            _checked_out(shop, shop.cart(**{sku: 1}))
        wait_for(lambda: receiver.received, what="the webhook")
        shop.admin("PUT", f"/stock/{sku}", {"available": 9})
        shop.admin("PUT", f"/stock/{sku}", {"available": 1})
        second = wait_for(
            lambda: receiver.received[1] if len(receiver.received) > 1 else None,
            what="the webhook of the next episode",
        )
        shop.admin("DELETE", f"/endpoints/{endpoint_id}")
    assert second.payload["data"] == {"stock": {"sku": sku, "name": sku, "available": 1, "low_at": 2}}
    assert len({received.id for received in receiver.received}) == 2


def test_an_event_that_cannot_be_read_is_parked_and_holds_nobody_back(
    shop: Shop, receiver: Receiver, stack: LocalStack
) -> None:
    poison = key_row(("EVENT#evt_poison", "EVENT"), kind="event", id=7)
    stack.client("dynamodb").put_item(TableName=stack.outputs["TableName"], Item=poison)
    checkout = _buy(shop, **{shop.product(): 1})
    wait_for(lambda: receiver.of_order(checkout["order_id"]), what="the webhook behind the poison")

    def parked() -> Json | None:
        answer = stack.client("sqs").receive_message(QueueUrl=stack.outputs["RelayDeadQueueUrl"])
        return json.loads(answer["Messages"][0]["Body"]) if answer.get("Messages") else None

    assert wait_for(parked, what="the parked event")["event_id"] == "evt_poison"


def test_browsers_on_other_sites_may_call_the_storefront(shop: Shop) -> None:
    preflight = requests.options(
        f"{shop.api_url}/carts",
        headers={"origin": "https://shop.example", "access-control-request-method": "POST"},
        timeout=10,
    )
    assert preflight.ok
    for answer in (
        preflight,
        shop.call("POST", "/carts"),
        shop.call("GET", "/carts/cart_nonsense"),
        shop.call("GET", "/no/such/route"),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"


def test_a_receiver_that_asks_for_more_time_than_sqs_has_is_scheduled(
    shop: Shop, stack: LocalStack, receiver: Receiver
) -> None:
    receiver.answers[:] = [503]
    receiver.retry_after = "1200"
    checkout = _buy(shop, **{shop.product(): 1})
    (webhook,) = wait_for(lambda: receiver.of_order(checkout["order_id"]), what="the first attempt")

    def recorded() -> Json | None:
        found = shop.admin("GET", f"/events/{webhook.id}/deliveries")["deliveries"]
        return found[0] if found else None

    delivery = wait_for(recorded, what="the record of the attempt")
    assert (delivery["status"], delivery["tries"]) == ("failing", 1)
    schedules = stack.client("scheduler")
    (schedule,) = schedules.list_schedules(GroupName=f"tillhook-{STAGE}")["Schedules"]
    found = schedules.get_schedule(GroupName=f"tillhook-{STAGE}", Name=schedule["Name"])
    assert found["ScheduleExpression"] == f"at({delivery['next_attempt_at'][:19]})"
    # Twenty minutes are long for a test: have it now, by the schedule's own way into the queue.
    soon = datetime.now(UTC) + timedelta(seconds=1)
    schedules.update_schedule(
        GroupName=f"tillhook-{STAGE}",
        Name=schedule["Name"],
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=found["Target"],
    )
    again = wait_for(
        lambda: found if len(found := receiver.of_order(checkout["order_id"])) > 1 else None,
        what="the scheduled attempt",
        patience=60,
    )
    assert again[0] == again[1]
