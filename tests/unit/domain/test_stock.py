from __future__ import annotations

import pytest

from chalicelib.domain.catalog import SKU_PATTERN
from chalicelib.domain.stock import adjustment, row_name, shared_out, sku_of


def test_the_first_row_is_called_like_its_sku_and_the_others_like_no_sku() -> None:
    assert [row_name("mug", shard) for shard in range(3)] == ["mug", "mug#1", "mug#2"]
    assert {sku_of(row_name("mug", shard)) for shard in range(3)} == {"mug"}
    assert "#" not in SKU_PATTERN


@pytest.mark.parametrize(
    ("available", "shards", "rows", "shares"),
    [
        (10, 1, 1, [10]),
        (10, 3, 1, [4, 3, 3]),
        (2, 4, 4, [1, 1, 0, 0]),
        (10, 2, 4, [5, 5, 0, 0]),
        (0, 2, 2, [0, 0]),
    ],
)
def test_pieces_are_shared_out_evenly(available: int, shards: int, rows: int, shares: list[int]) -> None:
    assert list(shared_out("mug", available, shards=shards, rows=rows).values()) == shares


@pytest.mark.parametrize(
    ("rows", "by", "changes"),
    [
        ([5], 3, [3]),
        ([5], -5, [-5]),
        ([5], -6, None),
        ([5], 0, [0]),
        ([0, 9], 4, [4, 0]),
        ([0, 3, 9], 5, [4, 1, 0]),
        ([2, 2, 2], 7, [3, 2, 2]),
        ([1, 5, 3], -4, [0, -4, 0]),
        ([1, 5, 3], -6, [0, -5, -1]),
        ([1, 5, 3], -9, [-1, -5, -3]),
        ([1, 5, 3], -10, None),
    ],
)
def test_an_adjustment_changes_as_few_rows_as_it_can(
    rows: list[int], by: int, changes: list[int] | None
) -> None:
    named = {row_name("mug", shard): available for shard, available in enumerate(rows)}
    found = adjustment(named, by)
    assert (found if found is None else [found.get(name, 0) for name in named]) == changes
