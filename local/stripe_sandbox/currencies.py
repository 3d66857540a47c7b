"""Currencies that Stripe charges in, and the least and the most it charges (docs.stripe.com/currencies)."""

from local.stripe_sandbox.errors import StripeError, invalid_parameter

# In minor units. Where Stripe names no minimum of its own (it converts 0.50 USD), one unit passes here.
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
OTHERS = """
    afn all amd ang aoa ars awg azn bam bbd bdt bif bmd bnd bob bsd bwp byn bzd cdf clp cny cop crc cve djf
    dop dzd egp etb fjd fkp gel gip gmd gnf gtq gyd hnl htg idr ils isk jmd kes kgs khr kmf krw kyd kzt lak
    lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mzn nad ngn nio npr pab pen pgk php pkr pyg qar
    rsd rub rwf sar sbd scr shp sle sos srd std szl tjs top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf
    xcd xcg xof xpf yer zar zmw
""".split()
SUPPORTED = (*MINIMUM, *OTHERS)
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
MAXIMUM = 99_999_999


def check_currency(currency: str, name: str = "currency") -> str:
    """Return it as Stripe keeps it, in lower case."""
    if currency.lower() not in SUPPORTED:
        known = ", ".join(SUPPORTED)
        raise invalid_parameter(
            name, f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}"
        )
    return currency.lower()


def check_amount(amount: int, currency: str) -> None:
    least = MINIMUM.get(currency, 1)
    if amount < least:
        message = f"Amount must be at least {in_words(least, currency)}"
        raise StripeError(message, code="amount_too_small", param="amount")
    if amount > MAXIMUM:
        message = f"Amount must be no more than {in_words(MAXIMUM, currency)}"
        raise StripeError(message, code="amount_too_large", param="amount")


def in_words(amount: int, currency: str) -> str:
    """As Stripe's messages say it: "$0.50 usd", "€12.00 eur", "1,050 krw"."""
    sign = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, "")
    if currency in ZERO_DECIMAL:
        return f"{sign}{amount:,} {currency}"
    return f"{sign}{amount / 100:,.2f} {currency}"
