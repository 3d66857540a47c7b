"""An account without a server, for properties that run hundreds of times."""

import itertools
from typing import Any

from local.stripe_sandbox import intents
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.calls import Call

NOW = 1_800_000_000


def account_of_its_own() -> Account:
    numbers = itertools.count(1)
    return Account(
        clock=lambda: float(NOW),
        new_id=lambda prefix: f"{prefix}_{next(numbers)}",
        publish=lambda _: None,
    )


def call(object_id: str = "", **params: Any) -> Call:  # noqa: ANN401  (whatever the operation takes)
    return Call(params=params, object_id=object_id, by_browser=True)


def paid_intent(account: Account, *, amount: int, card: str = "pm_card_visa") -> JsonObject:
    params: dict[str, Any] = {"amount": amount, "currency": "usd", "confirm": True, "payment_method": card}
    return account.payment_intents.get(intents.create(account, call(**params))["id"])
