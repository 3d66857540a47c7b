"""The sandbox put together: one account, its keys, its courier, and the mishaps on order."""

import secrets
import string
import time
from collections.abc import Iterable

from local.stripe_sandbox.account import Account, Clock, NewId
from local.stripe_sandbox.faults import Faults
from local.stripe_sandbox.idempotency import IdempotencyKeys
from local.stripe_sandbox.keys import Keys
from local.stripe_sandbox.webhooks import RETRY_DELAYS, Courier, Endpoint

SECRET_KEY = "sk_test_tillhook_sandbox"  # noqa: S105  (opens nothing but this sandbox)
PUBLISHABLE_KEY = "pk_test_tillhook_sandbox"
WEBHOOK_SECRET = "whsec_tillhook_sandbox"  # noqa: S105  (signs for this sandbox only)

_ALPHABET = string.ascii_letters + string.digits


def random_id(prefix: str) -> str:
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(24))


class Sandbox:
    def __init__(
        self,
        *,
        secret_key: str = SECRET_KEY,
        publishable_key: str = PUBLISHABLE_KEY,
        endpoints: Iterable[Endpoint] = (),
        clock: Clock = time.time,
        new_id: NewId = random_id,
        retry_delays: tuple[float, ...] = RETRY_DELAYS,
    ) -> None:
        self.keys = Keys(secret=secret_key, publishable=publishable_key)
        self.webhooks = Courier(endpoints=endpoints, clock=clock, retry_delays=retry_delays)
        self.account = Account(clock=clock, new_id=new_id, publish=self.webhooks.publish)
        self.webhooks.on_taken = self.account.acknowledge
        self.idempotency = IdempotencyKeys(clock=clock)
        self.faults = Faults()
        self.new_id = new_id

    def reset(self) -> None:
        """Everything is forgotten but the keys and the webhook endpoints."""
        self.faults.clear()
        self.idempotency.clear()
        self.webhooks.clear()
        self.account.clear()
