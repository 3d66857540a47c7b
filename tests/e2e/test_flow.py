"""Deliveries that wait, go again and hinder nobody, on the packaged stack."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from chalicelib.adapters.dynamodb.events import event_row
from local.stack import LocalStack
from tests.e2e.shop import Json, Receiver, Shop, running_receiver, wait_for
from tests.making import an_event

_PATIENCE = 60.0


@contextmanager
def registered(shop: Shop, **fields: object) -> Iterator[tuple[Receiver, str]]:
    """A receiver of its own, and its endpoint's id."""
    with running_receiver() as receiver:
        made = shop.admin("POST", "/endpoints", {"url": receiver.url, "events": ["order.paid"], **fields})
        receiver.secret = made["secret"]
        try:
            yield receiver, made["endpoint"]["id"]
        finally:
            if receiver.answers_when is not None:
                receiver.answers_when.set()
            shop.admin("DELETE", f"/endpoints/{made['endpoint']['id']}")


def happen(stack: LocalStack, count: int) -> list[str]:
    """So many sales, as the table learns of them; the events' ids."""
    events = [an_event(uuid.uuid4(), now=datetime.now(UTC)) for _ in range(count)]
    for event in events:
        stack.client("dynamodb").put_item(TableName=stack.outputs["TableName"], Item=event_row(event))
    return [event.id for event in events]


def ids_of(receiver: Receiver) -> list[str]:
    return [webhook.id for webhook in receiver.received]


def arrival(receiver: Receiver, event_ids: list[str]) -> None:
    wait_for(lambda: set(event_ids) <= set(ids_of(receiver)), what="what was to arrive", patience=_PATIENCE)


def statuses(shop: Shop, endpoint_id: str) -> list[str]:
    items: list[Json] = shop.admin("GET", f"/endpoints/{endpoint_id}/deliveries?limit=100")["items"]
    return [item["status"] for item in items]


def job_done(shop: Shop, job: Json) -> Json:
    def look() -> Json | None:
        found = shop.admin("GET", f"/jobs/{job['id']}")
        return found if found["status"] == "done" else None

    return wait_for(look, what=f"the end of the {job['kind']}", patience=_PATIENCE)


def test_what_happens_while_an_endpoint_is_paused_arrives_once_when_it_is_resumed(
    shop: Shop, stack: LocalStack
) -> None:
    with registered(shop) as (receiver, endpoint_id):
        shop.admin("POST", f"/endpoints/{endpoint_id}/pause")
        event_ids = happen(stack, 3)
        wait_for(lambda: statuses(shop, endpoint_id) == ["held"] * 3, what="the holding", patience=_PATIENCE)
        assert receiver.asked == 0
        resumed = shop.admin("POST", f"/endpoints/{endpoint_id}/resume")
        arrival(receiver, event_ids)
        assert job_done(shop, resumed["job"])["sent"] == 3
        assert sorted(ids_of(receiver)) == sorted(event_ids)
        wait_for(lambda: set(statuses(shop, endpoint_id)) == {"delivered"}, what="the record")


def test_an_endpoint_that_keeps_failing_is_held_and_gets_everything_when_it_is_back(
    shop: Shop, stack: LocalStack
) -> None:
    with registered(shop) as (receiver, endpoint_id):
        receiver.answers[:] = [500] * 1000
        event_ids = happen(stack, 6)
        wait_for(
            lambda: shop.admin("GET", f"/endpoints/{endpoint_id}")["status"] == "failing",
            what="the open circuit",
            patience=_PATIENCE,
        )
        receiver.answers.clear()
        more = happen(stack, 5)
        # Half a minute until the probe; what had failed by itself comes by its schedule, or is released.
        arrival(receiver, more)
        wait_for(
            lambda: shop.admin("GET", f"/endpoints/{endpoint_id}")["status"] == "enabled",
            what="the closed circuit",
        )
        arrival(receiver, event_ids)


def test_events_are_replayed_tests_are_sent_and_deliveries_sent_again(shop: Shop, stack: LocalStack) -> None:
    since = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    event_ids = happen(stack, 4)
    with registered(shop, filter=f"contains(['{event_ids[0]}', '{event_ids[1]}'], id)") as (
        receiver,
        endpoint_id,
    ):
        path = f"/endpoints/{endpoint_id}"
        dry = shop.admin(
            "POST", f"{path}/replay", {"since": since, "dry_run": True}, **{"idempotency-key": "dry"}
        )
        assert job_done(shop, dry)["sent"] == 2
        assert receiver.asked == 0
        job = shop.admin("POST", f"{path}/replay", {"since": since}, **{"idempotency-key": "real"})
        arrival(receiver, event_ids[:2])
        assert job_done(shop, job)["sent"] == 2
        test = shop.admin("POST", f"{path}/test", {}, **{"idempotency-key": "test"})
        arrival(receiver, [test["event_id"]])
        (again, *_) = shop.admin("GET", f"{path}/deliveries?status=delivered")["items"]
        shop.admin("POST", f"/deliveries/{again['id']}/resend", **{"idempotency-key": "again"})
        wait_for(
            lambda: ids_of(receiver).count(again["event_id"]) == 2,
            what="what was sent again",
            patience=_PATIENCE,
        )


def test_one_endpoint_that_never_answers_keeps_nobody_else_waiting(shop: Shop, stack: LocalStack) -> None:
    with registered(shop) as (healthy, _):
        arrival(healthy, happen(stack, 1))  # now it is known to be prompt
        with registered(shop, timeout_seconds=30) as (silent, _):
            silent.answers_when = threading.Event()
            happen(stack, 1)
            wait_for(lambda: silent.asked > 0, what="the request that nobody answers", patience=_PATIENCE)
            arrival(healthy, happen(stack, 30))
            assert not silent.received, "all that arrived while the first request to the other waited"
