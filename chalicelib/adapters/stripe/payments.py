"""Stripe PaymentIntents, and what else of Stripe payments need."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.ssm import StripeKeys
from chalicelib.domain.errors import AmountRefused, DestinationNeeded, ProviderUnavailable
from chalicelib.domain.orders import Order, PaymentFact
from chalicelib.domain.taxes import Tax, TaxQuestion
from chalicelib.ports import PaymentSession

from . import callbacks, taxes

if TYPE_CHECKING:
    import stripe

log = logging.getLogger(__name__)

KEYS_LIFETIME = 300.0
"""Seconds that keys are used before they are read again."""

TAX_LIFETIME = 300.0
"""Seconds that an answer about tax stands: each costs a fee and a wait, and a cart is looked at often."""

_ANSWERS_KEPT = 500

_TIMEOUT_SECONDS = 10  # twice, with a retry between, is still within API Gateway's 29
_UNKNOWN_PLACE = "customer_tax_location_invalid"
_REFUSED_AMOUNTS = frozenset({"amount_too_small", "amount_too_large"})


class StripePayments:
    """Keeps chalicelib.ports.PaymentProvider.

    `keys` is asked when the first thing needs them, and again once they are KEYS_LIFETIME old, so that a
    key that was replaced soon opens nothing. `monotonic` counts seconds.
    """

    name = callbacks.PROVIDER

    def __init__(
        self,
        keys: Callable[[], StripeKeys],
        *,
        shop: str,
        api_base: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_keys = keys
        self._shop = shop
        self._api_base = api_base
        self._monotonic = monotonic
        self._known: tuple[float, StripeKeys] | None = None
        self._clients: dict[str, stripe.StripeClient] = {}
        self._taxes: dict[TaxQuestion, tuple[float, Tax]] = {}

    @property
    def _keys(self) -> StripeKeys:
        if self._known is None or self._monotonic() - self._known[0] > KEYS_LIFETIME:
            self._known = self._monotonic(), self._read_keys()
        return self._known[1]

    @property
    def livemode(self) -> bool:
        return "_live_" in self._keys.secret_key

    def open_payment(self, order: Order) -> PaymentSession:
        # Everything here is frozen with the order: Stripe refuses a key that comes with other parameters.
        return self._ask(
            lambda client: client.v1.payment_intents.create(
                {
                    "amount": order.amount,
                    "currency": order.currency,
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": {callbacks.ORDER_KEY: order.id, callbacks.SHOP_KEY: self._shop},
                },
                {"idempotency_key": f"{order.id}-{order.amount}-{order.currency}"},
            )
        )

    def resume_payment(self, reference: str) -> PaymentSession:
        return self._ask(lambda client: client.v1.payment_intents.retrieve(reference))

    def ask_tax(self, question: TaxQuestion) -> Tax:
        asked_at, tax = self._taxes.get(question, (0.0, None))
        if tax is not None and self._monotonic() - asked_at < TAX_LIFETIME:
            return tax
        if len(self._taxes) >= _ANSWERS_KEPT:
            self._taxes.clear()
        tax = self._calculate_tax(question)
        self._taxes[question] = self._monotonic(), tax
        return tax

    def _calculate_tax(self, question: TaxQuestion) -> Tax:
        import stripe  # noqa: PLC0415 (as below)

        unclear = DestinationNeeded(
            "Say more exactly where it goes (the postal code), so that tax can be computed."
        )
        if question.destination is None:
            raise unclear
        try:
            return taxes.ask(self._client(), question, question.destination)
        except stripe.StripeError as error:
            if error.code == _UNKNOWN_PLACE:
                raise unclear from None
            raise self._unavailable(error, "The tax could not be computed now.") from error

    def parse_callback(
        self, payload: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> PaymentFact | None:
        signature = headers.get("stripe-signature", "")
        callbacks.verify(payload, signature, secrets=self._keys.webhook_secrets, now=now)
        return callbacks.parse(payload)

    def _ask(self, call: Callable[[stripe.StripeClient], stripe.PaymentIntent]) -> PaymentSession:
        import stripe  # noqa: PLC0415 (60 ms and more of a cold start, for checkout alone)

        try:
            intent = call(self._client())
        except stripe.InvalidRequestError as error:
            if error.code in _REFUSED_AMOUNTS:
                raise AmountRefused("Stripe does not charge such an amount.") from None
            raise self._unavailable(error) from error
        except stripe.StripeError as error:
            raise self._unavailable(error) from error
        return PaymentSession(
            reference=intent.id,
            client_secret=intent.client_secret or "",
            publishable_key=self._keys.publishable_key,
        )

    def _client(self) -> stripe.StripeClient:
        """One for the secret key that is in force; it keeps its connections."""
        import stripe  # noqa: PLC0415 (as above)

        secret_key = self._keys.secret_key
        if secret_key not in self._clients:
            client = stripe.StripeClient(
                secret_key,
                base_addresses={"api": self._api_base} if self._api_base else {},
                http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
                max_network_retries=1,
            )
            self._clients = {secret_key: client}
        return self._clients[secret_key]

    @staticmethod
    def _unavailable(
        error: stripe.StripeError, what: str = "The payment could not be begun."
    ) -> ProviderUnavailable:
        log.error(
            "stripe refused a call", extra={"stripe_code": error.code, "stripe_request": error.request_id}
        )
        return ProviderUnavailable(f"{what} Nothing was charged; try again.")
