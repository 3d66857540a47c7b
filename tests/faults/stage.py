"""The whole shop in one process, with its callers around it, each of which asks again as it does in life.

AWS is moto, Stripe is the sandbox, receivers are real; the app is as it is deployed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

import boto3
import msgspec
import pytest
from chalice.test import Client
from flask import Flask
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends
from msgspec import Struct

from app import app
from chalicelib import wiring
from chalicelib.adapters.ssm import StripeKeys, write_stripe_keys
from chalicelib.adapters.stripe.callbacks import KINDS
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import TillhookError, Unavailable
from chalicelib.domain.refunds import WantedRefund
from chalicelib.domain.signing import new_secret
from chalicelib.ports import OrderStory
from chalicelib.services import housekeeping, refunds
from chalicelib.workers import deliver, relay
from local.stripe_sandbox.app import create_app
from local.stripe_sandbox.sandbox import Sandbox
from local.stripe_sandbox.signing import signature_header
from tests.fakes import NOW, FakeClock, FakeEntropy
from tests.forgetting import COSTLY, forget_wiring
from tests.integration.api.callers import Answer, Shop
from tests.integration.workers.lambda_events import (
    EXPRESS_ARN,
    QUEUE_ARN,
    Context,
    from_stream,
    sequence_number,
)
from tests.integration.workers.receiver import Receiver, receiving
from tests.making import a_product, an_endpoint, signing_secrets
from tests.table_shape import read_table_shape

from .wire import Killed, Wire, connect

Json = dict[str, Any]
Result = TypeVar("Result")

MUG, TEA = a_product("mug", amount=1200), a_product("tea", amount=700, tracked=True)
TEAS = 5
"""How many there are at first."""

_KEPT = COSTLY | {"sender"}  # whose certificates take long to load; it knows nothing but connections

PATIENCE = 6
"""How often a caller asks before it is called a failure: once more than SQS does."""

_REGION, _PREFIX, _SECRET = "eu-central-1", "/tillhook/faults", "whsec_of_the_faults"
_STRIPE = "http://stripe.invalid"
_NUMBERS = count()


class NoAnswer(Exception):
    """The process has ended under its caller."""


class Queue(Struct, frozen=True):
    url: str
    arn: str


class Stage:
    """One shop, its clock and its callers."""

    def __init__(self, theatre: Theatre) -> None:
        self.wire = theatre.wire
        self.clock = theatre.clock
        self.sandbox = theatre.sandbox
        self.receiver = theatre.receiver
        self.shop = Shop(theatre.client, theatre.table, theatre.dynamodb, theatre.ssm, "")
        self.sqs = theatre.sqs
        self.queues = theatre.queues
        self.endpoints = theatre.endpoints
        self._page = theatre.page
        self._told: set[str] = set()
        self._relayed: set[tuple[str, str]] = set()

    # One try

    def invoke(self, work: Callable[[], Result]) -> Result:
        """Have a function do this work; NoAnswer if its process ends. The next one knows nothing of it."""
        self.clock.advance(timedelta(seconds=1))
        try:
            with self.wire.process():
                return work()
        except Killed:
            forget_wiring(keep=_KEPT)
            raise NoAnswer from None

    # The shopper and the owner: they ask again when there is no answer, or one that says so

    def ask(self, method: str, path: str, body: object = None) -> Json:
        for _ in range(PATIENCE):
            answer = self.try_once(method, path, body)
            if answer is not None:
                assert 200 <= answer.status < 300, (method, path, answer.status, answer.content)
                found: Json = answer.json
                return found
        raise AssertionError(f"{method} {path} never succeeds")

    def try_once(self, method: str, path: str, body: object = None) -> Answer | None:
        """The answer; None if there is none, or asking again is advised."""
        try:
            answer = self.invoke(lambda: self.shop.call(method, path, body))
        except NoAnswer:
            return None
        return answer if answer.status < 500 else None

    def pay(self, checkout: Json, *, card: str) -> int:
        """Confirm as Stripe.js does: no call of ours. The status of Stripe's answer."""
        intent = checkout["client_secret"].partition("_secret_")[0]
        form = {
            "key": checkout["publishable_key"],
            "client_secret": checkout["client_secret"],
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": card,
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": "2040",
            "payment_method_data[card][cvc]": "123",
        }
        return self._page.test_client().post(f"/v1/payment_intents/{intent}/confirm", data=form).status_code

    def refund(self, order_id: str, wanted: WantedRefund, *, key: str) -> OrderStory:
        for _ in range(PATIENCE):
            story = self._refund(order_id, wanted, key)
            if story is not None:
                return story
        raise AssertionError("the refund never succeeds")

    def _refund(self, order_id: str, wanted: WantedRefund, key: str) -> OrderStory | None:
        """None if nobody answers, or by 5xx."""
        try:
            return self.invoke(lambda: _refunded(order_id, wanted, key))
        except TillhookError as refusal:
            if not isinstance(refusal, Unavailable):
                raise
        except Exception:  # noqa: BLE001 (a 500, or no answer)
            return None
        return None

    # Stripe: sends a webhook until it is taken

    def webhooks(self) -> list[Json]:
        """Those that were not taken yet, oldest first."""
        events = [event for event in self.sandbox.account.events if event["type"] in KINDS]
        return [event for event in events if event["id"] not in self._told]

    def carry_webhooks(self) -> None:
        for _ in range(PATIENCE):
            for event in self.webhooks():
                if self.call_back(event):
                    self._told.add(event["id"])
            if not self.webhooks():
                return
        raise AssertionError(f"never taken: {[event['type'] for event in self.webhooks()]}")

    def call_back(self, event: Json) -> bool:
        """Whether it was taken."""
        payload = msgspec.json.encode(event)

        def post() -> Answer:
            now = int(self.clock().timestamp())
            return self.shop.call_back(payload, signature_header(payload, secret=_SECRET, timestamp=now))

        try:
            return self.invoke(post).status == 200
        except NoAnswer:
            return False

    def last_webhook(self, kind: str) -> Json:
        return [event for event in self.sandbox.account.events if event["type"] == kind][-1]

    # The table's stream: gives records from the first that failed on

    def carry_stream(self) -> None:
        for _ in range(PATIENCE):
            rows = self._new_rows()
            if not rows:
                return
            for row in rows[: self._relay(rows)]:
                self._relayed.add(_key(row))
        raise AssertionError(f"never relayed: {[_key(row) for row in self._new_rows()]}")

    def _relay(self, rows: list[Json]) -> int:
        """How many of the rows are done."""
        try:
            answer = self.invoke(lambda: relay.relay(from_stream(*rows), Context()))
        except NoAnswer:
            return 0
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        numbers = [sequence_number(index) for index in range(len(rows))]
        return min([numbers.index(number) for number in failed], default=len(rows))

    def _new_rows(self) -> list[Json]:
        """What the stream's filter lets through, in the order in which it happened."""
        told = [row for row in self.rows() if row.get("kind", {}).get("S") in {"event", "job"}]
        new = [row for row in told if _key(row) not in self._relayed]
        return sorted(new, key=lambda row: (row["created_at"]["S"], _key(row)))

    # SQS: gives a message out again until it is done

    def carry_queues(self) -> None:
        for _ in range(PATIENCE):
            if not [queue for queue in self.queues[:2] if self._work_off(queue)]:
                return
        raise AssertionError("messages come again and again")

    def _work_off(self, queue: Queue) -> bool:
        """Whether there was anything to do."""
        found = self.sqs.receive_message(
            QueueUrl=queue.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        if not found:
            return False
        records = [_queue_record(message, queue) for message in found]
        try:
            answer = self.invoke(lambda: deliver.deliver({"Records": records}, Context()))
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        except NoAnswer:
            failed = {record["messageId"] for record in records}
        for message in found:
            handle = {"QueueUrl": queue.url, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] in failed:
                self.sqs.change_message_visibility(VisibilityTimeout=0, **handle)
            else:
                self.sqs.delete_message(**handle)
        return True

    # The clock: comes again, whatever became of it

    def sweep(self) -> None:
        for _ in range(PATIENCE):
            if self._sweep():
                return
            self.clock.advance(timedelta(minutes=5))
        raise AssertionError("housekeeping never gets done")

    def _sweep(self) -> bool:
        """Whether all that was due is settled."""
        try:
            done = self.invoke(_housekeeping)
        except Exception:  # noqa: BLE001 (a crash, whatever it is)
            return False
        return done.is_complete and not done.failed

    def carry_all(self) -> None:
        """Until nothing is under way."""
        self.carry_webhooks()
        self.carry_stream()
        self.carry_queues()

    def come_to_rest(self) -> None:
        """Let time pass until nothing is due and nothing under way."""
        for _ in range(PATIENCE):
            self.carry_all()
            self.clock.advance(timedelta(minutes=31))
            self.sweep()
            if not self.webhooks() and not self._new_rows():
                return
        raise AssertionError("it never comes to rest")

    def rows(self) -> list[Json]:
        """All that is in the table; read where moto has it, since its scans take as long as all the rest."""
        table = dynamodb_backends[DEFAULT_ACCOUNT_ID][_REGION].tables[self.shop.table]
        return [item.to_json()["Attributes"] for items in table.items.values() for item in items.values()]

    def available(self) -> int:
        return wiring.stock().get_stock([TEA.sku])[TEA.sku]

    def messages_left(self) -> int:
        """Waiting, delayed or parked."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
        counts = [
            self.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
            for queue in self.queues
        ]
        return sum(int(number) for found in counts for number in found.values())

    def stories(self) -> list[OrderStory]:
        """Every order there is, oldest first."""
        keys = [_key(row) for row in self.rows()]
        ids = [pk.removeprefix("ORDER#") for pk, sk in keys if sk == "ORDER"]
        found = [wiring.orders().get_order(order_id) for order_id in ids]
        return sorted(
            [story for story in found if story is not None], key=lambda story: story.order.created_at
        )


def _refunded(order_id: str, wanted: WantedRefund, key: str) -> OrderStory:
    return refunds.refund_order(
        order_id,
        wanted,
        key=key,
        by="key_of_the_owner",
        orders=wiring.orders(),
        provider=wiring.stripe(),
        now=wiring.now(),
    )


def _housekeeping() -> housekeeping.Sweep:
    return housekeeping.sweep(
        shop=housekeeping.Shop(
            orders=wiring.orders(), stock=wiring.stock(), catalog=wiring.catalog(), provider=wiring.stripe()
        ),
        clock=wiring.now,
        until=wiring.now() + timedelta(minutes=1),
    )


def _key(row: Json) -> tuple[str, str]:
    return row["pk"]["S"], row["sk"]["S"]


def _queue_record(message: Json, queue: Queue) -> Json:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": _REGION,
    }


class Theatre:
    """What all runs share; each has a table, queues and a Stripe account of its own."""

    def __init__(self, wire: Wire, receiver: Receiver, patch: pytest.MonkeyPatch) -> None:
        self.wire = wire
        self.receiver = receiver
        self.clock = FakeClock()
        self.client = Client(app)
        self.sandbox = Sandbox(clock=lambda: self.clock().timestamp(), new_id=self._new_id)
        self.page: Flask = create_app(self.sandbox)
        session = boto3.session.Session(region_name=_REGION)
        self.dynamodb, self.sqs, self.ssm = (session.client(name) for name in ("dynamodb", "sqs", "ssm"))
        self.table = ""
        self.queues: list[Queue] = []
        self.endpoints = [an_endpoint(name, url=receiver.at(name)) for name in ("mail", "warehouse")]
        self._patch = patch
        self._shape = read_table_shape()
        self._ids = count()
        patch.setattr(wiring, "now", self.clock)
        patch.setattr(deliver, "BATCH", 1)  # the same order of calls in every run
        vars(deliver)["_threads"].cache_clear()
        write_stripe_keys(self.ssm, _PREFIX, _stripe_keys(self.sandbox))
        for endpoint in self.endpoints:
            self._keep_secret(endpoint)
        connect(wire, self.page, patch)

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """A new shop with two endpoints that want everything."""
        self._set()
        yield Stage(self)
        for backends in (dynamodb_backends, sqs_backends):  # which remember every row they ever made
            backends[DEFAULT_ACCOUNT_ID][_REGION].reset()

    def _set(self) -> None:
        name = f"tillhook-faults-{next(_NUMBERS)}"
        self.clock.now = NOW
        self._ids = count()
        self.sandbox.reset()
        self.receiver.posts.clear()
        self.wire.calls.clear()
        self.table = name
        self.dynamodb.create_table(TableName=name, **self._shape)
        self.queues = [
            Queue(self.sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"], arn)
            for kind, arn in (("express", EXPRESS_ARN), ("deliveries", QUEUE_ARN), ("dead", "dead"))
        ]
        self._tell_settings()
        wiring.catalog().put_products([MUG, TEA])
        wiring.stock().set_stock(TEA.sku, TEAS)
        for endpoint in self.endpoints:
            wiring.endpoints().create_endpoint(endpoint)
        forget_wiring(keep=_KEPT)

    def _tell_settings(self) -> None:
        express, deliveries, dead = self.queues
        settings = {
            "TILLHOOK_SHOP": "test",
            "TILLHOOK_TABLE": self.table,
            "TILLHOOK_PARAMETER_PREFIX": _PREFIX,
            "TILLHOOK_DELIVERIES_QUEUE_URL": deliveries.url,
            "TILLHOOK_EXPRESS_QUEUE_URL": express.url,
            "TILLHOOK_EXPRESS_QUEUE_ARN": express.arn,
            "TILLHOOK_RELAY_DEAD_QUEUE_URL": dead.url,
            "TILLHOOK_STRIPE_API_BASE": _STRIPE,
            "TILLHOOK_ENDPOINT_POLICY": "loopback",
        }
        for name, value in settings.items():
            self._patch.setenv(name, value)
        self._patch.setattr(wiring, "entropy", FakeEntropy())
        forget_wiring(keep=_KEPT)

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids):024d}"

    def _keep_secret(self, endpoint: Endpoint) -> None:
        self.ssm.put_parameter(
            Name=f"{_PREFIX}/endpoints/{endpoint.id}",
            Value=msgspec.json.encode(signing_secrets(new_secret(FakeEntropy()))).decode(),
            Type="SecureString",
        )


def _stripe_keys(sandbox: Sandbox) -> StripeKeys:
    return StripeKeys(
        secret_key=sandbox.keys.secret,
        publishable_key=sandbox.keys.publishable,
        webhook_secrets=[_SECRET],
    )


@contextmanager
def theatre() -> Iterator[Theatre]:
    with mock_aws(), receiving() as receiver, pytest.MonkeyPatch.context() as patch, _silence():
        patch.setenv("AWS_DEFAULT_REGION", _REGION)
        forget_wiring()
        yield Theatre(Wire(), receiver, patch)
    forget_wiring()
    vars(deliver)["_threads"].cache_clear()


@contextmanager
def _silence() -> Iterator[None]:
    """Thousands of tracebacks are foreseen."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
