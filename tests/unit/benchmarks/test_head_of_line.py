from __future__ import annotations

import pytest

from benchmarks.head_of_line import judge


@pytest.mark.parametrize(("slowest", "is_met"), [(1.2, True), (1.3, False)])
def test_the_slowest_hundredth_is_what_counts(slowest: float, is_met: bool) -> None:  # noqa: FBT001 (a case)
    alone = [0.1] * 990 + [1.0] * 10
    beside = [0.1] * 989 + [slowest] * 11
    figure, *_ = judge(alone, beside, alone).figures
    assert (figure.value, figure.reference, figure.met) == (slowest, 1.0, is_met)
