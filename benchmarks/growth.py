"""Whether a sale is as quick and as cheap when there are many orders and products as when there are few."""

import statistics
from collections.abc import Mapping, Sequence

from msgspec import Struct

from benchmarks.bill import SALE
from benchmarks.filling import Size
from benchmarks.metering import Step
from benchmarks.report import Detail, Figure, Finding, Goal
from benchmarks.setting import Database

FEW, MANY = Size(orders=100, products=10), Size(orders=100_000, products=10_000)
FLAT = Goal(limit=1.05, of="ratio")
CHECKOUT = "check out"


class Growth(Struct, kw_only=True):
    """Milliseconds of each step, sale by sale, in the small and in the large table."""

    few: dict[str, list[float]]
    many: dict[str, list[float]]


def judge(growth: Growth, *, before: Sequence[Step], after: Sequence[Step], database: Database) -> Finding:
    """`before` was metered in a table with nothing else in it, `after` in the large one."""
    figures = [
        Figure(
            name=f"a sale with {MANY}",
            value=_whole(growth.many),
            unit="ms",
            reference=_whole(growth.few),
            goal=FLAT,
        ),
        Figure(
            name="write units of it",
            value=sum(step.write_units for step in _sale(after)),
            unit="per sale",
            reference=sum(step.write_units for step in _sale(before)),
            goal=FLAT,
        ),
        Figure(
            name="read units of it",
            value=sum(step.read_units for step in _sale(after)),
            unit="per sale",
            reference=sum(step.read_units for step in _sale(before)),
            goal=FLAT,
        ),
    ]
    told = (
        f"The reference is the same with {FEW}. A sale is the sum of its steps' medians, of "
        f"{len(growth.many[CHECKOUT])} sales in each table, told step by step in turn. The database is "
        f"{database.name}. Of the orders there are the headers, which are all that lists and indexes hold."
    )
    return Finding(
        title="A sale in a table that has grown", figures=figures, details=[_by_step(growth)], notes=[told]
    )


def _whole(steps: Mapping[str, Sequence[float]]) -> float:
    return sum(statistics.median(took) for name, took in steps.items() if name in SALE)


def _by_step(growth: Growth) -> Detail:
    medians = [
        (name, statistics.median(few), statistics.median(growth.many[name]))
        for name, few in growth.few.items()
    ]
    return Detail(
        title="Medians, step by step (in brackets: not of the sale that is summed up)",
        columns=("step", f"ms with {FEW}", f"ms with {MANY}", "ratio"),
        rows=[
            [name if name in SALE else f"({name})", f"{few:.1f}", f"{many:.1f}", f"{many / few:.2f}"]
            for name, few, many in medians
        ],
    )


def _sale(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.name in SALE]
