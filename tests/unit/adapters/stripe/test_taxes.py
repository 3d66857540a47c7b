"""Stripe Tax through the SDK, against a sandbox with rates of the test's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from chalicelib.adapters.ssm import StripeKeys
from chalicelib.adapters.stripe.payments import TAX_LIFETIME, StripePayments
from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import DestinationNeeded, ProviderUnavailable
from chalicelib.domain.taxes import Tax, Taxable, TaxQuestion
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.server import Running, serve

FRANCE = Destination(country="FR")
NEW_YORK = Destination(country="US", state="NY", postal_code="10001")


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve() as running:
        running.sandbox.account.tax_rates = {
            "FR": {
                "default": 200_000,
                "txcd_10000000": 55_000,
                "shipping": 100_000,
                "txcd_92010001": 100_000,
            },
            "US-NY": {"default": 88_750},
        }
        yield running


@pytest.fixture
def payments(sandbox: Running) -> StripePayments:
    return payments_at(sandbox.url, secret_key=sandbox.secret_key)


def payments_at(
    url: str, *, secret_key: str, monotonic: Callable[[], float] = time.monotonic
) -> StripePayments:
    keys = StripeKeys(secret_key=secret_key, publishable_key="pk_test_shop", webhook_secrets=["whsec_x"])
    return StripePayments(lambda: keys, shop="prod", api_base=url, monotonic=monotonic)


def question(
    *goods: tuple[int, str],
    destination: Destination | None = FRANCE,
    shipping: int = 0,
    inclusive: bool = False,
) -> TaxQuestion:
    return TaxQuestion(
        currency="eur",
        inclusive=inclusive,
        destination=destination,
        goods=tuple(Taxable(amount=amount, code=code) for amount, code in goods),
        shipping=shipping,
    )


def test_each_of_the_goods_is_taxed_by_its_code_and_shipping_as_such(payments: StripePayments) -> None:
    asked = question((1000, ""), (999, "txcd_10000000"), (0, ""), shipping=490)
    assert payments.ask_tax(asked) == Tax(goods=(200, 55, 0), shipping=49)


def test_inclusive_tax_is_within_the_price(payments: StripePayments) -> None:
    asked = question((1200, ""), shipping=1100, inclusive=True)
    assert payments.ask_tax(asked) == Tax(goods=(200,), shipping=100)


def test_what_has_one_rate_is_rounded_once_and_allocated(payments: StripePayments) -> None:
    """0.6 each would be 1 each: 3 in all, where 1.8 are due."""
    assert payments.ask_tax(question((3, ""), (3, ""), (3, ""))) == Tax(goods=(1, 1, 0), shipping=0)


def test_state_and_postal_code_are_told(payments: StripePayments) -> None:
    assert payments.ask_tax(question((1000, ""), destination=NEW_YORK)).goods == (89,)


def test_more_kinds_of_goods_than_stripe_shows_at_once_are_all_taxed(payments: StripePayments) -> None:
    goods = [(1000, f"txcd_{number:08}") for number in range(40)]
    assert payments.ask_tax(question(*goods)).goods == (200,) * 40


def test_shipping_alone_is_taxed_too(payments: StripePayments) -> None:
    asked = question((0, ""), (0, "txcd_10000000"), shipping=490)
    assert payments.ask_tax(asked) == Tax(goods=(0, 0), shipping=49)


def test_the_same_question_is_asked_again_only_after_a_while(sandbox: Running) -> None:
    now = [1000.0]
    payments = payments_at(sandbox.url, secret_key=sandbox.secret_key, monotonic=lambda: now[0])
    asked = question((1000, ""))
    assert payments.ask_tax(asked).goods == (200,)
    sandbox.sandbox.account.tax_rates = {"FR": {"default": 100_000}}
    now[0] += TAX_LIFETIME - 1
    assert payments.ask_tax(asked).goods == (200,)
    assert payments.ask_tax(question((1000, ""), destination=NEW_YORK)).goods == (0,)
    assert payments.ask_tax(question((2000, ""))).goods == (200,)
    now[0] += 1
    assert payments.ask_tax(asked).goods == (100,)


def test_no_more_answers_are_kept_than_memory_should_hold(
    payments: StripePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.adapters.stripe.payments._ANSWERS_KEPT", 2)
    for amount in (10, 20, 30, 40, 10):
        assert payments.ask_tax(question((amount, ""))).goods == (amount // 5,)


def test_for_nothing_nobody_is_asked() -> None:
    nowhere = payments_at("http://127.0.0.1:1", secret_key="sk_test_x")
    assert nowhere.ask_tax(question((0, ""), (0, "a"))) == Tax(goods=(0, 0), shipping=0)


@pytest.mark.parametrize(
    "destination", [None, Destination(country="US"), Destination(country="US", state="NY")]
)
def test_a_place_that_stripe_can_not_tell_is_wanted_more_exactly(
    payments: StripePayments, destination: Destination | None
) -> None:
    with pytest.raises(DestinationNeeded, match="postal code"):
        payments.ask_tax(question((1000, ""), destination=destination))


@pytest.mark.parametrize("status", [400, 401, 402, 429, 500, 503])
def test_whatever_else_stripe_refuses_is_unavailability(
    sandbox: Running, payments: StripePayments, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_: 0)
    sandbox.sandbox.faults.add(Fault(outcome="status", status=status, times=10))
    with pytest.raises(ProviderUnavailable, match="tax could not be computed") as refused:
        payments.ask_tax(question((1000, "")))
    assert sandbox.secret_key not in str(refused.value)


def test_stripe_being_down_is_unavailability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_: 0)
    with pytest.raises(ProviderUnavailable):
        payments_at("http://127.0.0.1:1", secret_key="sk_test_x").ask_tax(question((1000, "")))
