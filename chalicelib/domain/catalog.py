"""What is for sale: the catalogue that the site's build pushes, and the stock beside it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from .errors import InvalidRequest
from .money import MAX_AMOUNT

SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}(?!\n)$"
"""A SKU stands in paths as it is, so it has only characters that no encoding touches."""

MAX_SHARDS = 32

Sku = Annotated[str, Meta(pattern=SKU_PATTERN, description="Stock keeping unit; stands in paths as it is")]
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT, description="Minor units of the currency")]
CurrencyCode = Annotated[str, Meta(pattern=r"^[a-z]{3}(?!\n)$", description="ISO 4217, lower case")]
TaxCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{1,64}(?!\n)$",
        description="One of the tax table's, or Stripe Tax's if that works tax out",
    ),
]


UnavailablePolicy = Literal["ask", "backorder", "refund"]


class ProductFields(Struct, frozen=True, kw_only=True):
    """What is said of one thing for sale; `amount` is the price of one piece, `weight_grams` its weight.

    What is downloaded or attended is not `shippable`; only what is costs shipping. Without a `tax_code` it
    is taxed as most things are. `when_unavailable` is what becomes of an order whose payment came when this
    was gone: its owner is asked, it is sent when there is more, or the money goes back at once.
    """

    name: Annotated[str, Meta(min_length=1, max_length=250)]
    amount: Amount
    currency: CurrencyCode
    description: Annotated[str, Meta(max_length=4000)] = ""
    image: Annotated[str, Meta(max_length=2000, description="Address of a picture")] = ""
    stock: Literal["tracked", "unlimited"] = "unlimited"
    when_unavailable: UnavailablePolicy = "ask"
    shippable: bool = True
    weight_grams: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    tax_code: TaxCode | None = None
    stock_shards: Annotated[
        int,
        Meta(
            ge=1, le=MAX_SHARDS, description="Rows that its stock is spread over; 1 takes 500 sales a second"
        ),
    ] = 1


class Product(ProductFields, frozen=True, kw_only=True):
    sku: Sku

    @property
    def is_tracked(self) -> bool:
        return self.stock == "tracked"


def is_sku(text: str) -> bool:
    return re.fullmatch(SKU_PATTERN, text, re.ASCII) is not None


def require_sku(text: str) -> str:
    """The text, if it can be a SKU."""
    if not is_sku(text):
        raise InvalidRequest("A SKU has up to 64 letters, digits and . _ ~ -, a letter or digit first.")
    return text


class Availability(Struct, frozen=True, kw_only=True):
    """Whether a product can be bought now; `left` is None where no stock is kept."""

    in_stock: bool
    left: int | None


def availability(product: Product, available: int | None) -> Availability:
    """`available` is the product's stock item, None if it has none (a tracked product then has none left)."""
    if not product.is_tracked:
        return Availability(in_stock=True, left=None)
    left = max(available or 0, 0)
    return Availability(in_stock=left > 0, left=left)


class CatalogChange(Struct, frozen=True, kw_only=True):
    """What a push of a whole catalogue does, by SKU, each list sorted."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0


def compare(*, current: dict[str, Product], wanted: dict[str, Product]) -> CatalogChange:
    """What must happen to the `current` catalogue to become the `wanted` one."""
    kept = wanted.keys() & current.keys()
    changed = sorted(sku for sku in kept if wanted[sku] != current[sku])
    return CatalogChange(
        added=sorted(wanted.keys() - current.keys()),
        changed=changed,
        removed=sorted(current.keys() - wanted.keys()),
        unchanged=len(kept) - len(changed),
    )
