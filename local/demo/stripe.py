"""Where the shopper pays: our sandbox, or Stripe's own test mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import requests

from chalicelib.adapters.stripe.callbacks import KINDS
from deploy.stripe_keys import StripeKeys, UnusableKeys, collect
from local.demo.web import PATIENCE, Api, success
from local.stripe_sandbox.sandbox import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET

STRIPE = "https://api.stripe.com"
SANDBOX_KEYS = StripeKeys(
    secret_key=SECRET_KEY, publishable_key=PUBLISHABLE_KEY, webhook_secrets=WEBHOOK_SECRET
)
# What an owner ticks when registering the webhook with Stripe: all that the shop acts on.
TOLD = list(KINDS)
LAST = 3  # attempts to deliver a webhook that are worth telling
CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2040", "cvc": "123"}
# A shop's page would be told to load Stripe.js with it; the demo pays without a page.
NO_PUBLISHABLE_KEY = "pk_test_none_given"


class Stripe(Protocol):
    """Somebody who takes payments. `api_base` is what the shop is told: empty for Stripe itself."""

    @property
    def api_base(self) -> str: ...

    @property
    def keys(self) -> StripeKeys: ...

    def pay(self, client_secret: str) -> str:
        """Confirm the payment with a good test card, and return what Stripe says of it."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """Our sandbox, called as Stripe.js calls Stripe from the shopper's browser."""

    api_base: str
    keys: StripeKeys = SANDBOX_KEYS

    def call_back(self, url: str, *, secret: str) -> None:
        """Have webhooks sent to `url`, signed with `secret`."""
        endpoints = {"endpoints": [{"url": url, "secret": secret, "events": TOLD}]}
        Api(url=self.api_base).ask("PUT", "/_sandbox/webhooks/endpoints", endpoints)

    def pay(self, client_secret: str) -> str:
        card = {f"payment_method_data[card][{name}]": value for name, value in CARD.items()}
        form = {
            "key": self.keys.publishable_key,
            "client_secret": client_secret,
            "payment_method_data[type]": "card",
        }
        answer = requests.post(_confirm_url(self.api_base, client_secret), data=form | card, timeout=PATIENCE)
        return str(success(answer)["status"])

    def webhooks_sent(self) -> list[str]:
        """The last webhooks, each with the answer that it got."""
        attempts = Api(url=self.api_base).ask("GET", "/_sandbox/webhooks/sent")["attempts"]
        return [
            f"{attempt['type']}, attempt {attempt['attempt']}: "
            f"{attempt['error'] or attempt['status']} {attempt['answer'] or ''}".strip()
            for attempt in attempts[-LAST:]
        ]


@dataclass(frozen=True, kw_only=True)
class TestMode:
    """Stripe's test mode. There is no page with Stripe.js here, so the secret key confirms."""

    keys: StripeKeys
    api_base: str = ""

    def pay(self, client_secret: str) -> str:
        answer = requests.post(
            _confirm_url(self.api_base or STRIPE, client_secret),
            data={"payment_method": "pm_card_visa", "return_url": "https://shop.example/thanks"},
            auth=(self.keys.secret_key, ""),
            timeout=PATIENCE,
        )
        return str(success(answer)["status"])

    def make_noise(self) -> None:
        """Open a payment and cancel it, which Stripe tells everybody who listens."""
        base, auth = self.api_base or STRIPE, (self.keys.secret_key, "")
        made = requests.post(
            f"{base}/v1/payment_intents",
            data={"amount": "100", "currency": "eur", "description": "Tillhook demo: is anybody listening?"},
            auth=auth,
            timeout=PATIENCE,
        )
        intent = success(made)["id"]
        success(requests.post(f"{base}/v1/payment_intents/{intent}/cancel", auth=auth, timeout=PATIENCE))


def test_mode(environment: Mapping[str, str], *, api_base: str) -> TestMode | None:
    """Stripe's test mode, if the environment has a secret key. Raises `UnusableKeys` for any other keys."""
    secret_key = environment.get("STRIPE_SECRET_KEY", "").strip()
    if not secret_key:
        return None
    given = {"STRIPE_PUBLISHABLE_KEY": NO_PUBLISHABLE_KEY} | {
        name: value for name, value in environment.items() if value
    }
    if "_live_" in secret_key or "_live_" in given["STRIPE_PUBLISHABLE_KEY"]:
        raise UnusableKeys(
            "These keys are for Stripe's live mode. The demo buys something, so it takes test keys only: "
            "set STRIPE_SECRET_KEY=sk_test_…, or none, and the sandbox takes Stripe's place."
        )
    return TestMode(keys=collect(given, ask=_missing), api_base=api_base)


def _missing(prompt: str) -> str:
    raise UnusableKeys(
        f"STRIPE_SECRET_KEY is set, {prompt.rstrip(': ')} is not. `stripe listen --print-secret` shows the "
        "webhook secret. Without STRIPE_SECRET_KEY the sandbox takes Stripe's place."
    )


def _confirm_url(base: str, client_secret: str) -> str:
    return f"{base}/v1/payment_intents/{client_secret.partition('_secret_')[0]}/confirm"
