from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Errand, JobPage, Message
from chalicelib.domain.events import Event
from chalicelib.domain.health import Health
from chalicelib.domain.stock import Stock
from chalicelib.ports import Unsendable
from chalicelib.services.relay import INLINE_BYTES
from chalicelib.workers.relay import relay
from tests.integration.workers.lambda_events import (
    NOTHING_FAILED,
    Context,
    failed,
    from_stream,
    sequence_number,
)
from tests.integration.workers.stage import SqsWire, Stage
from tests.making import a_job, a_message, a_product, an_endpoint, an_event

MINE, ORDERS = an_endpoint("mine", events=("order.paid",)), an_endpoint("orders", events=("order.*",))
REFUNDS = an_endpoint("refunds", events=("order.refunded",))
DISABLED = replace(an_endpoint("disabled", events=("*",)), enabled=False)
EVENT = an_event("first")


def messages_of(event: Event, *endpoints: Endpoint) -> list[Message]:
    ordered = sorted(endpoints, key=lambda endpoint: endpoint.id)
    return [a_message(event, endpoint) for endpoint in ordered]


def by_event(*groups: list[Message]) -> list[Message]:
    return sorted(
        [message for group in groups for message in group],
        key=lambda message: (message.event_id, message.endpoint_id),
    )


def ids(*endpoints: Endpoint) -> list[str]:
    return sorted(endpoint.id for endpoint in endpoints)


def run(*images: dict[str, Any]) -> object:
    return relay(from_stream(*images), Context())


def test_an_event_goes_to_each_endpoint_that_wants_it_and_to_no_other(stage: Stage) -> None:
    stage.register(MINE, ORDERS, REFUNDS, DISABLED)
    assert run(*stage.write(EVENT)) == NOTHING_FAILED
    assert sorted(stage.fan_out(EVENT) or ()) == ids(MINE, ORDERS)
    assert stage.take() == messages_of(EVENT, MINE, ORDERS)
    assert stage.parked() == []


def test_a_second_time_goes_to_the_same_endpoints_whatever_became_of_them(stage: Stage) -> None:
    stage.register(MINE, ORDERS)
    rows = stage.write(EVENT)
    run(*rows)
    first = stage.take()
    wiring.endpoints().replace_endpoint(replace(MINE, version=2, enabled=False))
    wiring.endpoints().delete_endpoint(ORDERS.id)
    stage.register(an_endpoint("new", events=("*",)))
    assert run(*rows) == NOTHING_FAILED
    assert stage.take() == first == messages_of(EVENT, MINE, ORDERS)
    assert sorted(stage.fan_out(EVENT) or ()) == ids(MINE, ORDERS)


def test_an_event_that_nobody_wanted_is_never_sent_to_who_came_later(stage: Stage) -> None:
    rows = stage.write(EVENT)
    assert run(*rows) == NOTHING_FAILED
    stage.register(MINE)
    assert run(*rows) == NOTHING_FAILED
    assert stage.fan_out(EVENT) == []
    assert stage.take() == []


@pytest.mark.parametrize(
    "damage",
    [
        {"payload": None},
        {"payload": {"NULL": True}},
        {"payload": {"M": {}}},
        {"created_at": {"S": "yesterday"}},
        {"created_at": {"N": "1.5"}},
        {"id": {"SS": ["evt_a", "evt_b"]}},
        {"order_id": {}},
        {"type": {"L": [{"S": "order.paid"}]}},
    ],
    ids=str,
)
def test_an_image_that_cannot_be_read_is_parked_by_its_id_and_its_neighbours_go_through(
    stage: Stage, damage: dict[str, Any]
) -> None:
    stage.register(MINE)
    poison, *others = (an_event(seed, data="ada@example.com") for seed in ("poison", "before", "after"))
    image, before, after = stage.write(poison, *others)
    broken = {name: value for name, value in (image | damage).items() if value is not None}
    assert run(before, broken, after) == NOTHING_FAILED
    (parked,) = stage.parked()
    assert parked["event_id"] == poison.id
    assert "ada" not in str(parked)
    assert stage.take() == by_event(*(messages_of(other, MINE) for other in others))
    assert stage.fan_out(poison) is None


