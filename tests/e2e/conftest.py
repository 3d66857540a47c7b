"""One shop for all end-to-end tests: the packaged template in the embedded AWS, and a Stripe sandbox."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import pytest
import requests

from chalicelib.services.admin_keys import create_key
from deploy.admin_key import key_store
from deploy.stripe_keys import StripeKeys
from local.stack import FUNCTIONS, STAGE, LocalStack, local_stack
from local.stripe_sandbox.server import Running, serve
from tests.e2e.shop import Receiver, Shop, running_receiver

_LAST = Path(__file__).parent / "test_logs.py"

WEBHOOK_SECRET = "whsec_end_to_end"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    with serve(webhook_secret=WEBHOOK_SECRET) as running:
        yield running


@pytest.fixture(scope="session")
def stack(sandbox: Running) -> Iterator[LocalStack]:
    keys = StripeKeys(
        secret_key=sandbox.secret_key,
        publishable_key=sandbox.publishable_key,
        webhook_secrets=WEBHOOK_SECRET,
    )
    with local_stack(stripe_api_base=sandbox.url, stripe_keys=keys, name="e2e") as deployed:
        endpoint = {"url": f"{deployed.api_url}/callbacks/stripe", "secret": WEBHOOK_SECRET}
        requests.put(
            f"{sandbox.url}/_sandbox/webhooks/endpoints", json={"endpoints": [endpoint]}, timeout=5
        ).raise_for_status()
        yield deployed


@pytest.fixture(scope="session")
def shop(stack: LocalStack, sandbox: Running) -> Shop:
    store = key_store(stage=STAGE, client=stack.client)
    _, key = create_key("end to end", store=store, entropy=token_bytes, now=datetime.now(UTC))
    return Shop(
        api_url=stack.api_url,
        stripe_url=sandbox.url,
        publishable_key=sandbox.publishable_key,
        admin_key=key,
    )


@pytest.fixture
def receiver(shop: Shop) -> Iterator[Receiver]:
    """A receiver of `order.paid`, registered while the test runs."""
    with running_receiver() as running:
        endpoint_id = shop.endpoint(running)
        yield running
        shop.admin("DELETE", f"/endpoints/{endpoint_id}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process for all that share the shop, so that it is opened once; some open their own, or none.

    What looks at all that was logged comes last.
    """
    items.sort(key=lambda item: item.path == _LAST)
    for item in items:
        if item.path.parent == Path(__file__).parent:
            group = (
                item.path.stem if item.path.stem in {"test_demo", "test_deploy", "test_interop"} else "shop"
            )
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the functions logged beside a failure: it happened in their processes, not in ours."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.when == "call" and report.failed and stack is not None:
        for function in FUNCTIONS:
            lines = [line for line in stack.logs(function) if line.startswith("{") and '"INFO"' not in line]
            report.sections.append((f"what {function} logged last", "\n".join(lines[-5:])))
    return report
