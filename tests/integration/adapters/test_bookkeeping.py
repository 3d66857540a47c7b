from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.bookkeeping import Acknowledgements, Reconciliation, SweepReport
from chalicelib.ports import Moved
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores

FIRST = Reconciliation(
    version=1,
    since=NOW - timedelta(days=3),
    until=NOW,
    started_at=NOW,
    updated_at=NOW,
    cursor="pi_1",
    examined=3,
    repaired=2,
    mismatches=1,
)


def test_nothing_was_ever_done_at_first(stores: Stores) -> None:
    books = stores.bookkeeping
    found = books.get_sweep(), books.get_reconciliation(), books.get_acknowledgements()
    assert found == (None, None, None)


def test_the_last_sweep_is_kept(stores: Stores) -> None:
    for settled in (1, 2):
        report = SweepReport(at=NOW, settled=settled, failed=0, is_complete=True)
        stores.bookkeeping.put_sweep(report)
        assert stores.bookkeeping.get_sweep() == report


def test_a_reconciliation_is_saved_over_the_version_before_and_no_other(stores: Stores) -> None:
    stores.bookkeeping.save_reconciliation(FIRST)
    second = replace(FIRST, version=2, stage="refunds", cursor=None)
    stores.bookkeeping.save_reconciliation(second)
    assert stores.bookkeeping.get_reconciliation() == second
    for late in (FIRST, second, replace(second, version=4)):
        with pytest.raises(Moved):
            stores.bookkeeping.save_reconciliation(late)
    assert stores.bookkeeping.get_reconciliation() == second


def test_acknowledgements_are_saved_over_the_version_before_and_no_other(stores: Stores) -> None:
    first = Acknowledgements(version=1, until=NOW, position="there", unacknowledged=4, last_at=NOW)
    stores.bookkeeping.save_acknowledgements(first)
    assert stores.bookkeeping.get_acknowledgements() == first
    with pytest.raises(Moved):
        stores.bookkeeping.save_acknowledgements(first)
