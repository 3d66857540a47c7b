from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import an_id

HOOK, OTHER = an_id("ep", 1), an_id("ep", 2)
SECOND, AHEAD = timedelta(seconds=1), timedelta(minutes=10)


def test_the_first_slot_is_now(stores: Stores) -> None:
    assert stores.slots.reserve(HOOK, per_second=5, now=NOW, ahead=AHEAD) == NOW


@pytest.mark.parametrize("per_second", [1, 4, 10, 100])
def test_slots_are_evenly_spaced(stores: Stores, per_second: int) -> None:
    slots = [stores.slots.reserve(HOOK, per_second=per_second, now=NOW, ahead=AHEAD) for _ in range(12)]
    assert all(slots)
    gaps = {later - earlier for earlier, later in pairwise(slot for slot in slots if slot)}
    assert gaps == {SECOND / per_second}


def test_a_quiet_time_saves_no_slots(stores: Stores) -> None:
    stores.slots.reserve(HOOK, per_second=1, now=NOW, ahead=AHEAD)
    later = NOW + 60 * SECOND
    assert stores.slots.reserve(HOOK, per_second=1, now=later, ahead=AHEAD) == later
    assert stores.slots.reserve(HOOK, per_second=1, now=later, ahead=AHEAD) == later + SECOND


def test_each_endpoint_has_slots_of_its_own(stores: Stores) -> None:
    stores.slots.reserve(HOOK, per_second=1, now=NOW, ahead=AHEAD)
    assert stores.slots.reserve(OTHER, per_second=1, now=NOW, ahead=AHEAD) == NOW


def test_slots_are_not_given_away_for_longer_than_is_asked(stores: Stores) -> None:
    taken = 0
    while stores.slots.reserve(HOOK, per_second=1, now=NOW, ahead=AHEAD) is not None:
        taken += 1
    assert 600 <= taken <= 602
    assert stores.slots.reserve(HOOK, per_second=1, now=NOW + 5 * SECOND, ahead=AHEAD) is not None
