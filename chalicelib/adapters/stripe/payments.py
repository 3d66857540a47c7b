"""Stripe PaymentIntents, and what else of Stripe payments need."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from msgspec import Struct

from chalicelib.adapters.ssm import StripeKeys
from chalicelib.domain.errors import AmountRefused, DestinationNeeded, ProviderUnavailable, RefundRefused
from chalicelib.domain.orders import Order, Refund
from chalicelib.domain.payments import PaymentFact
from chalicelib.domain.refunds import RefundFact
from chalicelib.domain.taxes import Tax, TaxQuestion
from chalicelib.ports import Fact, Page, PaymentSession

from . import callbacks, objects, taxes

if TYPE_CHECKING:
    import stripe
    from stripe.params import PaymentIntentListParams, RefundListParams

    Reported = TypeVar("Reported", bound=stripe.StripeObject)

log = logging.getLogger(__name__)

KEYS_LIFETIME = 300.0
"""Seconds that keys are used before they are read again."""

TAX_LIFETIME = 300.0
"""Seconds that an answer about tax stands: each costs a fee and a wait, and a cart is looked at often."""

_ANSWERS_KEPT = 500

_TIMEOUT_SECONDS = 10  # twice, with a retry between, is still within API Gateway's 29
_PAGE = 100  # Stripe's own limit of a list
_UNKNOWN_PLACE = "customer_tax_location_invalid"
_REFUSED_AMOUNTS = frozenset({"amount_too_small", "amount_too_large"})
_NOT_OPEN = "payment_intent_unexpected_state"

Answer = TypeVar("Answer")
Record = TypeVar("Record", bound=Struct)


class StripePayments:
    """Keeps chalicelib.ports.PaymentProvider.

    `keys` is asked when the first thing needs them, and again once they are KEYS_LIFETIME old, so that a
    key that was replaced soon opens nothing. `monotonic` counts seconds.
    """

    name = objects.PROVIDER

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
        intent = self._ask(
            lambda client: client.v1.payment_intents.create(
                {
                    "amount": order.amount,
                    "currency": order.currency,
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": {objects.ORDER_KEY: order.id, objects.SHOP_KEY: self._shop},
                },
                {"idempotency_key": f"{order.id}-{order.amount}-{order.currency}"},
            )
        )
        return self._session(intent)

    def resume_payment(self, reference: str) -> PaymentSession:
        return self._session(self._retrieve(reference))

    def inspect_payment(self, reference: str) -> PaymentFact | None:
        return self._settled(self._retrieve(reference))

    def void_payment(self, reference: str) -> PaymentFact:
        import stripe  # noqa: PLC0415 (60 ms and more of a cold start, for checkout alone)

        def cancel(client: stripe.StripeClient) -> stripe.PaymentIntent:
            try:
                return client.v1.payment_intents.cancel(reference)
            except stripe.InvalidRequestError as error:
                if error.code != _NOT_OPEN:
                    raise
                return client.v1.payment_intents.retrieve(reference)

        fact = self._settled(self._ask(cancel))
        if fact is None:
            raise ProviderUnavailable("The payment can't be called off now; try again in a moment.")
        return fact

    def refund_payment(self, order: Order, refund: Refund) -> RefundFact:
        import stripe  # noqa: PLC0415 (as above)

        metadata = {
            objects.ORDER_KEY: order.id,
            objects.SHOP_KEY: self._shop,
            objects.REFUND_KEY: refund.id,
        }

        def make(client: stripe.StripeClient) -> stripe.Refund:
            try:
                return client.v1.refunds.create(
                    {
                        "payment_intent": order.payment.reference,
                        "amount": refund.amount,
                        "metadata": metadata,
                    },
                    {"idempotency_key": refund.id},
                )
            except stripe.InvalidRequestError as error:
                raise RefundRefused(f"Stripe refuses it: {error.user_message or error.code}") from error

        return self._refund_fact(self._ask(make))

    def find_refund(self, reference: str, refund_id: str) -> RefundFact | None:
        def seek(client: stripe.StripeClient) -> list[stripe.Refund]:
            listed = client.v1.refunds.list({"payment_intent": reference, "limit": _PAGE})
            return list(listed.auto_paging_iter())

        facts = [self._refund_fact(refund) for refund in self._ask(seek)]
        return next((fact for fact in facts if fact.refund_id == refund_id), None)

    def list_payments(self, *, since: datetime, until: datetime, cursor: str | None) -> Page[PaymentFact]:
        params = cast("PaymentIntentListParams", _page(since, until, cursor))
        listed = self._ask(lambda client: client.v1.payment_intents.list(params))
        facts = [self._settled(intent) for intent in listed.data]
        ours = [fact for fact in facts if fact and fact.order_id and fact.shop == self._shop]
        return Page(items=[fact for fact in ours if fact.kind == "succeeded"], cursor=_next(listed))

    def list_refunds(self, *, since: datetime, until: datetime, cursor: str | None) -> Page[RefundFact]:
        params = cast("RefundListParams", _page(since, until, cursor))
        listed = self._ask(lambda client: client.v1.refunds.list(params))
        return Page(items=[self._refund_fact(refund) for refund in listed.data], cursor=_next(listed))

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

    def parse_callback(self, payload: bytes, headers: Mapping[str, str], *, now: datetime) -> Fact | None:
        signature = headers.get("stripe-signature", "")
        callbacks.verify(payload, signature, secrets=self._keys.webhook_secrets, now=now)
        return callbacks.parse(payload)

    def _retrieve(self, reference: str) -> stripe.PaymentIntent:
        return self._ask(lambda client: client.v1.payment_intents.retrieve(reference))

    def _session(self, intent: stripe.PaymentIntent) -> PaymentSession:
        return PaymentSession(
            reference=intent.id,
            client_secret=intent.client_secret or "",
            publishable_key=self._keys.publishable_key,
            settled=self._settled(intent),
        )

    def _settled(self, reported: stripe.PaymentIntent) -> PaymentFact | None:
        """What has become of an intent that can't be paid any more."""
        intent = _record(reported, objects.Intent)
        kind = objects.SETTLED.get(intent.status)
        if kind is None:
            return None
        return objects.payment_fact(
            intent,
            kind,
            key=f"{intent.id}#{intent.status}",
            # What is final counts whenever it was; what is under way is older than whatever was told since.
            occurred_at=objects.moment(intent.created),
            livemode=reported.livemode,
        )

    def _refund_fact(self, reported: stripe.Refund) -> RefundFact:
        refund = _record(reported, objects.Refund)
        return objects.refund_fact(
            refund,
            key=f"{refund.id}#{refund.status}",
            occurred_at=objects.moment(refund.created),
            livemode=self.livemode,
        )

    def _ask(self, call: Callable[[stripe.StripeClient], Answer]) -> Answer:
        import stripe  # noqa: PLC0415 (as above)

        try:
            return call(self._client())
        except stripe.InvalidRequestError as error:
            if error.code in _REFUSED_AMOUNTS:
                raise AmountRefused("Stripe does not charge such an amount.") from None
            raise self._unavailable(error) from error
        except stripe.StripeError as error:
            raise self._unavailable(error) from error

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
        return ProviderUnavailable(f"{what} Nothing was changed; try again.")


def _record(reported: stripe.StripeObject, kind: type[Record]) -> Record:
    return msgspec.convert(reported.to_dict(), kind)


def _page(since: datetime, until: datetime, cursor: str | None) -> dict[str, object]:
    created = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    return {"created": created, "limit": _PAGE} | ({"starting_after": cursor} if cursor else {})


def _next(listed: stripe.ListObject[Reported]) -> str | None:
    return str(listed.data[-1].id) if listed.has_more and listed.data else None  # type: ignore[attr-defined]
