import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from chalicelib.adapters.ssm import read_stripe_keys
from deploy import stripe_keys
from deploy.stripe_keys import StripeKeys, UnusableKeys, collect, store

GOOD = {
    "STRIPE_SECRET_KEY": "sk_test_secret1",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_public1",
    "STRIPE_WEBHOOK_SECRET": "whsec_first, whsec_second",
}


def _ask_nobody(prompt: str) -> str:
    raise AssertionError(f"asked for {prompt}")


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[BaseClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["stripe_keys", "--stage", "prod"])
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal
    with mock_aws():
        yield boto3.client("ssm")


def test_the_environment_is_enough() -> None:
    keys = collect(GOOD, ask=_ask_nobody)
    assert (keys.secret_key, keys.publishable_key) == ("sk_test_secret1", "pk_test_public1")


def test_what_the_environment_lacks_is_asked_for() -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return " whsec_typed \n"

    keys = collect(GOOD | {"STRIPE_WEBHOOK_SECRET": ""}, ask=answer)
    assert asked == ["STRIPE_WEBHOOK_SECRET: "]
    assert keys.webhook_secrets == "whsec_typed"


def test_restricted_keys_are_fine() -> None:
    keys = GOOD | {"STRIPE_SECRET_KEY": "rk_live_secret1", "STRIPE_PUBLISHABLE_KEY": "pk_live_public1"}
    assert collect(keys, ask=_ask_nobody).secret_key == "rk_live_secret1"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"STRIPE_SECRET_KEY": "pk_test_public1"}, "STRIPE_SECRET_KEY must begin with sk_"),
        ({"STRIPE_PUBLISHABLE_KEY": "sk_test_secret1"}, "STRIPE_PUBLISHABLE_KEY must begin with pk_"),
        ({"STRIPE_WEBHOOK_SECRET": "sk_test_secret1"}, "STRIPE_WEBHOOK_SECRET must begin with whsec_"),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_first,"}, "STRIPE_WEBHOOK_SECRET must begin with whsec_"),
        (
            {"STRIPE_SECRET_KEY": "sk_live_secret1"},
            "one key is for Stripe's live mode, the other for its test",
        ),
        ({"STRIPE_PUBLISHABLE_KEY": "pk_live_public1"}, "one key is for Stripe's live mode"),
    ],
)
def test_keys_of_the_wrong_kind_or_of_two_modes_are_refused_unrepeated(
    wrong: dict[str, str], why: str
) -> None:
    with pytest.raises(UnusableKeys, match=why) as refused:
        collect(GOOD | wrong, ask=_ask_nobody)
    for secret in ("secret1", "public1", "first"):
        assert secret not in str(refused.value)


def test_keys_do_not_show_when_printed() -> None:
    assert repr(collect(GOOD, ask=_ask_nobody)) == "StripeKeys()"


def test_they_are_stored_encrypted_and_the_functions_read_them(ssm: BaseClient) -> None:
    keys = StripeKeys(secret_key="sk_test_a", publishable_key="pk_test_b", webhook_secrets="whsec_c, whsec_d")
    store(keys, stage="prod", ssm=ssm)
    client: Any = ssm
    assert client.get_parameter(Name="/tillhook/prod/stripe")["Parameter"]["Type"] == "SecureString"
    stored = read_stripe_keys(ssm, "/tillhook/prod")
    assert (stored.secret_key, stored.publishable_key) == ("sk_test_a", "pk_test_b")
    assert stored.webhook_secrets == ["whsec_c", "whsec_d"]


def test_the_command_stores_over_what_is_there_and_prints_no_secret(
    ssm: BaseClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert stripe_keys.main() == 0
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_third")
    assert stripe_keys.main() == 0
    client: Any = ssm
    value = client.get_parameter(Name="/tillhook/prod/stripe", WithDecryption=True)["Parameter"]["Value"]
    assert json.loads(value)["webhook_secrets"] == ["whsec_third"]
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("Stored three secrets in /tillhook/prod/stripe\n" * 2, "")


def test_without_keys_and_without_a_terminal_the_command_says_what_it_lacks(
    ssm: BaseClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stripe_keys.main() == 1
    assert capsys.readouterr().err == "STRIPE_SECRET_KEY is not set, and there is no terminal to ask\n"


def test_refused_keys_are_not_stored(
    ssm: BaseClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (GOOD | {"STRIPE_SECRET_KEY": "sk_live_secret1"}).items():
        monkeypatch.setenv(name, value)
    assert stripe_keys.main() == 1
    assert "secret1" not in "".join(capsys.readouterr())
    client: Any = ssm
    assert client.describe_parameters()["Parameters"] == []
