"""The whole API in one process: Chalice's own router on moto, with the Stripe sandbox as provider."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from chalice.test import Client
from moto import mock_aws

from app import app
from chalicelib import wiring
from chalicelib.adapters.ssm import StripeKeys, write_stripe_keys
from chalicelib.services.admin_keys import create_key
from local.stripe_sandbox.server import serve
from tests.fakes import FakeResolver
from tests.forgetting import COSTLY, forget_wiring
from tests.integration.api.callers import Shop, Stripe
from tests.unit.local.stripe_sandbox.receiver import SECRET, receiving

PREFIX = "/tillhook/test"
_NUMBERS = count()


@pytest.fixture(scope="module")
def aws() -> Iterator[boto3.session.Session]:
    with mock_aws():
        forget_wiring()
        yield boto3.session.Session(region_name="eu-central-1")
        forget_wiring()


@pytest.fixture(scope="session")
def stripe() -> Iterator[Stripe]:
    with receiving() as receiver, serve(webhook_url=receiver.url, webhook_secret=SECRET) as running:
        yield Stripe(running, receiver)


@pytest.fixture(scope="session")
def client() -> Client:
    return Client(app)


@pytest.fixture(scope="module")
def dynamodb(aws: boto3.session.Session) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
    return aws.client("dynamodb")


@pytest.fixture(scope="module")
def ssm(aws: boto3.session.Session, stripe: Stripe) -> Any:  # noqa: ANN401 (as above)
    client = aws.client("ssm")
    write_stripe_keys(
        client,
        PREFIX,
        StripeKeys(
            secret_key=stripe.running.secret_key,
            publishable_key=stripe.running.publishable_key,
            webhook_secrets=["whsec_of_last_year", SECRET],
        ),
    )
    return client


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The API makes every handler write JSON, pytest's own too."""
    handlers, ours = logging.getLogger().handlers, logging.getLogger("chalicelib")
    before, level = [(handler, handler.formatter) for handler in handlers], ours.level
    yield
    for handler, formatter in before:
        handler.setFormatter(formatter)
    ours.setLevel(level)


@pytest.fixture
def resolver() -> FakeResolver:
    """hooks.example.com is a public address, inside.example.com is not, mixed.example.com is both."""
    public, private = ipaddress.ip_address("93.184.215.14"), ipaddress.ip_address("10.0.0.7")
    return FakeResolver(
        {
            "hooks.example.com": [public],
            "inside.example.com": [private],
            "mixed.example.com": [public, private],
            "self.example.com": [ipaddress.ip_address("127.0.0.1")],
            "self6.example.com": [ipaddress.ip_address("::1")],
            "metadata.example.com": [ipaddress.ip_address("169.254.169.254")],
        }
    )


@pytest.fixture
def shop(
    table_shape: dict[str, Any],
    dynamodb: Any,  # noqa: ANN401 (as above)
    ssm: Any,  # noqa: ANN401 (as above)
    stripe: Stripe,
    client: Client,
    resolver: FakeResolver,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    """An empty shop with one admin key."""
    table = f"tillhook-api-{next(_NUMBERS)}"
    dynamodb.create_table(TableName=table, **table_shape)
    settings = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "TILLHOOK_SHOP": "test",
        "TILLHOOK_TABLE": table,
        "TILLHOOK_PARAMETER_PREFIX": PREFIX,
        "TILLHOOK_STRIPE_API_BASE": stripe.running.url,
        "TILLHOOK_ENDPOINT_POLICY": "public",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "resolver", lambda: resolver)  # no test asks the world's DNS
    forget_wiring(keep=COSTLY)
    _, key = create_key("tests", store=wiring.keys(), entropy=wiring.entropy, now=wiring.now())
    yield Shop(client, table, dynamodb, ssm, key)
    forget_wiring(keep=COSTLY)
    dynamodb.delete_table(TableName=table)
