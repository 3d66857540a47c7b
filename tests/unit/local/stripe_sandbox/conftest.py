from collections.abc import Iterator

import pytest
import stripe

from local.stripe_sandbox.server import Running, serve
from tests.unit.local.stripe_sandbox.asking import Asker, client_of
from tests.unit.local.stripe_sandbox.receiver import SECRET, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as endpoint:
        yield endpoint


@pytest.fixture
def running() -> Iterator[Running]:
    """A sandbox that tells nobody."""
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def telling(receiver: Receiver) -> Iterator[Running]:
    """A sandbox that tells the receiver, three times again if it must."""
    with serve(webhook_url=receiver.url, webhook_secret=SECRET, retry_delays=(0.01, 0.01, 0.01)) as sandbox:
        yield sandbox


@pytest.fixture
def client(running: Running) -> stripe.StripeClient:
    return client_of(running)


@pytest.fixture
def server(running: Running) -> Asker:
    """Plain HTTP with the secret key."""
    return Asker(running.url, running.secret_key)


@pytest.fixture
def browser(running: Running) -> Asker:
    """Plain HTTP with the publishable key."""
    return Asker(running.url, running.publishable_key)
