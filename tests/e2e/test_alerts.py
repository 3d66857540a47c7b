"""What fails for good comes to its owner's mailbox, and to the other endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct

from local.stack import ALERT_EMAIL, LocalStack
from tests.e2e.shop import Json, Receiver, Shop, running_receiver, wait_for

GONE = 410


class Incident(Struct, frozen=True):
    """A receiver that is gone for good, the order that it did not hear of, and who else was told."""

    endpoint_id: str
    order_id: str
    watcher: Receiver


@pytest.fixture(scope="module")
def incident(shop: Shop) -> Iterator[Incident]:
    with running_receiver() as gone, running_receiver() as watcher:
        watching = shop.endpoint(watcher, "endpoint.disabled", "delivery.dead")
        gone.answers = [GONE]
        endpoint_id = shop.endpoint(gone, "order.paid")
        checkout: Json = shop.check_out(shop.cart(**{shop.product(): 2})).json()
        assert shop.pay(checkout).ok
        yield Incident(endpoint_id, checkout["order_id"], watcher)
        for left in (endpoint_id, watching):
            shop.admin("DELETE", f"/endpoints/{left}")


def _mailed(stack: LocalStack, subject: str, about: str) -> dict[str, Any]:
    """A mail with such a subject in whose text `about` is to be found."""

    def look() -> list[dict[str, Any]]:
        return [
            mail
            for mail in stack.mails()
            if mail["Subject"].startswith(subject) and about in mail["BodyText"]
        ]

    mail, *_ = wait_for(look, what=f"a mail {subject!r}")  # at least once
    return mail


def test_the_owner_is_mailed_an_order_that_a_receiver_will_never_get(
    stack: LocalStack, incident: Incident
) -> None:
    mail = _mailed(stack, "Not delivered:", incident.order_id)
    assert mail["Subject"] == f"Not delivered: order.paid of order {incident.order_id} to 127.0.0.1"
    assert (mail["Source"], mail["To"]) == (f"Tillhook local <{ALERT_EMAIL}>", [ALERT_EMAIL])
    assert "At last   It answered 410." in mail["BodyText"]
    assert "Buyer     Ada Lovelace <ada@shopper.example>" in mail["BodyText"]
    content = json.loads(mail["BodyText"].partition("\nTHE WHOLE EVENT\n")[2])
    assert content["data"]["order"]["id"] == incident.order_id


def test_the_owner_is_mailed_that_an_endpoint_was_disabled(stack: LocalStack, incident: Incident) -> None:
    mail = _mailed(stack, "Endpoint disabled:", incident.endpoint_id)
    assert "Why       It answered 410 Gone." in mail["BodyText"]
    assert f"/admin/endpoints/{incident.endpoint_id}/resume" in mail["BodyText"]


@pytest.mark.parametrize("event_type", ["delivery.dead", "endpoint.disabled"])
def test_the_other_endpoints_are_told(incident: Incident, event_type: str) -> None:
    def look() -> list[Json]:
        told = [received.payload for received in incident.watcher.received]
        return [
            payload
            for payload in told
            if payload["type"] == event_type and incident.endpoint_id in json.dumps(payload)
        ]

    payload, *_ = wait_for(look, what=f"{event_type} at the other endpoint")
    assert payload["data"]


def test_no_log_shows_whom_a_mail_is_for_or_what_it_says(stack: LocalStack, incident: Incident) -> None:
    _mailed(stack, "Not delivered:", incident.order_id)
    logged = "\n".join(stack.logs("deliver"))
    assert ALERT_EMAIL not in logged
    assert "ada@shopper.example" not in logged
    assert "Lovelace" not in logged
