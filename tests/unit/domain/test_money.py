from __future__ import annotations

import pytest

from chalicelib.domain.money import CURRENCIES, MAX_AMOUNT, display, exponent, minimum_charge


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1999, "usd", "19.99 USD"),
        (5, "eur", "0.05 EUR"),
        (0, "eur", "0.00 EUR"),
        (100, "eur", "1.00 EUR"),
        (1999, "jpy", "1999 JPY"),
        (0, "jpy", "0 JPY"),
        (1999, "kwd", "1.999 KWD"),
        (5, "bhd", "0.005 BHD"),
        (-1, "usd", "-0.01 USD"),
        (-1999, "usd", "-19.99 USD"),
        (-3, "jpy", "-3 JPY"),
        (MAX_AMOUNT, "usd", "999999.99 USD"),
    ],
)
def test_money_is_shown_with_its_currencys_own_digits(amount: int, currency: str, shown: str) -> None:
    assert display(amount, currency) == shown


def test_every_currency_has_its_digits_once() -> None:
    assert all(len(currency) == 3 and currency.islower() for currency in CURRENCIES)
    assert {exponent(currency) for currency in CURRENCIES} == {0, 2, 3}


@pytest.mark.parametrize(
    ("currency", "least"), [("usd", 50), ("gbp", 30), ("jpy", 50), ("huf", 17_500), ("isk", 1)]
)
def test_the_smallest_charge_is_the_providers(currency: str, least: int) -> None:
    assert minimum_charge(currency) == least


def test_every_smallest_charge_is_payable() -> None:
    assert all(1 <= minimum_charge(currency) <= MAX_AMOUNT for currency in CURRENCIES)
