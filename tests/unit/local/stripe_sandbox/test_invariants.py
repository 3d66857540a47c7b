"""Whatever happens to an intent, in whatever order, some things never do."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from local.stripe_sandbox import intents, settling
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.errors import StripeError
from tests.unit.local.stripe_sandbox.making import account_of_its_own, call

METHODS = (
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_threeDSecure2Required",
    "pm_card_threeDSecureRequiredChargeDeclined",
    "pm_usBankAccount_success",
)
ENDS = {"succeeded", "canceled"}

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("confirm"), st.sampled_from(METHODS)),
        st.tuples(st.sampled_from(["authenticate", "complete"]), st.sampled_from(["yes", "no"])),
        st.tuples(st.sampled_from(["cancel", "update", "confirm again"]), st.just("")),
    ),
    max_size=10,
)


def take(step: str, choice: str, account: Account, intent: JsonObject) -> None:
    if step == "confirm":
        intents.confirm(account, call(intent["id"], payment_method=choice))
    elif step == "confirm again":
        intents.confirm(account, call(intent["id"]))
    elif step == "authenticate":
        settling.authenticate(account, intent, passed=choice == "yes")
    elif step == "complete":
        settling.complete(account, intent, paid=choice == "yes")
    elif step == "cancel":
        intents.cancel(account, call(intent["id"]))
    else:
        intents.update(account, call(intent["id"], amount=intent["amount"] + 1))


@settings(deadline=None, max_examples=60)
@given(_steps)
def test_money_is_taken_once_and_an_end_is_an_end(steps: list[tuple[str, str]]) -> None:
    account = account_of_its_own()
    intent = intents.create(account, call(amount=1000, currency="usd"))
    for step, choice in steps:
        before = intent["status"]
        with suppress(StripeError):
            take(step, choice, account, intent)
        assert before not in ENDS or intent["status"] == before
        taken = [charge for charge in account.charges if charge["paid"]]
        assert len(taken) == (intent["status"] == "succeeded")
        assert intent["amount_received"] == sum(charge["amount"] for charge in taken)
        assert (intent["next_action"] is not None) == (intent["status"] == "requires_action")


@settings(deadline=None, max_examples=60)
@given(_steps)
def test_every_change_of_state_is_told(steps: list[tuple[str, str]]) -> None:
    account = account_of_its_own()
    intent = intents.create(account, call(amount=1000, currency="usd"))
    told = {
        "succeeded": "payment_intent.succeeded",
        "canceled": "payment_intent.canceled",
        "requires_action": "payment_intent.requires_action",
        "processing": "payment_intent.processing",
    }
    for step, choice in steps:
        before = intent["status"]
        with suppress(StripeError):
            take(step, choice, account, intent)
        if intent["status"] != before and intent["status"] in told:
            about_the_intent = [
                event["type"] for event in account.events if event["data"]["object"]["id"] == intent["id"]
            ]
            assert about_the_intent[-1] == told[intent["status"]]
