from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import pytest

from chalicelib.adapters.dynamodb.counters import DynamoCounters
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain.limits import Tally, tally
from chalicelib.ports import LimitReached
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import an_id


def one_more(
    what: Literal["carts", "orders"] = "carts", *, seed: object = 0, most: int = 3, now: datetime = NOW
) -> Tally:
    found = tally(what, an_id("vis", seed), most=most, now=now)
    assert found is not None
    return found


def test_a_counter_counts_up_to_its_limit_and_stays_there(stores: Stores) -> None:
    for _ in range(3):
        stores.counters.count(one_more())
    for _ in range(2):
        with pytest.raises(LimitReached) as refusal:
            stores.counters.count(one_more())
        assert refusal.value.tally == one_more()
    stores.counters.count(one_more(most=4))


@pytest.mark.parametrize(
    "other", [one_more("orders"), one_more(seed=1), one_more(now=NOW + timedelta(hours=1))], ids=repr
)
def test_other_things_visitors_and_hours_are_counted_by_themselves(stores: Stores, other: Tally) -> None:
    for _ in range(3):
        stores.counters.count(one_more())
    stores.counters.count(other)


def test_a_counter_goes_when_its_hour_is_over(table: Table) -> None:
    DynamoCounters(table).count(one_more())
    (row,) = table.query(f"LIMIT#carts#{an_id('vis')}#2026-11-24T13")
    assert row["expires_at"] == {"N": str(int((NOW + timedelta(hours=1)).timestamp()))}
