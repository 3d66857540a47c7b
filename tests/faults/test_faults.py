from __future__ import annotations

import pytest

from .harness import rehearse, try_all
from .stage import theatre
from .wire import KINDS, Kind


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.xdist_group(f"faults: {kind}")) for kind in KINDS]
)
def test_whatever_call_goes_wrong_the_story_ends_well(kind: Kind) -> None:
    with theatre() as here:
        calls = rehearse(here)
        assert len(calls) > 70, "the story has become short"
        assert len(list(try_all(here, calls, kind))) == len(calls)