def test_a_poison_image_that_cannot_be_parked_is_asked_for_again(stage: Stage, wire: SqsWire) -> None:
    stage.register(MINE)
    poison, after = an_event("poison"), an_event("after")
    image, row = stage.write(poison, after)
    wire.cut.add("can't be read")
    broken = image | {"payload": {"NULL": True}}
    assert run(broken, row) == failed(sequence_number(0))
    wire.cut.clear()
    assert run(broken, row) == NOTHING_FAILED
    assert len(stage.parked()) == 1
    assert stage.take() == messages_of(after, MINE)


def test_what_fails_for_a_while_is_asked_for_again_with_all_that_follows_it(
    stage: Stage, wire: SqsWire
) -> None:
    stage.register(MINE, ORDERS)
    events = [an_event(seed) for seed in range(4)]
    rows = stage.write(*events)
    wire.cut.add(events[2].id)
    assert run(*rows) == failed(sequence_number(2))
    done = [messages_of(event, MINE, ORDERS) for event in events[:2]]
    assert stage.take() == by_event(*done)
    assert stage.fan_out(events[3]) is None
    wire.cut.clear()
    assert run(*rows[2:]) == NOTHING_FAILED
    left = [messages_of(event, MINE, ORDERS) for event in events[2:]]
    assert stage.take() == by_event(*left)


