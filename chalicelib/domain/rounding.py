"""Where fractions of the smallest unit go, once for everything that is computed.

A share of money is worked out for what is sold as a whole, rounded half up, and then allocated by the
largest remainder, so that the parts always sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from .money import smallest_step


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number; a half is rounded up. Neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def to_step(numerator: int, denominator: int = 1, *, currency: str) -> int:
    """The nearest amount that cards can be charged; half a step is rounded up."""
    step = smallest_step(currency)
    return half_up(numerator, denominator * step) * step


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in parts that sum to it and stand to each other as the weights, none of them negative.

    What rounding down leaves goes, a unit each, to the parts that lost most by it; of equals, to the first.
    So no part is larger than its weight, if the amount is not larger than all weights. Where all weights
    are 0, only 0 can be allocated.
    """
    whole = sum(weights)
    if whole == 0:
        if amount:
            raise ValueError(f"there is nothing to allocate {amount} to")
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    lost_most = sorted(range(len(weights)), key=lambda index: -(amount * weights[index] % whole))
    for index in lost_most[: amount - sum(parts)]:
        parts[index] += 1
    return parts
