"""Which keys the demo takes, and which never."""

import pytest

from deploy.stripe_keys import UnusableKeys
from local.demo.stripe import test_mode as mode

TEST_KEYS = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}


def test_without_a_secret_key_the_sandbox_takes_stripes_place() -> None:
    assert mode({"STRIPE_WEBHOOK_SECRET": "whsec_1", "STRIPE_SECRET_KEY": " "}, api_base="") is None


def test_a_secret_key_and_a_webhook_secret_are_enough_for_test_mode() -> None:
    chosen = mode(TEST_KEYS, api_base="")
    assert chosen is not None
    assert (chosen.keys.secret_key, chosen.keys.webhook_secrets) == ("sk_test_1", "whsec_1")


def test_a_publishable_key_that_is_given_is_used() -> None:
    chosen = mode(TEST_KEYS | {"STRIPE_PUBLISHABLE_KEY": "pk_test_1"}, api_base="")
    assert chosen is not None
    assert chosen.keys.publishable_key == "pk_test_1"


@pytest.mark.parametrize(
    "live",
    [
        {"STRIPE_SECRET_KEY": "sk_live_1"},
        {"STRIPE_SECRET_KEY": "rk_live_1"},
        {"STRIPE_PUBLISHABLE_KEY": "pk_live_1"},
    ],
)
def test_live_keys_are_refused_and_not_repeated(live: dict[str, str]) -> None:
    with pytest.raises(UnusableKeys, match="live mode") as refusal:
        mode(TEST_KEYS | live, api_base="")
    assert not any(key in str(refusal.value) for key in live.values())


def test_a_missing_webhook_secret_is_said_plainly() -> None:
    with pytest.raises(UnusableKeys, match="STRIPE_WEBHOOK_SECRET is not"):
        mode({"STRIPE_SECRET_KEY": "sk_test_1"}, api_base="")
