"""What a thousand callbacks come to, when some are told twice and some the wrong way round."""

from msgspec import Struct

from benchmarks.report import Figure, Finding, Goal
from benchmarks.setting import Database

PLAIN, IN_ORDER, REORDERED = 300, 100, 100
"""Orders: paid; declined, then paid; and the same of which Stripe tells the payment first."""

DUPLICATES = 300
NOTICES = PLAIN + 2 * IN_ORDER + 2 * REORDERED + DUPLICATES
RIGHT = PLAIN + 2 * IN_ORDER + REORDERED


class Effects(Struct, kw_only=True):
    """`entries` are the ledgers' and `events` the world's; `wrong` counts orders whose own are not as due."""

    sent: int
    refused: int
    entries: int
    events: int
    wrong: int


def judge(found: Effects, database: Database) -> Finding:
    def exactly(limit: int) -> Goal:
        return Goal(limit=limit, relation="=")

    figures = [
        Figure(
            name=f"effects of {found.sent:,} callbacks, {DUPLICATES} told again, {REORDERED} too late",
            value=found.entries,
            unit="in all",
            goal=exactly(RIGHT),
        ),
        Figure(name="events of these", value=found.events, unit="in all", goal=exactly(RIGHT)),
        Figure(name="orders that are not as they should be", value=found.wrong, unit="", goal=exactly(0)),
        Figure(name="callbacks not answered by 200", value=found.refused, unit="", goal=exactly(0)),
    ]
    told = (
        f"{PLAIN} orders are paid at once and {IN_ORDER} after a decline; so are {REORDERED} more, whose "
        "decline is told last, when it is no news any more. All are mixed, by a chance that is the same in "
        f"every run. The database is {database.name}. What comes at the same time is in tests/races."
    )
    return Finding(title="Callbacks told twice and the wrong way round", figures=figures, notes=[told])
