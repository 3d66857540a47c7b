"""Sales in a process of their own: what they ask of AWS, and what they take of the processor."""

from collections.abc import Callable
from typing import TypeVar

from benchmarks.effects import Effects
from benchmarks.filling import fill
from benchmarks.growth import FEW, MANY, Growth
from benchmarks.metering import Step, Timing
from benchmarks.setting import Database, Setting
from benchmarks.shipped import Shipped

Found = TypeVar("Found")


def meter(shipped: Shipped, setting: Setting, database: Database) -> list[Step]:
    """The steps of one sale, the first that fresh functions make."""
    return _tell("meter", shipped, setting, database, kind=list[Step])


def time(shipped: Shipped, setting: Setting, database: Database) -> dict[str, Timing]:
    """The steps of many sales, by name."""
    return {timing.name: timing for timing in _tell("time", shipped, setting, database, kind=list[Timing])}


def meter_webhooks(shipped: Shipped, setting: Setting, database: Database) -> list[Step]:
    """One event on its way to a batch of endpoints that have heard of others before."""
    return _tell("webhooks", shipped, setting, database, kind=list[Step])


def tell_notices(shipped: Shipped, setting: Setting, database: Database) -> Effects:
    """What a thousand callbacks come to."""
    return _tell("notices", shipped, setting, database, kind=Effects)


def grow(
    shipped: Shipped, setting: Setting, database: Database, *, say: Callable[[str], object]
) -> tuple[Growth, list[Step]]:
    """Sales in a small and in a large table, in turn; and the steps of one in the large one."""
    names = {}
    for size in (FEW, MANY):
        names[size] = f"bench-{size.orders}-orders"
        setting.create_table(database, name=names[size])
        fill(setting.client(database), names[size], size, say=say)
    few, many = names.values()
    say("Metering a sale in the large table")
    steps = _tell_on("meter", many, shipped, setting, database, kind=list[Step])
    say("Selling in both tables in turn")
    growth = _tell_on("growth", few, shipped, setting, database, kind=Growth, BENCH_LARGE_TABLE=many)
    return growth, steps


def _tell(mode: str, shipped: Shipped, setting: Setting, database: Database, *, kind: type[Found]) -> Found:
    """Run `benchmarks.in_process` on a table of its own."""
    table = f"bench-{mode}"
    setting.create_table(database, name=table)
    return _tell_on(mode, table, shipped, setting, database, kind=kind)


def _tell_on(
    mode: str,
    table: str,
    shipped: Shipped,
    setting: Setting,
    database: Database,
    *,
    kind: type[Found],
    **more: str,
) -> Found:
    environment = setting.environment(database, table=table) | more
    return shipped.tell("benchmarks.in_process", mode, environment=environment, kind=kind)
