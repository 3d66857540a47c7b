"""How long a function takes until it could answer, beside the least that any function with boto3 takes.

Each start is a fresh interpreter that imports what Lambda imports and makes the first client; the starts
take turns, so that a busy machine slows all of them alike. The interpreter's own start is not counted.
"""

import json
import re
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.report import Figure, Finding, Goal
from benchmarks.shipped import Shipped

ROUNDS = 15
IMPORT_RUNS = 3
FLOOR = "floor: boto3 and one client"
STARTS = {
    FLOOR: 'import boto3; boto3.client("dynamodb")',
    "api": "import app; from chalicelib import wiring; wiring.table()",
    "relay": "from chalicelib.workers import relay; from chalicelib import wiring; wiring.table()",
    "deliver": (
        "from chalicelib.workers import deliver; from chalicelib import wiring; "
        "wiring.table(); wiring.sender()"
    ),
}
GOALS = {"api": 1.5, "relay": 1.25, "deliver": 1.25}  # of the floor
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "TILLHOOK_SHOP": "bench",
    "TILLHOOK_TABLE": "bench",
}
COSTLY = 6  # packages worth naming where a goal is missed

# Memory is not asked of getrusage: a process begins with the peak of the one that started it.
_MEASURED = """
import gc, json, time
collections = []
gc.callbacks.append(lambda phase, told: collections.append(time.perf_counter()))
began, worked = time.perf_counter(), time.process_time()
{start}
took, worked = time.perf_counter() - began, time.process_time() - worked
collecting = sum(collections[1::2]) - sum(collections[::2])
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
except OSError:
    peak = 0.0
print(json.dumps([took * 1000, worked * 1000, collecting * 1000, peak]))
"""
# A collection would be put down to whichever import it happens to fall into.
_WITHOUT_COLLECTIONS = "import gc; gc.disable()\n"
_IMPORT = re.compile(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Milliseconds of one start (by the wall clock, of the processor, and of those collecting garbage), and
    its peak memory in MB (0: can't be told here).
    """

    wall: float
    processor: float
    collecting: float
    memory: float


def measure(shipped: Shipped, *, say: Callable[[str], object]) -> Finding:
    starts: dict[str, list[Start]] = {name: [] for name in STARTS}
    for turn in range(ROUNDS + 1):
        say(f" round {turn} of {ROUNDS}")
        for name in STARTS:
            start = _start(shipped, name)
            if turn:  # the first one only fills the machine's file cache
                starts[name].append(start)
    imports = {name: _import_costs(shipped, name) for name in STARTS}
    return judge(starts, imports)


def _start(shipped: Shipped, name: str) -> Start:
    done = shipped.run(_MEASURED.format(start=STARTS[name]), environment=ENVIRONMENT)
    wall, processor, collecting, memory = json.loads(done.stdout)
    return Start(wall=wall, processor=processor, collecting=collecting, memory=memory)


def _import_costs(shipped: Shipped, name: str) -> dict[str, float]:
    """The least of some runs each, since whatever disturbs a run adds to it."""
    code = _WITHOUT_COLLECTIONS + STARTS[name]
    runs = [
        import_costs(shipped.run(code, "-X", "importtime", environment=ENVIRONMENT).stderr)
        for _ in range(IMPORT_RUNS)
    ]
    return {package: min(run.get(package, 0.0) for run in runs) for package in runs[0]}


def import_costs(told: str) -> dict[str, float]:
    """Milliseconds per package (what is not a package of ours or theirs: the standard library) that
    Python's `-X importtime` tells; it slows what it times.
    """
    costs: dict[str, float] = {}
    for microseconds, module in _IMPORT.findall(told):
        package = module.partition(".")[0]
        package = "standard library" if package in sys.stdlib_module_names else package
        costs[package] = costs.get(package, 0.0) + int(microseconds) / 1000
    return costs


def judge(starts: Mapping[str, Sequence[Start]], imports: Mapping[str, Mapping[str, float]]) -> Finding:
    """What the starts come to, each function's beside the floor's."""
    wall = {name: _median(each, "wall") for name, each in starts.items()}
    memory = {name: _median(each, "memory") for name, each in starts.items()}
    processor = {name: _median(each, "processor") for name, each in starts.items()}
    functions = {
        name: Figure(
            name=f"cold start, {name}",
            value=wall[name],
            unit="ms",
            reference=wall[FLOOR],
            goal=Goal(limit=limit, of="ratio"),
        )
        for name, limit in GOALS.items()
    }
    memories = [
        Figure(name=f"peak memory, {name}", value=memory[name], unit="MB", reference=memory[FLOOR])
        for name in GOALS
        if memory[name]
    ]
    ratios = ", ".join(f"{name} {processor[name] / processor[FLOOR]:.2f}" for name in GOALS)
    told = (
        f"Medians of {len(starts[FLOOR])} interleaved starts of what is shipped, bytecode and all; by "
        f"processor time the ratios are {ratios}."
    )
    return Finding(
        title="Cold start",
        figures=[Figure(name=FLOOR, value=wall[FLOOR], unit="ms"), *functions.values(), *memories],
        notes=[told, *(_explained(name, figure, starts, imports) for name, figure in functions.items())],
    )


def _explained(
    name: str,
    figure: Figure,
    starts: Mapping[str, Sequence[Start]],
    imports: Mapping[str, Mapping[str, float]],
) -> str:
    over = figure.value - GOALS[name] * (figure.reference or 0.0)
    verdict = f"{name} is {over:.0f} ms over its goal" if figure.met is False else name
    ours, floor = _median(starts[name], "collecting"), _median(starts[FLOOR], "collecting")
    return (
        f"{verdict}: {ours:.0f} ms go into collecting garbage (floor: {floor:.0f}); imports, beyond the "
        f"floor: {_beyond(imports[name], imports[FLOOR])}."
    )


def _median(starts: Sequence[Start], what: str) -> float:
    return statistics.median([float(getattr(start, what)) for start in starts])


def _beyond(costs: Mapping[str, float], floor: Mapping[str, float]) -> str:
    """The packages that cost most beyond what they cost the floor, and what the floor has and we spare."""
    more = {name: costs.get(name, 0.0) - floor.get(name, 0.0) for name in {*costs, *floor}}
    ranked = sorted(more.items(), key=lambda item: -abs(item[1]))[:COSTLY]
    return ", ".join(f"{name} {milliseconds:+.0f} ms" for name, milliseconds in ranked)
