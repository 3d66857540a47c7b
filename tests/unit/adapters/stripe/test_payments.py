"""Payments through the SDK, against a sandbox that refuses what Stripe would refuse."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
import stripe
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError
from pydantic_core import core_schema
from stripe import RequestOptions
from stripe.params import PaymentIntentCreateParams

from chalicelib.adapters.ssm import StripeKeys
from chalicelib.adapters.stripe.payments import StripePayments
from chalicelib.domain.errors import AmountRefused, InvalidSignature, ProviderUnavailable
from chalicelib.domain.orders import Contact, LineItem, Order, Payment
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.server import Running, serve
from tests.unit.adapters.stripe.notices import NOW, OTHER_SECRET, SECRET, encode, notice, signed

CREATED = datetime(2026, 11, 24, 12, tzinfo=UTC)


def order_of(
    amount: int = 1999, currency: str = "eur", order_id: str = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"
) -> Order:
    return Order(
        id=order_id,
        version=1,
        cart_id="cart_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        cart_version=1,
        lines=[
            LineItem(
                sku="a",
                name="A",
                quantity=1,
                unit_amount=amount,
                amount=amount,
                discount=0,
                tax=0,
                total=amount,
            )
        ],
        subtotal=amount,
        discount=0,
        shipping=0,
        tax=0,
        shipping_tax=0,
        tax_inclusive=True,
        rounding=0,
        amount=amount,
        coupon=None,
        shipping_rate="",
        currency=currency,
        livemode=False,
        contact=Contact(email="ada@example.com"),
        payment=Payment(),
        created_at=CREATED,
        updated_at=CREATED,
    )


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve() as running:
        yield running


def payments_at(url: str, *, secret_key: str, webhook_secrets: list[str] | None = None) -> StripePayments:
    keys = StripeKeys(
        secret_key=secret_key,
        publishable_key="pk_test_shop",
        webhook_secrets=webhook_secrets or [SECRET],
    )
    return StripePayments(lambda: keys, shop="prod", api_base=url)


@pytest.fixture
def payments(sandbox: Running) -> StripePayments:
    return payments_at(sandbox.url, secret_key=sandbox.secret_key)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits half a second and more before it tries again."""
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_: 0)


def intents(sandbox: Running) -> list[dict[str, Any]]:
    return [dict(intent) for intent in sandbox.sandbox.account.payment_intents]


def test_a_payment_is_opened_for_exactly_what_was_ordered(sandbox: Running, payments: StripePayments) -> None:
    session = payments.open_payment(order_of())
    (intent,) = intents(sandbox)
    assert (session.reference, session.client_secret) == (intent["id"], intent["client_secret"])
    assert session.publishable_key == "pk_test_shop"
    assert (intent["amount"], intent["currency"]) == (1999, "eur")
    assert intent["automatic_payment_methods"]["enabled"]
    assert intent["metadata"] == {
        "tillhook_order": "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "tillhook_shop": "prod",
    }


def test_one_order_is_one_intent_however_often_it_is_opened(
    sandbox: Running, payments: StripePayments
) -> None:
    first = payments.open_payment(order_of())
    # What the shopper corrects about herself does not reach Stripe, so it can't spoil the key.
    again = payments.open_payment(replace(order_of(), contact=Contact(email="bea@example.com"), version=2))
    assert again == first
    assert len(intents(sandbox)) == 1


def test_one_order_opened_in_parallel_is_one_intent(sandbox: Running) -> None:
    def open_it(_: int) -> str:
        own = payments_at(sandbox.url, secret_key=sandbox.secret_key)
        return own.open_payment(order_of()).reference

    with ThreadPoolExecutor(max_workers=8) as pool:
        references = set(pool.map(open_it, range(8)))
    assert len(references) == len(intents(sandbox)) == 1


def test_different_orders_are_different_intents(sandbox: Running, payments: StripePayments) -> None:
    first = payments.open_payment(order_of())
    second = payments.open_payment(order_of(order_id="ord_bbbbbbbbbbbbbbbbbbbbbbbbbb"))
    assert first.reference != second.reference
    assert len(intents(sandbox)) == 2


def test_a_payment_is_resumed_as_it_was_opened(payments: StripePayments) -> None:
    opened = payments.open_payment(order_of())
    assert payments.resume_payment(opened.reference) == opened


def test_an_unknown_payment_cannot_be_resumed(payments: StripePayments) -> None:
    with pytest.raises(ProviderUnavailable):
        payments.resume_payment("pi_unknown")


@pytest.mark.parametrize(("amount", "currency"), [(1, "eur"), (49, "usd"), (100_000_000, "eur")])
def test_an_amount_that_stripe_does_not_charge_is_refused(
    sandbox: Running, payments: StripePayments, amount: int, currency: str
) -> None:
    with pytest.raises(AmountRefused):
        payments.open_payment(order_of(amount, currency))
    assert intents(sandbox) == []


