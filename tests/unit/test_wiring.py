from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest

from chalicelib import wiring
from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.limits import Limits
from chalicelib.settings import Settings
from tests.forgetting import forget_wiring

DEPLOYED = {
    "TILLHOOK_SHOP": "prod",
    "TILLHOOK_TABLE": "tillhook-prod",
    "TILLHOOK_PARAMETER_PREFIX": "/tillhook/prod",
    "TILLHOOK_DELIVERIES_QUEUE_URL": "https://sqs.example.com/deliveries",
    "TILLHOOK_EXPRESS_QUEUE_URL": "https://sqs.example.com/express",
    "TILLHOOK_EXPRESS_QUEUE_ARN": "arn:aws:sqs:eu-central-1:123456789012:express",
    "TILLHOOK_ALERT_EMAIL": "owner@shop.example",
    "TILLHOOK_STAGE": "prod",
    "TILLHOOK_RELAY_DEAD_QUEUE_URL": "https://sqs.example.com/dead",
    "TILLHOOK_DELIVERIES_QUEUE_ARN": "arn:aws:sqs:eu-central-1:123456789012:deliveries",
    "TILLHOOK_DELIVERIES_DEAD_QUEUE_ARN": "arn:aws:sqs:eu-central-1:123456789012:dead",
    "TILLHOOK_SCHEDULE_GROUP": "tillhook-prod",
    "TILLHOOK_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/retries",
    "TILLHOOK_STRIPE_API_BASE": "http://127.0.0.1:12111",
    "TILLHOOK_ENDPOINT_POLICY": "loopback",
    "TILLHOOK_ENDPOINT_PORTS": "443,9443",
    "TILLHOOK_CARTS_PER_ADDRESS": "300",
    "TILLHOOK_ORDERS_PER_ADDRESS": "60",
    "TILLHOOK_ORDERS_PER_CART": "20",
}
FACTORIES = [
    "settings", "table", "carts", "counters", "catalog", "stock", "orders", "events", "deliveries", "jobs",
    "slots", "endpoints", "recent_endpoints", "keys", "endpoint_secrets", "stripe", "errands", "dead_letters",
    "resolver", "sender", "expressions", "mailer", "outbound",
]  # fmt: skip


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """That of a deployed function; what was made from it is forgotten before and after."""
    for name, value in (DEPLOYED | {"AWS_DEFAULT_REGION": "eu-central-1"}).items():
        monkeypatch.setenv(name, value)
    forget_wiring()
    yield monkeypatch
    forget_wiring()


def test_settings_are_what_the_deployment_says(environment: pytest.MonkeyPatch) -> None:
    assert wiring.settings() == Settings(
        shop="prod",
        table="tillhook-prod",
        parameter_prefix="/tillhook/prod",
        deliveries_queue_url="https://sqs.example.com/deliveries",
        express_queue_url="https://sqs.example.com/express",
        express_queue_arn="arn:aws:sqs:eu-central-1:123456789012:express",
        relay_dead_queue_url="https://sqs.example.com/dead",
        deliveries_queue_arn="arn:aws:sqs:eu-central-1:123456789012:deliveries",
        deliveries_dead_queue_arn="arn:aws:sqs:eu-central-1:123456789012:dead",
        schedule_group="tillhook-prod",
        schedule_role_arn="arn:aws:iam::123456789012:role/retries",
        stripe_api_base="http://127.0.0.1:12111",
        alert_email="owner@shop.example",
        stage="prod",
        endpoint_policy=EndpointPolicy("loopback", frozenset({443, 9443})),
        limits=Limits(carts_per_address=300, orders_per_address=60, orders_per_cart=20),
    )


def test_a_function_need_not_be_told_what_it_does_not_use(environment: pytest.MonkeyPatch) -> None:
    for name in DEPLOYED.keys() - {"TILLHOOK_TABLE"}:
        environment.delenv(name)
    settings = wiring.settings()
    assert (settings.shop, settings.table) == ("", "tillhook-prod")
    assert (settings.deliveries_queue_url, settings.stripe_api_base) == ("", "")


def test_hooks_may_only_go_to_the_public_internet_unless_it_is_said(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("TILLHOOK_ENDPOINT_POLICY")
    assert wiring.settings().endpoint_policy.reach == "public"


@pytest.mark.parametrize("policy", ["", "all", "Loopback", "public "])
def test_a_policy_that_nobody_knows_stops_the_function(environment: pytest.MonkeyPatch, policy: str) -> None:
    environment.setenv("TILLHOOK_ENDPOINT_POLICY", policy)
    with pytest.raises(msgspec.ValidationError):
        wiring.settings()


@pytest.mark.parametrize("name", ["TILLHOOK_TABLE"])
def test_a_setting_that_everything_needs_stops_the_function_by_its_name(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.delenv(name)
    with pytest.raises(KeyError, match=name):
        wiring.settings()


@pytest.mark.parametrize("factory", FACTORIES)
def test_each_thing_is_made_once(environment: pytest.MonkeyPatch, factory: str) -> None:
    make = getattr(wiring, factory)
    assert make() is make()


def test_making_everything_asks_nobody(environment: pytest.MonkeyPatch) -> None:
    """Nor does it need credentials: the first request does."""
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert all(getattr(wiring, factory)() for factory in FACTORIES)


def test_times_are_in_utc_and_randomness_is_fit_for_secrets() -> None:
    offset = wiring.now().utcoffset()
    assert offset is not None
    assert not offset
    assert len(wiring.entropy(16)) == 16
    assert wiring.entropy(16) != wiring.entropy(16)


def test_importing_the_wiring_imports_no_sdk_and_reads_no_environment() -> None:
    """Chalice imports the application while it packages it, and each import is part of a cold start."""
    script = (
        "import os, sys; os.environ.clear(); import chalicelib.wiring;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'boto3', 'botocore', 'stripe', 'requests', 'urllib3', 'chalice'}))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
