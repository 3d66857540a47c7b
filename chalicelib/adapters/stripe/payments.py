"""Stripe PaymentIntents."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.adapters.ssm import StripeKeys
from chalicelib.domain.errors import AmountRefused, ProviderUnavailable
from chalicelib.domain.orders import Order, PaymentFact
from chalicelib.ports import PaymentSession

from . import callbacks

if TYPE_CHECKING:
    import stripe

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10  # twice, with a retry between, is still within API Gateway's 29
_REFUSED_AMOUNTS = frozenset({"amount_too_small", "amount_too_large"})


class StripePayments:
    """Keeps chalicelib.ports.PaymentProvider. `keys` is asked once, when the first thing needs them."""

    name = callbacks.PROVIDER

    def __init__(self, keys: Callable[[], StripeKeys], *, shop: str, api_base: str = "") -> None:
        self._read_keys = keys
        self._shop = shop
        self._api_base = api_base

    @cached_property
    def _keys(self) -> StripeKeys:
        return self._read_keys()

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

    def parse_callback(
        self, payload: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> PaymentFact | None:
        signature = headers.get("stripe-signature", "")
        callbacks.verify(payload, signature, secrets=self._keys.webhook_secrets, now=now)
        return callbacks.parse(payload)

    def _ask(self, call: Callable[[stripe.StripeClient], stripe.PaymentIntent]) -> PaymentSession:
        import stripe  # noqa: PLC0415 (60 ms and more of a cold start, for checkout alone)

        try:
            intent = call(self._client)
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

    @cached_property
    def _client(self) -> stripe.StripeClient:
        import stripe  # noqa: PLC0415 (as above)

        return stripe.StripeClient(
            self._keys.secret_key,
            base_addresses={"api": self._api_base} if self._api_base else {},
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
            max_network_retries=1,
        )

    @staticmethod
    def _unavailable(error: stripe.StripeError) -> ProviderUnavailable:
        log.error(
            "stripe refused a call", extra={"stripe_code": error.code, "stripe_request": error.request_id}
        )
        return ProviderUnavailable("The payment could not be begun. Nothing was charged; try again.")
