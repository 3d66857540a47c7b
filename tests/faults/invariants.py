"""What must hold when all is well again, whatever went wrong before."""

from __future__ import annotations

from collections import Counter

from chalicelib import wiring
from chalicelib.domain.refunds import refunded_total
from chalicelib.ports import OrderStory
from tests.integration.workers.receiver import Post

from .stage import TEAS, Json, Stage


def check(stage: Stage) -> None:
    stories = stage.stories()
    check_that_nothing_waits(stage, stories)
    check_orders(stories)
    check_payments(stage, stories)
    check_stock(stage, stories)
    check_refunds(stage, stories)
    for story in stories:
        check_ledger(story)
    check_events(stage, stories)


def check_that_nothing_waits(stage: Stage, stories: list[OrderStory]) -> None:
    assert not [story.order.id for story in stories if story.order.check_at], "an order is due for ever"
    assert not [story.order.id for story in stories if story.order.status in {"pending", "processing"}]
    assert stage.messages_left() == 0


def check_orders(stories: list[OrderStory]) -> None:
    versions = Counter((story.order.cart_id, story.order.cart_version) for story in stories)
    assert max(versions.values()) == 1, "two orders of one version of a cart"
    held = Counter(story.order.cart_id for story in stories if story.order.payment.status != "canceled")
    assert max(held.values()) == 1, "two orders of a cart that are not canceled"


def check_payments(stage: Stage, stories: list[OrderStory]) -> None:
    """No payment without its order, no paid order without its payment; one intent each, and none that can
    still be paid.
    """
    intents = list(stage.sandbox.account.payment_intents)
    owners = Counter(intent["metadata"]["tillhook_order"] for intent in intents)
    assert max(owners.values()) == 1, "two intents of one order"
    assert owners.keys() == {story.order.id for story in stories}
    assert {intent["status"] for intent in intents} == {"succeeded", "canceled"}
    by_order = {intent["metadata"]["tillhook_order"]: intent for intent in intents}
    for story in stories:
        order, intent = story.order, by_order[story.order.id]
        assert order.is_paid == (intent["status"] == "succeeded"), (order.status, intent["status"])
        assert order.review is None
        assert order.payment.amount_received == intent["amount_received"]
        assert order.payment.reference == intent["id"]
        if order.is_paid:  # whom later notices will be about
            assert wiring.orders().find_order_id(provider="stripe", reference=intent["id"]) == order.id
    assert [story.order.amount for story in stories if story.order.is_paid] == [2 * 1200 + 2 * 700]


def check_stock(stage: Stage, stories: list[OrderStory]) -> None:
    reserved = sum(story.order.reserved.get("tea", 0) for story in stories)
    assert stage.available() == TEAS - reserved
    assert reserved == 1, "of two that were sold, one came back"


def check_refunds(stage: Stage, stories: list[OrderStory]) -> None:
    paid = next(story for story in stories if story.order.is_paid)
    (made,) = stage.sandbox.account.refunds
    (refund,) = paid.refunds
    (charge,) = [charge for charge in stage.sandbox.account.charges if charge["paid"]]
    assert charge["amount_refunded"] == made["amount"] == refund.amount == refunded_total(paid.refunds)
    assert charge["amount_refunded"] <= charge["amount_captured"]
    assert (refund.reference, refund.status) == (made["id"], "succeeded")
    assert paid.order.payment.amount_refunded == refund.amount


_PAID = ["order.placed", "payment.failed", "payment.succeeded", "refund.requested", "refund.succeeded"]


def check_ledger(story: OrderStory) -> None:
    """Each thing that happened is told once, and every change of the order has its line."""
    told = [entry.what for entry in story.ledger]
    assert told == (_PAID if story.order.is_paid else ["order.placed", "payment.canceled"])
    postponed = story.order.version - len(told)
    assert postponed >= 0, "a line without a change"


def check_events(stage: Stage, stories: list[OrderStory]) -> None:
    """What the ledgers name has happened, and reached each endpoint, always as the same."""
    named = [entry.event_id for story in stories for entry in story.ledger if entry.event_id]
    assert len(named) == len(set(named))
    events = {row["id"]["S"]: row for row in stage.rows() if row.get("kind") == {"S": "event"}}
    assert events.keys() == set(named)
    for endpoint in stage.endpoints:
        posts = [post for post in stage.receiver.posts if stage.receiver.url + post.path == endpoint.url]
        check_arrival(stage, posts, events)
    for event_id in events:
        deliveries = wiring.deliveries().list_of_event(event_id)
        assert [delivery.status for delivery in deliveries] == ["delivered"] * len(stage.endpoints)


def check_arrival(stage: Stage, posts: list[Post], events: dict[str, Json]) -> None:
    arrived = {post.headers["webhook-id"] for post in posts}
    assert arrived == events.keys()
    for post in posts:
        webhook_id = post.headers["webhook-id"]
        assert post.body.decode() == events[webhook_id]["payload"]["S"]
        assert post.headers["webhook-signature"].startswith("v1,")
