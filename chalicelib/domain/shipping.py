"""What it costs to send an order, as the owner's document says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from .catalog import Amount, CurrencyCode
from .destinations import CountryCode, Destination
from .errors import DestinationNeeded, DestinationNotServed, InvalidRequest
from .money import CURRENCIES, smallest_step


class Band(Struct, frozen=True, kw_only=True):
    """`amount` is the price of what weighs or costs `up_to`, that included; null: of whatever is more."""

    amount: Amount
    up_to: Annotated[int, Meta(ge=0, le=10**12)] | None = None


class ShippingRate(Struct, frozen=True, kw_only=True):
    """The price of sending to `countries` (none named: to all that no other rate of the currency names).

    `by` is what bands go by: the grams of what is sent, or what it costs after discounts.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    currency: CurrencyCode
    countries: Annotated[Sequence[CountryCode], Meta(max_length=300)] = field(default_factory=list)
    by: Literal["weight", "total"]
    bands: Annotated[Sequence[Band], Meta(min_length=1, max_length=50)]


class Shipping(Struct, frozen=True, kw_only=True):
    """Without any rate, sending costs nothing and goes anywhere."""

    rates: Annotated[Sequence[ShippingRate], Meta(max_length=200)] = field(default_factory=list)


class Parcel(Struct, frozen=True, kw_only=True):
    """What of an order is sent."""

    weight_grams: int
    total: int


def require_sound(shipping: Shipping) -> None:
    """InvalidRequest if the document contradicts itself."""
    for rate in shipping.rates:
        _require_sound_rate(rate)
    places = Counter(
        (rate.currency, country) for rate in shipping.rates for country in rate.countries or ["elsewhere"]
    )
    for (currency, country), count in places.items():
        if count > 1:
            raise InvalidRequest(f"There are {count} rates for {country} in {currency}; keep one.")


def _require_sound_rate(rate: ShippingRate) -> None:
    if rate.currency not in CURRENCIES:
        raise InvalidRequest(f"{rate.currency!r} of {rate.name!r} is no currency that can be charged.")
    step = smallest_step(rate.currency)
    if any(band.amount % step for band in rate.bands):
        raise InvalidRequest(
            f"The amounts of {rate.name!r} must be multiples of {step}: "
            f"no smaller part of {rate.currency} can be charged."
        )
    for band, after in pairwise(rate.bands):
        if band.up_to is None or (after.up_to is not None and after.up_to <= band.up_to):
            raise InvalidRequest(f"The bands of {rate.name!r} must rise in up_to, null at the end only.")


def charge(
    shipping: Shipping, parcel: Parcel, *, destination: Destination | None, currency: str
) -> tuple[ShippingRate, int]:
    """The rate that applies and its price.

    DestinationNeeded if nobody has said where it goes, DestinationNotServed if no rate covers it.
    """
    if destination is None:
        raise DestinationNeeded("Say where it goes, so that shipping can be computed.")
    rate = _rate_for(shipping, destination.country, currency)
    if rate is None:
        raise DestinationNotServed(f"Nothing that is paid in {currency} is sent to {destination.country}.")
    measure = parcel.weight_grams if rate.by == "weight" else parcel.total
    for band in rate.bands:
        if band.up_to is None or measure <= band.up_to:
            return rate, band.amount
    raise DestinationNotServed(
        f"{'So heavy' if rate.by == 'weight' else 'So large'} an order is not sent to "
        f"{destination.country}. Take less."
    )


def _rate_for(shipping: Shipping, country: str, currency: str) -> ShippingRate | None:
    rates = [rate for rate in shipping.rates if rate.currency == currency]
    named = (rate for rate in rates if country in rate.countries)
    return next(named, next((rate for rate in rates if not rate.countries), None))