def test_what_the_queue_will_never_take_is_parked_and_its_neighbours_go_through(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.register(MINE)
    refused, after = an_event("refused"), an_event("after")
    queue = wiring.errands()
    send = queue.send

    def strict(errands: Sequence[Errand]) -> None:
        if isinstance(errands[0], Message) and errands[0].event_id == refused.id:
            raise Unsendable("InvalidMessageContents")
        send(errands)

    monkeypatch.setattr(queue, "send", strict)
    assert run(*stage.write(refused, after)) == NOTHING_FAILED
    assert stage.parked() == [
        {"event_id": refused.id, "reason": "the queue refuses it: InvalidMessageContents"}
    ]
    assert stage.take() == messages_of(after, MINE)


def test_endpoints_that_change_between_failure_and_retry_change_nothing(stage: Stage, wire: SqsWire) -> None:
    stage.register(MINE)
    rows = stage.write(EVENT)
    wire.cut.add(EVENT.id)
    assert run(*rows) == failed(sequence_number(0))
    wire.cut.clear()
    stage.register(ORDERS)
    assert run(*rows) == NOTHING_FAILED
    assert stage.take() == messages_of(EVENT, MINE)


def test_a_fan_out_that_broke_off_half_way_reaches_everybody_on_the_retry(
    stage: Stage, wire: SqsWire
) -> None:
    many = sorted((an_endpoint(number) for number in range(13)), key=lambda endpoint: endpoint.id)
    stage.register(*many)
    rows = stage.write(EVENT)
    wire.cut.add(many[12].id)  # in the second request: SQS takes ten messages at once
    assert run(*rows) == failed(sequence_number(0))
    assert stage.take() == messages_of(EVENT, *many[:10])
    wire.cut.clear()
    assert run(*rows) == NOTHING_FAILED
    assert stage.take() == messages_of(EVENT, *many)


def test_an_empty_batch_is_no_work(stage: Stage, wire: SqsWire) -> None:
    assert relay({"Records": []}, Context()) == NOTHING_FAILED
    assert wire.sent == []


def test_a_whole_batch_of_a_hundred_is_fanned_out(stage: Stage) -> None:
    stage.register(MINE)
    events = [an_event(number) for number in range(100)]
    assert run(*stage.write(*events)) == NOTHING_FAILED
    assert stage.take() == by_event(*(messages_of(event, MINE) for event in events))


def test_a_large_event_travels_by_its_id(stage: Stage) -> None:
    stage.register(MINE)
    large = an_event("large", data="x" * INLINE_BYTES)
    small = an_event("small", data="x" * (INLINE_BYTES - 1024))
    assert run(*stage.write(large, small)) == NOTHING_FAILED
    expected = [[a_message(large, MINE, inline=False)], [a_message(small, MINE)]]
    assert stage.take() == by_event(*expected)


def test_an_image_that_has_more_than_we_know_is_read_all_the_same(stage: Stage) -> None:
    stage.register(MINE)
    (image,) = stage.write(EVENT)
    assert run(image | {"since_next_version": {"M": {"a": {"N": "1"}}}}) == NOTHING_FAILED
    assert stage.take() == messages_of(EVENT, MINE)


def test_a_job_begins_with_its_first_page(stage: Stage) -> None:
    job = a_job("replay", MINE)
    assert run(stage.ask(job)) == NOTHING_FAILED
    assert stage.errands() == [JobPage(job_id=job.id, endpoint_id=MINE.id, page=1)]


def test_a_probe_begins_when_it_is_time(stage: Stage, wire: SqsWire) -> None:
    job = replace(a_job("probe", MINE), starts_at=wiring.now() + timedelta(seconds=30))
    assert run(stage.ask(job)) == NOTHING_FAILED
    assert stage.errands() == []
    (request,) = wire.sent
    assert 28 <= request["DelaySeconds"] <= 30


def test_a_job_that_can_not_be_read_is_parked(stage: Stage) -> None:
    job = a_job("replay", MINE)
    assert run(stage.ask(job) | {"job_kind": {"S": "dance"}}) == NOTHING_FAILED
    assert stage.parked() == [{"event_id": job.id, "reason": "the row can't be read"}]


def test_who_answers_promptly_is_sent_to_by_the_express_queue(stage: Stage) -> None:
    stage.register(MINE)
    wiring.endpoints().put_health(MINE.id, Health(prompt=True))
    assert run(*stage.write(EVENT)) == NOTHING_FAILED
    assert (stage.errands(), stage.errands(express=True)) == ([], messages_of(EVENT, MINE))


def image_of(stage: Stage, sku: str) -> dict[str, Any]:
    """The stock's row, as the stream carries it."""
    key = {"pk": {"S": f"STOCK#{sku}"}, "sk": {"S": "STOCK"}}
    row: dict[str, Any] = stage.dynamodb.get_item(TableName=stage.table, Key=key)["Item"]
    return row


def events(stage: Stage) -> list[dict[str, Any]]:
    rows = stage.dynamodb.scan(TableName=stage.table)["Items"]
    return [row for row in rows if row.get("kind") == {"S": "event"}]


def test_stock_that_becomes_low_becomes_an_event_that_is_fanned_out(stage: Stage) -> None:
    stage.register(an_endpoint("stock", events=("stock.low",)))
    wiring.catalog().put_products([a_product("mug", tracked=True)])
    wiring.stock().set_stock("mug", 4, low_at=5)
    image = image_of(stage, "mug")
    assert run(image, image) == NOTHING_FAILED
    (event,) = events(stage)
    assert run(image, event, image_of(stage, "mug")) == NOTHING_FAILED
    assert len(events(stage)) == 1
    (message,) = stage.take()
    assert message.event_type == "stock.low"
    assert message.payload is not None
    told = msgspec.json.decode(message.payload)["data"]
    assert told == {"stock": {"sku": "mug", "name": "A mug", "available": 4, "low_at": 5}}
    wiring.stock().set_stock("mug", 6)
    assert run(image_of(stage, "mug")) == NOTHING_FAILED
    assert "low_since" not in image_of(stage, "mug")


def test_stock_in_shards_is_low_by_its_sum_and_looked_at_once_in_a_batch(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, looks = wiring.stock(), []
    read = store.get_stock_rows

    def counted(skus: Iterable[str]) -> dict[str, Stock]:
        looks.append(skus)
        return read(skus)

    store.set_stock("mug", 6, shards=3, low_at=5)
    rows = ["mug", "mug#1", "mug#2"]
    monkeypatch.setattr(store, "get_stock_rows", counted)
    assert run(*(image_of(stage, name) for name in rows)) == NOTHING_FAILED
    assert (len(looks), events(stage)) == (1, [])
    store.adjust_stock("mug", -1, key="sale", now=wiring.now())
    images = [image_of(stage, name) for name in rows]
    assert run(images[1]) == run(*images) == NOTHING_FAILED
    (event,) = events(stage)
    assert msgspec.json.decode(event["payload"]["S"])["data"]["stock"]["available"] == 5
    store.adjust_stock("mug", 1, key="more", now=wiring.now())
    assert run(images[2]) == NOTHING_FAILED
    assert "low_since" not in image_of(stage, "mug")


def test_stock_that_can_not_be_read_is_parked(stage: Stage) -> None:
    wiring.stock().set_stock("mug", 4, low_at=5)
    assert run(image_of(stage, "mug") | {"available": {"S": "few"}}) == NOTHING_FAILED
    assert stage.parked() == [{"event_id": "STOCK#mug", "reason": "the row can't be read"}]
