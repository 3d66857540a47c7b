import json

import pytest
import stripe

from local.stripe_sandbox.server import Running
from local.stripe_sandbox.signing import signature_header
from tests.unit.local.stripe_sandbox.asking import Asker, client_of
from tests.unit.local.stripe_sandbox.receiver import SECRET, Receiver, receiving


def pay(sandbox: Running) -> stripe.PaymentIntent:
    return client_of(sandbox).v1.payment_intents.create(
        {
            "amount": 1099,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example",
        },
        {"idempotency_key": "cart_1:1"},
    )


PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_a_payment_is_told_in_order_by_verifiable_webhooks(telling: Running, receiver: Receiver) -> None:
    intent = pay(telling)
    assert receiver.types(3) == PAID
    event = receiver.wait_for(3)[2].event
    assert event.data.object["id"] == intent.id
    assert (event.object, event.livemode, event.pending_webhooks) == ("event", False, 1)
    assert event.api_version == "2026-10-28.endive"
    assert event.request
    assert event.request.idempotency_key == "cart_1:1"


def test_a_webhook_shows_the_object_as_it_was_then(telling: Running, receiver: Receiver) -> None:
    pay(telling)
    statuses = [webhook.event.data.object["status"] for webhook in receiver.wait_for(3)]
    assert statuses == ["requires_confirmation", "succeeded", "succeeded"]


def test_a_signature_of_another_secret_does_not_verify() -> None:
    payload = json.dumps({"object": "event"}).encode()
    header = signature_header(payload, secret="whsec_other", timestamp=1_800_000_000)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(payload.decode(), header, SECRET, tolerance=None)


def test_a_refused_webhook_comes_again_byte_for_byte(telling: Running, receiver: Receiver) -> None:
    receiver.answers = [500, 302]
    client_of(telling).v1.payment_intents.create({"amount": 100, "currency": "usd"})
    attempts = receiver.wait_for(3)
    assert len({attempt.payload for attempt in attempts}) == 1
    assert telling.sandbox.webhooks.wait_until_idle(5)
    sent = Asker(telling.url).get("/_sandbox/webhooks/sent").body["attempts"]
    assert [(attempt["attempt"], attempt["status"]) for attempt in sent] == [(1, 500), (2, 302), (3, 200)]


def test_a_webhook_that_nobody_takes_is_given_up(telling: Running) -> None:
    asker = Asker(telling.url)
    nowhere = {"url": "http://127.0.0.1:9/", "secret": SECRET}  # the discard port: nobody listens
    asker.put("/webhooks/endpoints", endpoints=[nowhere])
    client = client_of(telling)
    client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    assert asker.get("/_sandbox/webhooks/idle", timeout="5").body == {"idle": True}
    sent = asker.get("/_sandbox/webhooks/sent").body["attempts"]
    assert [attempt["status"] for attempt in sent] == [None] * 4
    assert "refused" in sent[0]["error"]
    assert client.v1.events.list({"delivery_success": False}).data[0].pending_webhooks == 1


def test_a_taken_webhook_is_no_longer_pending(telling: Running, receiver: Receiver) -> None:
    pay(telling)
    assert telling.sandbox.webhooks.wait_until_idle(5)
    events = client_of(telling).v1.events.list({"delivery_success": True}).data
    assert [event.pending_webhooks for event in events] == [0, 0, 0]


def test_an_endpoint_gets_only_what_it_asked_for(telling: Running, receiver: Receiver) -> None:
    with receiving() as other:
        endpoints = [
            {"url": receiver.url, "secret": SECRET},
            {"url": other.url, "secret": SECRET, "events": ["payment_intent.succeeded"]},
        ]
        Asker(telling.url).put("/webhooks/endpoints", endpoints=endpoints)
        pay(telling)
        assert receiver.types(3) == PAID
        assert other.types(1) == ["payment_intent.succeeded"]


def test_a_webhook_can_be_sent_twice(telling: Running, receiver: Receiver) -> None:
    Asker(telling.url).put("/webhooks/switches", duplicate=1)
    pay(telling)
    ids = [webhook.event.id for webhook in receiver.wait_for(6)]
    assert len(set(ids)) == 3
    assert telling.sandbox.webhooks.wait_until_idle(5)
    events = client_of(telling).v1.events.list().data
    assert [event.pending_webhooks for event in events] == [0, 0, 0]


def test_the_events_of_a_request_can_arrive_in_reverse(telling: Running, receiver: Receiver) -> None:
    Asker(telling.url).put("/webhooks/switches", reorder=True)
    pay(telling)
    assert receiver.types(3) == PAID[::-1]


def test_webhooks_can_be_withheld_and_released_in_any_order(telling: Running, receiver: Receiver) -> None:
    asker = Asker(telling.url)
    asker.put("/webhooks/switches", hold=True)
    pay(telling)
    held = asker.get("/_sandbox/webhooks/held").body["event_ids"]
    assert (len(held), receiver.received) == (3, 0)
    asker.order("/webhooks/release", event_ids=[held[1]])
    asker.order("/webhooks/release", order="newest_first")
    assert receiver.types(3) == [PAID[1], PAID[2], PAID[0]]
    assert asker.order("/webhooks/release").body == {"event_ids": []}
    assert asker.order("/webhooks/release", event_ids=["evt_none"]).status == 404


def test_webhooks_can_be_late(telling: Running, receiver: Receiver) -> None:
    Asker(telling.url).put("/webhooks/switches", delay=3600)
    pay(telling)
    assert not telling.sandbox.webhooks.wait_until_idle(0)
    assert receiver.received == 0


def test_an_event_can_be_sent_again(telling: Running, receiver: Receiver) -> None:
    pay(telling)
    event = receiver.wait_for(3)[0].event
    assert Asker(telling.url).order("/webhooks/resend", event_id=event.id).status == 200
    assert receiver.wait_for(4)[3].event.id == event.id


def test_a_switch_that_does_not_exist_is_refused(telling: Running) -> None:
    reply = Asker(telling.url).put("/webhooks/switches", dupliacte=1)
    assert reply.status == 400
    assert "dupliacte" in reply.body["error"]["message"]


def test_a_reset_forgets_everything_but_the_endpoints(telling: Running, receiver: Receiver) -> None:
    asker = Asker(telling.url)
    asker.put("/webhooks/switches", hold=True)
    pay(telling)
    asker.order("/reset")
    client = client_of(telling)
    assert client.v1.payment_intents.list().data == []
    assert client.v1.events.list().data == []
    assert asker.get("/_sandbox/webhooks/held").body == {"event_ids": []}
    pay(telling)  # with the same idempotency key
    assert receiver.types(3) == PAID
