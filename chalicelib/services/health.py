"""How the shop is: what waits, for how long, and what was found out of order."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from msgspec import Struct

from chalicelib.domain.bookkeeping import Acknowledgements, Reconciliation, SweepReport
from chalicelib.ports import Bookkeeping, EndpointStore, OrderAge, OrderStore, Page

MOST = 100


class Waiting(Struct, frozen=True, kw_only=True):
    """How many wait, up to MOST, and since when the first of them does."""

    count: int
    more: bool
    oldest_at: datetime | None
    order_ids: list[str]


class ShopHealth(Struct, frozen=True, kw_only=True):
    """`overdue` should have been settled by now, `in_review` waits for its owner.

    What is null has never been done yet.
    """

    at: datetime
    overdue: Waiting
    in_review: Waiting
    sweep: SweepReport | None
    reconciliation: Reconciliation | None
    acknowledgements: Acknowledgements | None
    endpoints: dict[str, int]


def read_health(
    *, orders: OrderStore, endpoints: EndpointStore, progress: Bookkeeping, now: datetime
) -> ShopHealth:
    states = Counter(endpoint.status for endpoint in endpoints.list_endpoints())
    overdue = orders.list_due(now, limit=MOST, cursor=None)
    reviews = orders.list_in_review(limit=MOST, cursor=None)
    return ShopHealth(
        at=now,
        overdue=_waiting(overdue),
        in_review=_waiting(reviews),
        sweep=progress.get_sweep(),
        reconciliation=progress.get_reconciliation(),
        acknowledgements=progress.get_acknowledgements(),
        endpoints=dict(sorted(states.items())),
    )


def _waiting(page: Page[OrderAge]) -> Waiting:
    return Waiting(
        count=len(page.items),
        more=page.cursor is not None,
        oldest_at=page.items[0].since if page.items else None,
        order_ids=[waiting.order_id for waiting in page.items],
    )
