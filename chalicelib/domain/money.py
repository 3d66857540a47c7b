"""Money: an int of minor units that never travels without its currency.

Exponents: ISO 4217, as Stripe charges them (https://docs.stripe.com/currencies).
"""

from __future__ import annotations

_ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
_TWO_DECIMAL = frozenset(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny"
    " cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk"
    " jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio"
    " nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs"
    " top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw".split()
)
CURRENCIES = _ZERO_DECIMAL | _TWO_DECIMAL | _THREE_DECIMAL

MAX_AMOUNT = 99_999_999
"""The largest charge Stripe takes in nearly every currency, in minor units."""

_MIN_CHARGES = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip


def minimum_charge(currency: str) -> int:
    """The smallest charge Stripe takes (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).

    Where Stripe names none for a currency it converts its own; then only 1 is sure.
    """
    return _MIN_CHARGES.get(currency, 1)


def smallest_step(currency: str) -> int:
    """What a charge's amount must be a multiple of (https://docs.stripe.com/currencies#special-cases).

    Card networks take no third decimal, and no fraction of currencies that have none any more.
    """
    if currency in {"isk", "ugx"}:
        return 100
    return 10 if currency in _THREE_DECIMAL else 1


def exponent(currency: str) -> int:
    """How many digits of an amount stand behind the point."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def display(amount: int, currency: str) -> str:
    """For logs and terminals, without a locale: `display(1999, "usd")` is "19.99 USD"."""
    digits = exponent(currency)
    if digits == 0:
        return f"{amount} {currency.upper()}"
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d} {currency.upper()}"
