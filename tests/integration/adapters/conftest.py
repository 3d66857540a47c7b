"""The stores that the promises of chalicelib/ports.py are tested on.

The fake, and the real ones on moto and, where it can be had, on Amazon's own DynamoDB Local. moto loses
concurrent transactions, honours no idempotency token and counts no capacity: tests/races is about those.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws
from msgspec import Struct

from chalicelib.adapters.dynamodb.bookkeeping import DynamoBookkeeping
from chalicelib.adapters.dynamodb.carts import DynamoCarts
from chalicelib.adapters.dynamodb.catalog import DynamoCatalog
from chalicelib.adapters.dynamodb.counters import DynamoCounters
from chalicelib.adapters.dynamodb.deliveries import DynamoDeliveries
from chalicelib.adapters.dynamodb.endpoints import DynamoEndpoints
from chalicelib.adapters.dynamodb.events import DynamoEvents
from chalicelib.adapters.dynamodb.jobs import DynamoJobs
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.orders import DynamoOrders
from chalicelib.adapters.dynamodb.pricing import DynamoPricing
from chalicelib.adapters.dynamodb.slots import DynamoSlots
from chalicelib.adapters.dynamodb.stock import DynamoStock
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.ssm import SsmSecrets
from chalicelib.ports import (
    Bookkeeping,
    CartStore,
    CatalogStore,
    Counters,
    DeliveryStore,
    EndpointStore,
    EventStore,
    HealthStore,
    JobStore,
    KeyStore,
    OrderStore,
    PriceStore,
    SecretStore,
    Slots,
    StockStore,
)
from tests.databases import Database
from tests.fakes import FakeSlots, World

_NUMBERS = count()


class Stores(Struct, frozen=True, kw_only=True):
    """One world, by its ports."""

    carts: CartStore
    counters: Counters
    catalog: CatalogStore
    stock: StockStore
    prices: PriceStore
    orders: OrderStore
    events: EventStore
    deliveries: DeliveryStore
    endpoints: EndpointStore
    health: HealthStore
    jobs: JobStore
    slots: Slots
    secrets: SecretStore
    keys: KeyStore
    bookkeeping: Bookkeeping


class Clients(Struct, frozen=True):
    """botocore's."""

    dynamodb: Any
    sqs: Any
    ssm: Any


@pytest.fixture(scope="module")
def aws() -> Iterator[Clients]:
    with mock_aws():
        session = boto3.session.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-central-1"
        )
        yield Clients(session.client("dynamodb"), session.client("sqs"), session.client("ssm"))


@pytest.fixture
def table(aws: Clients, table_shape: dict[str, Any]) -> Iterator[Table]:
    with _new_table(aws.dynamodb, table_shape) as made:
        yield made


@pytest.fixture
def genuine_table(dynamodb_of_amazon: Database, table_shape: dict[str, Any]) -> Iterator[Table]:
    with _new_table(dynamodb_of_amazon.client, table_shape) as made:
        yield made


@contextmanager
def _new_table(client: Any, shape: dict[str, Any]) -> Iterator[Table]:  # noqa: ANN401 (botocore's client)
    name = f"tillhook-{next(_NUMBERS)}"
    client.create_table(TableName=name, **shape)
    yield Table(client, name, pause=lambda _: None)
    client.delete_table(TableName=name)


@pytest.fixture(
    params=[
        "fake",
        pytest.param("table", id="aws"),
        pytest.param("genuine_table", id="dynamodb-local", marks=pytest.mark.xdist_group("dynamodb-local")),
    ]
)
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "fake":
        world = World()
        return Stores(
            carts=world,
            counters=world,
            catalog=world,
            stock=world,
            prices=world,
            orders=world,
            events=world,
            deliveries=world,
            endpoints=world,
            health=world,
            jobs=world,
            slots=FakeSlots(),
            secrets=world,
            keys=world,
            bookkeeping=world,
        )
    table: Table = request.getfixturevalue(request.param)
    clients: Clients = request.getfixturevalue("aws")
    endpoints = DynamoEndpoints(table)
    return Stores(
        carts=DynamoCarts(table),
        counters=DynamoCounters(table),
        catalog=DynamoCatalog(table),
        stock=DynamoStock(table),
        prices=DynamoPricing(table),
        orders=DynamoOrders(table),
        events=DynamoEvents(table),
        deliveries=DynamoDeliveries(table),
        endpoints=endpoints,
        health=endpoints,
        jobs=DynamoJobs(table),
        slots=DynamoSlots(table),
        secrets=SsmSecrets(clients.ssm, f"/{table.name}"),
        keys=DynamoKeys(table),
        bookkeeping=DynamoBookkeeping(table),
    )