Outcome = Literal["status", "drop"]
Effect = Literal["before", "after"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("outcome", ["status", "drop"])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_one_mishap_is_outlived_with_the_one_intent(
    sandbox: Running, payments: StripePayments, outcome: Outcome, effect: Effect
) -> None:
    sandbox.sandbox.faults.add(Fault(outcome=outcome, effect=effect, status=500))
    session = payments.open_payment(order_of())
    (intent,) = intents(sandbox)
    assert session.reference == intent["id"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("outcome", ["status", "drop"])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_mishaps_that_last_are_unavailability_and_opening_later_is_still_the_one_intent(
    sandbox: Running, payments: StripePayments, outcome: Outcome, effect: Effect
) -> None:
    sandbox.sandbox.faults.add(Fault(outcome=outcome, effect=effect, status=500, times=10))
    with pytest.raises(ProviderUnavailable):
        payments.open_payment(order_of())
    assert len(intents(sandbox)) == (1 if effect == "after" else 0)
    sandbox.sandbox.faults.clear()
    session = payments.open_payment(order_of())
    (intent,) = intents(sandbox)
    assert session.reference == intent["id"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 429, 500, 503])
def test_whatever_stripe_refuses_is_unavailability_that_leaks_nothing(
    sandbox: Running, payments: StripePayments, status: int
) -> None:
    sandbox.sandbox.faults.add(Fault(outcome="status", status=status, times=10))
    with pytest.raises(ProviderUnavailable) as refused:
        payments.open_payment(order_of())
    assert sandbox.secret_key not in str(refused.value)
    assert "ada@example.com" not in str(refused.value)


@pytest.mark.usefixtures("impatient")
def test_stripe_being_down_is_unavailability() -> None:
    with serve() as gone:
        url = gone.url
    with pytest.raises(ProviderUnavailable):
        payments_at(url, secret_key="sk_test_x").open_payment(order_of())


def test_a_wrong_key_is_unavailability_and_the_log_has_no_key(
    sandbox: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ProviderUnavailable):
        payments_at(sandbox.url, secret_key="sk_test_not_ours_at_all").open_payment(order_of())
    assert intents(sandbox) == []
    (record,) = [record for record in caplog.records if record.name.startswith("chalicelib")]
    assert "sk_test" not in record.getMessage() + str(vars(record).get("stripe_code"))


@pytest.mark.parametrize(
    ("secret_key", "livemode"),
    [("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_1", False)],
)
def test_the_key_says_whether_real_money_moves(secret_key: str, livemode: bool) -> None:  # noqa: FBT001 (a case)
    assert payments_at("http://127.0.0.1:1", secret_key=secret_key).livemode is livemode


def test_keys_are_read_when_something_needs_them_and_once() -> None:
    reads: list[int] = []

    def read() -> StripeKeys:
        reads.append(1)
        return StripeKeys(secret_key="sk_test_1", publishable_key="pk_test_1", webhook_secrets=[SECRET])

    payments = StripePayments(read, shop="prod")
    assert reads == []
    assert not payments.livemode
    payload = encode(notice())
    for _ in range(2):
        assert payments.parse_callback(payload, {"stripe-signature": signed(payload)}, now=NOW)
    assert reads == [1]


def test_a_callback_is_verified_before_it_is_read() -> None:
    payments = payments_at(
        "http://127.0.0.1:1", secret_key="sk_test_1", webhook_secrets=[SECRET, OTHER_SECRET]
    )
    payload = encode(notice())
    for secret in (SECRET, OTHER_SECRET):
        headers = {"stripe-signature": signed(payload, secret=secret)}
        fact = payments.parse_callback(payload, headers, now=NOW)
        assert fact is not None
        assert fact.order_id == "ord_1"
    for headers in ({}, {"stripe-signature": signed(b"other")}):
        with pytest.raises(InvalidSignature):
            payments.parse_callback(b"not even JSON", headers, now=NOW)


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> dict[str, TypeAdapter[Any]]:
    """The SDK's types of a new intent's parameters and of a request's options, as checks at run time."""
    # Names that the SDK imports for type checkers alone, and a type of its own that pydantic can't know.
    monkeypatch.setattr(f"{PaymentIntentCreateParams.__module__}.Mapping", Mapping, raising=False)
    for module in (PaymentIntentCreateParams.__module__, RequestOptions.__module__):
        monkeypatch.setattr(f"{module}.StripeContext", str, raising=False)
    monkeypatch.setattr(
        "stripe._stripe_object.UntypedStripeObject.__get_pydantic_core_schema__",
        lambda *_: core_schema.is_instance_schema(stripe.StripeObject),
        raising=False,
    )
    return {"params": TypeAdapter(PaymentIntentCreateParams), "options": TypeAdapter(RequestOptions)}


def test_what_is_asked_of_stripe_has_the_types_of_the_pinned_version(
    monkeypatch: pytest.MonkeyPatch, judges: dict[str, TypeAdapter[Any]]
) -> None:
    """The SDK's own types judge, unknown fields refused; the sandbox checks the values."""
    asked: list[tuple[object, object]] = []

    def create(_service: object, params: object, options: object) -> stripe.PaymentIntent:
        asked.append((params, options))
        return stripe.PaymentIntent.construct_from(
            {
                "id": "pi_1",
                "client_secret": "pi_1_secret_1",
                "amount": 1999,
                "currency": "eur",
                "status": "requires_payment_method",
            },
            key=None,
        )

    monkeypatch.setattr(stripe.PaymentIntentService, "create", create)
    payments_at("http://127.0.0.1:1", secret_key="sk_test_1").open_payment(order_of())
    ((params, options),) = asked
    judges["params"].validate_python(params, strict=True, extra="forbid")
    judges["options"].validate_python(options, strict=True, extra="forbid")


@pytest.mark.parametrize(
    "wrong", [{"amount": "1999"}, {"amuont": 1}, {"automatic_payment_methods": {"enable": True}}]
)
def test_the_judge_of_what_is_asked_of_stripe_knows_wrong_from_right(
    judges: dict[str, TypeAdapter[Any]], wrong: dict[str, object]
) -> None:
    right = {"amount": 1999, "currency": "eur"}
    judges["params"].validate_python(right, strict=True, extra="forbid")
    with pytest.raises(ValidationError):
        judges["params"].validate_python(right | wrong, strict=True, extra="forbid")


def test_a_published_key_is_all_the_browser_gets(sandbox: Running, payments: StripePayments) -> None:
    session = payments.open_payment(order_of())
    assert sandbox.secret_key not in str(session)
    assert SECRET not in str(session)
