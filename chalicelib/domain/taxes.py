"""Tax, by the owner's table; where Stripe works it out, what it is asked and what it answers.

A rate is a whole number of millionths: 190_000 is 19 %, 88_750 is 8.875 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from .catalog import TaxCode
from .destinations import CountryCode, Destination, StateName
from .errors import InvalidRequest
from .rounding import allocate, half_up

MILLION = 1_000_000
SHIPPING_CODE = "shipping"
"""The tax code by which the table taxes shipping."""

Rate = Annotated[int, Meta(ge=0, le=MILLION, description="Millionths: 190000 is 19 %")]


class RegionRates(Struct, frozen=True, kw_only=True):
    """What is taxed how in a country; with a `state`, there in place of what the country has.

    `by_code` has the rates of tax codes that differ from the `default`; the code `shipping` is shipping's.
    """

    country: CountryCode
    state: StateName = ""
    default: Rate
    by_code: Annotated[dict[TaxCode, Rate], Meta(max_length=200)] = field(default_factory=dict)

    def rate_of(self, code: str) -> int:
        return self.by_code.get(code, self.default)


class Taxes(Struct, frozen=True, kw_only=True):
    """Whether `prices` have tax in them, and what it is: by the table of `regions`, or as Stripe Tax says.

    `home` is the country whose rates apply as long as nobody has said where an order goes. What goes where
    the table has no region is not taxed.
    """

    mode: Literal["table", "stripe"] = "table"
    prices: Literal["inclusive", "exclusive"] = "inclusive"
    home: CountryCode | None = None
    regions: Annotated[Sequence[RegionRates], Meta(max_length=500)] = field(default_factory=list)


class Taxable(Struct, frozen=True, kw_only=True):
    """An amount as it is charged but for exclusive tax, and the tax code by which it is taxed."""

    amount: int
    code: str


class TaxQuestion(Struct, frozen=True, kw_only=True):
    currency: str
    inclusive: bool
    destination: Destination | None
    goods: tuple[Taxable, ...]
    shipping: int


class Tax(Struct, frozen=True, kw_only=True):
    """The tax of each of the goods, in their order, and of shipping."""

    goods: tuple[int, ...]
    shipping: int


AskTax = Callable[[TaxQuestion], Tax]
"""Have a provider work it out. DestinationNeeded if it must know more of where the order goes."""


def require_sound(taxes: Taxes) -> None:
    """InvalidRequest if the document contradicts itself."""
    if taxes.mode == "stripe":
        if taxes.regions or taxes.home:
            raise InvalidRequest('In mode "stripe" there is no table: leave out regions and home.')
        return
    if taxes.regions and taxes.home is None:
        raise InvalidRequest("Say by `home` which country's rates apply before a destination is known.")
    regions = Counter(_region(entry) for entry in taxes.regions)
    for (country, state), count in regions.items():
        if count > 1:
            place = f"{country} {state}".strip()
            raise InvalidRequest(f"{place} is in the table {count} times; keep one.")


def no_tax(question: TaxQuestion) -> Tax:
    return Tax(goods=(0,) * len(question.goods), shipping=0)


def by_table(taxes: Taxes, question: TaxQuestion) -> Tax:
    """Each rate's tax is rounded once, over all that it applies to, and allocated to that."""
    destination = question.destination or (Destination(country=taxes.home) if taxes.home else None)
    entry = _entry_for(taxes, destination) if destination else None
    if entry is None:
        return no_tax(question)
    taxed = [*question.goods, Taxable(amount=question.shipping, code=SHIPPING_CODE)]
    *goods, shipping = _by_rates(
        [(item.amount, entry.rate_of(item.code)) for item in taxed], inclusive=question.inclusive
    )
    return Tax(goods=tuple(goods), shipping=shipping)


def _by_rates(items: list[tuple[int, int]], *, inclusive: bool) -> list[int]:
    """The tax of each (amount, rate)."""
    found = [0] * len(items)
    for rate in {rate for _, rate in items}:
        bases = [amount if own == rate else 0 for amount, own in items]
        tax = half_up(sum(bases) * rate, MILLION + rate if inclusive else MILLION)
        found = [before + part for before, part in zip(found, allocate(tax, bases), strict=True)]
    return found


def _entry_for(taxes: Taxes, destination: Destination) -> RegionRates | None:
    entries = {_region(entry): entry for entry in taxes.regions}
    return entries.get(destination.region) or entries.get((destination.country, ""))


def _region(entry: RegionRates) -> tuple[str, str]:
    return Destination(country=entry.country, state=entry.state).region
