"""Chalice imports app.py while it packages, and every cold start pays for what is imported."""

from __future__ import annotations

import pytest

from tests.unit.workers.importing import traces_of

HEAVY = ["boto3", "botocore", "requests", "urllib3", "stripe", "jmespath", "pydantic"]

READS_PRODUCTS = """
from app import app
from chalicelib import wiring
from chalicelib.ports import Page
class Empty:
    def list_products(self, **_): return Page(items=[], cursor=None)
wiring.catalog = wiring.stock = Empty
answer = app({
    "requestContext": {"requestId": "1", "httpMethod": "GET", "resourcePath": "/products"},
    "headers": {}, "pathParameters": None, "multiValueQueryStringParameters": None, "stageVariables": None,
    "body": None, "isBase64Encoded": False,
}, None)
assert answer["statusCode"] == 200, answer
"""
VERIFIES_A_CALLBACK = """
import hashlib, hmac
from datetime import UTC, datetime
import app
from chalicelib.adapters.ssm import StripeKeys
from chalicelib.adapters.stripe.payments import StripePayments
keys = StripeKeys(secret_key="sk_test_1", publishable_key="pk_test_1", webhook_secrets=["whsec_1"])
payments = StripePayments(lambda: keys, shop="prod")
now = datetime.now(UTC)
body = b'{"id": "evt_1", "type": "invoice.paid", "livemode": false, "created": 1, "data": {"object": {}}}'
time = int(now.timestamp())
signature = hmac.new(b"whsec_1", f"{time}.".encode() + body, hashlib.sha256).hexdigest()
assert payments.parse_callback(body, {"stripe-signature": f"t={time},v1={signature}"}, now=now) is None
assert not payments.livemode
"""
BEGINS_A_PAYMENT = (
    VERIFIES_A_CALLBACK
    + """
payments._client()
"""
)


def test_importing_the_application_dials_nobody_and_reads_nothing_of_ours_or_of_aws() -> None:
    traces = traces_of("import app")
    assert traces.dialled == []
    assert not {name for name in traces.read if name.startswith(("TILLHOOK_", "STRIPE_"))}
    # Chalice itself asks whether its command line or Lambda is what imports the application.
    assert {name for name in traces.read if name.startswith("AWS_")} <= {
        "AWS_CHALICE_CLI_MODE",
        "AWS_EXECUTION_ENV",
    }


@pytest.mark.parametrize("package", HEAVY)
def test_importing_the_application_imports_nothing_heavy(package: str) -> None:
    assert not traces_of("import app").has(package)


def test_browsing_needs_no_stripe() -> None:
    traces = traces_of(READS_PRODUCTS)
    assert not traces.has("stripe")
    assert traces.dialled == []


def test_a_callback_needs_no_stripe() -> None:
    assert not traces_of(VERIFIES_A_CALLBACK).has("stripe")


def test_checkout_is_what_needs_stripe() -> None:
    """So that the tests above would notice."""
    assert traces_of(BEGINS_A_PAYMENT).has("stripe")
