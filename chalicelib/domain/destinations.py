"""Where an order goes, as far as shipping and tax must know."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$", description="ISO 3166-1 alpha-2")]
StateName = Annotated[
    str, Meta(max_length=100, description="As the tax table has it; best ISO 3166-2 without the country: CA")
]


class Destination(Struct, frozen=True, kw_only=True, omit_defaults=True):
    country: CountryCode
    state: StateName = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""

    @property
    def region(self) -> tuple[str, str]:
        """Country and state, however the state was typed."""
        return self.country, self.state.strip().casefold()

    def covers(self, other: Destination) -> bool:
        """Whether the other one is the same place, as far as this one says."""
        return self.region == other.region and self.postal_code in {"", other.postal_code}
