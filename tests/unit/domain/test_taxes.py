from __future__ import annotations

import pytest

from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.taxes import RegionRates, Tax, Taxable, Taxes, TaxQuestion, by_table, require_sound

GERMANY = RegionRates(country="DE", default=190_000, by_code={"books": 70_000, "shipping": 50_000})
FRANCE = RegionRates(country="FR", default=200_000)
US, NEW_YORK = RegionRates(country="US", default=0), RegionRates(country="US", state="NY", default=88_750)
TABLE = Taxes(home="DE", regions=[GERMANY, FRANCE, US, NEW_YORK])
BERLIN = Destination(country="DE")


def taxed(
    *goods: tuple[int, str],
    destination: Destination | None = BERLIN,
    shipping: int = 0,
    inclusive: bool = False,
    table: Taxes = TABLE,
) -> Tax:
    question = TaxQuestion(
        currency="eur",
        inclusive=inclusive,
        destination=destination,
        goods=tuple(Taxable(amount=amount, code=code) for amount, code in goods),
        shipping=shipping,
    )
    return by_table(table, question)


def test_goods_are_taxed_by_their_code_and_shipping_by_its_own() -> None:
    assert taxed((1000, ""), (1000, "books"), (0, "x"), shipping=400) == Tax(goods=(190, 70, 0), shipping=20)


def test_inclusive_tax_is_the_part_of_the_price_that_is_tax() -> None:
    assert taxed((1190, ""), shipping=105, inclusive=True) == Tax(goods=(190,), shipping=5)


def test_shipping_has_the_default_rate_unless_it_has_its_own() -> None:
    paris = Destination(country="FR")
    assert taxed((1000, ""), destination=paris, shipping=500) == Tax(goods=(200,), shipping=100)


def test_a_rates_tax_is_rounded_once_over_all_that_has_it() -> None:
    """Each alone would be 0.19 and so nothing; together they are 0.95."""
    assert taxed(*[(1, "")] * 5).goods == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("destination", "tax"),
    [
        (None, 190),
        (Destination(country="DE", state="Bavaria"), 190),
        (Destination(country="US", state="CA"), 0),
        (Destination(country="US", state=" ny "), 89),
        (Destination(country="JP"), 0),
    ],
)
def test_the_destination_decides_and_home_while_there_is_none(
    destination: Destination | None, tax: int
) -> None:
    assert taxed((1000, ""), destination=destination).goods == (tax,)


def test_without_a_table_nothing_is_taxed() -> None:
    assert taxed((1000, ""), shipping=5, table=Taxes()) == Tax(goods=(0,), shipping=0)
    assert taxed((1000, ""), shipping=5, table=Taxes(), destination=None) == Tax(goods=(0,), shipping=0)


@pytest.mark.parametrize(
    "taxes",
    [
        Taxes(regions=[GERMANY]),
        Taxes(home="DE", regions=[GERMANY, GERMANY]),
        Taxes(home="US", regions=[NEW_YORK, RegionRates(country="US", state="ny ", default=5)]),
        Taxes(mode="stripe", home="DE"),
        Taxes(mode="stripe", regions=[GERMANY]),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(taxes: Taxes) -> None:
    with pytest.raises(InvalidRequest):
        require_sound(taxes)


@pytest.mark.parametrize("taxes", [Taxes(), TABLE, Taxes(mode="stripe", prices="exclusive")])
def test_a_sound_document_passes(taxes: Taxes) -> None:
    require_sound(taxes)
