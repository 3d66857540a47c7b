"""Clock → housekeeping: what is due is settled, the provider's books are compared, silence is noticed."""

from __future__ import annotations

from datetime import timedelta

from chalice.app import Blueprint, CloudWatchEvent

from chalicelib import logs, wiring
from chalicelib.domain.bookkeeping import SweepReport
from chalicelib.services.acknowledgements import check_acknowledgements
from chalicelib.services.housekeeping import sweep
from chalicelib.services.reconciliation import reconcile

ENOUGH = timedelta(seconds=200)
"""Of the function's five minutes; whatever is under way then has time to end."""

functions = Blueprint(__name__)


@functions.schedule("rate(5 minutes)", name="housekeeping")
def housekeeping(_event: CloudWatchEvent) -> None:
    """Do what the clock asks for; what is not done in time is gone on with by the next run."""
    logs.configure()
    until = wiring.now() + ENOUGH
    done = sweep(shop=wiring.housekeeping(), clock=wiring.now, until=until)
    wiring.bookkeeping().put_sweep(
        SweepReport(at=wiring.now(), settled=done.settled, failed=done.failed, is_complete=done.is_complete)
    )
    check_acknowledgements(
        events=wiring.events(),
        deliveries=wiring.deliveries(),
        progress=wiring.bookkeeping(),
        clock=wiring.now,
        until=until,
    )
    reconcile(books=wiring.books(), clock=wiring.now, until=until)
