"""Each worker pays at every cold start for what it imports, and only for what it needs."""

from __future__ import annotations

import pytest

from tests.unit.workers.importing import Traces, traces_of

# What a cold start makes, as far as it goes without AWS.
RELAY = """
from chalicelib.workers.relay import relay
import chalicelib.adapters.dynamodb.endpoints, chalicelib.adapters.dynamodb.events, chalicelib.adapters.sqs
assert relay({"Records": []}, None) == {"batchItemFailures": []}
"""
DELIVER = """
from chalicelib import wiring
from chalicelib.workers import deliver
import chalicelib.adapters.dynamodb.events, chalicelib.adapters.cached_endpoints, chalicelib.adapters.sqs
import chalicelib.adapters.ssm
from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.adapters.http.resolver import SystemResolver
from chalicelib.adapters.http.sender import HttpSender
HttpSender(SystemResolver(), EndpointPolicy("public"))
"""


@pytest.fixture(scope="module", params=["relay", "deliver"])
def imported(request: pytest.FixtureRequest) -> Traces:
    """What importing the worker alone leaves behind."""
    return traces_of(f"import chalicelib.workers.{request.param}")


def test_importing_a_worker_dials_nobody_and_reads_nothing_of_ours_or_of_aws(imported: Traces) -> None:
    assert imported.dialled == []
    assert not {name for name in imported.read if name.startswith(("TILLHOOK_", "AWS_"))}


@pytest.mark.parametrize("package", ["boto3", "botocore", "requests", "urllib3", "stripe", "app"])
def test_importing_a_worker_imports_nothing_heavy(imported: Traces, package: str) -> None:
    assert not imported.has(package)


@pytest.mark.parametrize(
    "package", ["stripe", "requests", "boto3", "chalicelib.api", "chalicelib.adapters.http"]
)
def test_the_relay_at_work_needs_neither_stripe_nor_http(package: str) -> None:
    assert not traces_of(RELAY).has(package)


@pytest.mark.parametrize("package", ["stripe", "boto3", "chalicelib.api", "chalicelib.adapters.stripe"])
def test_deliver_at_work_needs_no_stripe(package: str) -> None:
    assert not traces_of(DELIVER).has(package)


def test_deliver_at_work_is_what_needs_urllib3() -> None:
    """So that the tests above would notice."""
    assert traces_of(DELIVER).has("urllib3")
