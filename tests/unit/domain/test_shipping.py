from __future__ import annotations

import pytest
from msgspec.structs import replace

from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import DestinationNeeded, DestinationNotServed, InvalidRequest
from chalicelib.domain.shipping import Band, Parcel, Shipping, ShippingRate, charge, require_sound

LETTER = ShippingRate(
    name="Post",
    currency="eur",
    countries=["DE", "AT"],
    by="weight",
    bands=[Band(up_to=500, amount=190), Band(up_to=2000, amount=490)],
)
ELSEWHERE = ShippingRate(
    name="World", currency="eur", by="total", bands=[Band(up_to=4999, amount=990), Band(amount=0)]
)
DOLLARS = replace(ELSEWHERE, currency="usd", countries=["US"])
SHIPPING = Shipping(rates=[ELSEWHERE, LETTER, DOLLARS])


def cost(country: str, *, grams: int = 0, total: int = 0, currency: str = "eur") -> tuple[str, int]:
    parcel = Parcel(weight_grams=grams, total=total)
    rate, amount = charge(SHIPPING, parcel, destination=Destination(country=country), currency=currency)
    return rate.name, amount


@pytest.mark.parametrize(("grams", "amount"), [(0, 190), (500, 190), (501, 490), (2000, 490)])
def test_a_countrys_rate_goes_by_weight(grams: int, amount: int) -> None:
    assert cost("AT", grams=grams) == ("Post", amount)


@pytest.mark.parametrize(("total", "amount"), [(0, 990), (4999, 990), (5000, 0), (10**9, 0)])
def test_other_countries_have_the_rate_that_names_none(total: int, amount: int) -> None:
    assert cost("JP", total=total, grams=10**6) == ("World", amount)


def test_each_currency_has_its_own_rates() -> None:
    assert cost("US", currency="usd") == ("World", 990)
    for country, currency in [("DE", "usd"), ("DE", "gbp")]:
        with pytest.raises(DestinationNotServed, match=f"{currency} is sent to {country}"):
            cost(country, currency=currency)


def test_what_is_beyond_the_last_band_is_not_sent() -> None:
    with pytest.raises(DestinationNotServed, match="So heavy"):
        cost("DE", grams=2001)


def test_nothing_is_known_without_a_destination() -> None:
    with pytest.raises(DestinationNeeded):
        charge(SHIPPING, Parcel(weight_grams=1, total=1), destination=None, currency="eur")


@pytest.mark.parametrize(
    "rates",
    [
        [LETTER, LETTER],
        [LETTER, replace(LETTER, countries=["CH", "AT"])],
        [replace(LETTER, countries=["DE", "DE"])],
        [ELSEWHERE, replace(ELSEWHERE, name="Other")],
        [replace(LETTER, currency="xyz")],
        [replace(LETTER, currency="isk")],
        [replace(LETTER, bands=[Band(up_to=5, amount=1), Band(up_to=5, amount=2)])],
        [replace(LETTER, bands=[Band(up_to=5, amount=1), Band(up_to=4, amount=2)])],
        [replace(LETTER, bands=[Band(amount=1), Band(amount=2)])],
        [replace(LETTER, bands=[Band(amount=1), Band(up_to=4, amount=2)])],
    ],
)
def test_a_document_that_contradicts_itself_is_refused(rates: list[ShippingRate]) -> None:
    with pytest.raises(InvalidRequest):
        require_sound(Shipping(rates=rates))


@pytest.mark.parametrize("shipping", [Shipping(), SHIPPING], ids=["none", "some"])
def test_a_sound_document_passes(shipping: Shipping) -> None:
    require_sound(shipping)
