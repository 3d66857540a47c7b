"""Store a stage's three Stripe secrets in SSM Parameter Store, encrypted.

    python -m deploy.stripe_keys --stage prod

Takes them from STRIPE_SECRET_KEY, STRIPE_PUBLISHABLE_KEY and STRIPE_WEBHOOK_SECRET (several, separated by
commas, while one is being replaced), or asks without showing what is typed. Nothing prints them. Functions
read them at their next cold start.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import boto3
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters import ssm as ssm_secrets

VARIABLES = {
    "secret_key": "STRIPE_SECRET_KEY",
    "publishable_key": "STRIPE_PUBLISHABLE_KEY",
    "webhook_secrets": "STRIPE_WEBHOOK_SECRET",
}


class UnusableKeys(Exception):
    """A key is missing or is not what its name says; the text never contains it."""


@dataclass(frozen=True, kw_only=True)
class StripeKeys:
    """What a stage needs from a Stripe account; checked for being of the right kind and of one mode."""

    secret_key: str = field(repr=False)
    publishable_key: str = field(repr=False)
    webhook_secrets: str = field(repr=False)  # comma-separated

    def __post_init__(self) -> None:
        if not self.secret_key.startswith(("sk_", "rk_")):
            raise UnusableKeys("STRIPE_SECRET_KEY must begin with sk_ (or rk_, a restricted key)")
        if not self.publishable_key.startswith("pk_"):
            raise UnusableKeys("STRIPE_PUBLISHABLE_KEY must begin with pk_")
        if not all(secret.strip().startswith("whsec_") for secret in self.webhook_secrets.split(",")):
            raise UnusableKeys("STRIPE_WEBHOOK_SECRET must begin with whsec_, each one of several")
        if self.secret_key[3:8] != self.publishable_key[3:8]:  # live_ or test_
            raise UnusableKeys("one key is for Stripe's live mode, the other for its test mode")


def store(keys: StripeKeys, *, stage: str, ssm: BaseClient) -> None:
    """Write the SecureString /tillhook/{stage}/stripe, over what is there."""
    stored = ssm_secrets.StripeKeys(
        secret_key=keys.secret_key,
        publishable_key=keys.publishable_key,
        webhook_secrets=[secret.strip() for secret in keys.webhook_secrets.split(",")],
    )
    ssm_secrets.write_stripe_keys(ssm, f"/tillhook/{stage}", stored)


def collect(environment: Mapping[str, str], *, ask: Callable[[str], str]) -> StripeKeys:
    """Take the keys from the environment, and `ask` for those it lacks. Raises `UnusableKeys`."""
    answers = {
        name: (environment.get(variable) or ask(f"{variable}: ")).strip()
        for name, variable in VARIABLES.items()
    }
    return StripeKeys(**answers)


def _refuse(prompt: str) -> str:
    raise UnusableKeys(f"{prompt.rstrip(': ')} is not set, and there is no terminal to ask")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.stripe_keys", description="Store a stage's Stripe secrets in AWS."
    )
    parser.add_argument("--stage", required=True)
    stage = parser.parse_args().stage
    ask = getpass.getpass if sys.stdin.isatty() else _refuse
    try:
        store(collect(os.environ, ask=ask), stage=stage, ssm=boto3.Session().client("ssm"))
    except (UnusableKeys, BotoCoreError, ClientError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"Stored three secrets in /tillhook/{stage}/stripe\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
