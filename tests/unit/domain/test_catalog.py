from __future__ import annotations

import pytest

from chalicelib.domain.catalog import Availability, CatalogChange, availability, compare, require_sku
from chalicelib.domain.errors import InvalidRequest
from tests.making import a_product


@pytest.mark.parametrize("sku", ["a", "A-1", "9.9_x~", "a" * 64])
def test_a_sku_stands_in_a_path_as_it_is(sku: str) -> None:
    assert require_sku(sku) == sku


@pytest.mark.parametrize(
    "sku", ["", "a" * 65, ".", "..", "-a", "a b", "a/b", "a%2Fb", "a?", "é", "a\n", "a#b", "a٣"]
)
def test_anything_else_is_no_sku(sku: str) -> None:
    with pytest.raises(InvalidRequest):
        require_sku(sku)


@pytest.mark.parametrize(
    ("tracked", "available", "expected"),
    [
        (False, None, Availability(in_stock=True, left=None)),
        (False, 0, Availability(in_stock=True, left=None)),
        (True, None, Availability(in_stock=False, left=0)),
        (True, 0, Availability(in_stock=False, left=0)),
        (True, -1, Availability(in_stock=False, left=0)),
        (True, 1, Availability(in_stock=True, left=1)),
    ],
)
def test_availability_counts_only_what_is_counted(
    tracked: bool,  # noqa: FBT001 (a case)
    available: int | None,
    expected: Availability,
) -> None:
    assert availability(a_product(tracked=tracked), available) == expected


def test_comparing_says_what_each_sku_needs() -> None:
    old = {sku: a_product(sku) for sku in ("kept", "changed", "gone", "away")}
    new = {sku: a_product(sku) for sku in ("kept", "new", "fresh")} | {
        "changed": a_product("changed", amount=1)
    }
    assert compare(current=old, wanted=new) == CatalogChange(
        added=["fresh", "new"], changed=["changed"], removed=["away", "gone"], unchanged=1
    )
