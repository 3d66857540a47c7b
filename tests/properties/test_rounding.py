from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money import MAX_AMOUNT, smallest_step
from chalicelib.domain.rounding import allocate, half_up, to_step
from tests.strategies import amounts, currencies

WEIGHTS = st.lists(st.integers(0, MAX_AMOUNT), min_size=1, max_size=50).filter(any)


@given(amounts, WEIGHTS)
def test_the_parts_sum_to_the_whole_and_each_is_less_than_one_off_its_share(
    amount: int, weights: list[int]
) -> None:
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(amount * weight, sum(weights)) - part) < 1


@given(st.data(), WEIGHTS)
def test_no_part_is_negative_or_more_than_its_weight(data: st.DataObject, weights: list[int]) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    parts = allocate(amount, weights)
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@given(amounts, WEIGHTS)
def test_more_weight_is_never_less_of_it(amount: int, weights: list[int]) -> None:
    parts = [part for _, part in sorted(zip(weights, allocate(amount, weights), strict=True))]
    by_weight = dict[int, list[int]]()
    for part, weight in zip(parts, sorted(weights), strict=True):
        by_weight.setdefault(weight, []).append(part)
    groups = [by_weight[weight] for weight in sorted(by_weight)]
    assert all(max(less) <= max(more) for less, more in pairwise(groups))
    assert all(max(same) - min(same) <= 1 for same in groups)


def test_what_is_left_goes_to_those_that_lost_most_and_of_equals_to_the_first() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(5, [3, 2, 3]) == [2, 1, 2]
    assert allocate(1, [0, 2, 5]) == [0, 0, 1]


def test_nothing_can_be_allocated_to_nothing_and_no_more() -> None:
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(0, []) == []
    with pytest.raises(ValueError, match="nothing to allocate 5 to"):
        allocate(5, [0, 0])


@given(st.integers(0, 10**18), st.integers(1, 10**12))
def test_half_up_is_the_nearest_and_of_two_the_larger(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == floor(Fraction(numerator, denominator) + Fraction(1, 2))


@given(amounts, currencies)
def test_an_amount_in_steps_is_the_nearest_that_can_be_charged(amount: int, currency: str) -> None:
    step, rounded = smallest_step(currency), to_step(amount, currency=currency)
    assert rounded % step == 0
    assert -step < 2 * (amount - rounded) <= step or 2 * (rounded - amount) == step
