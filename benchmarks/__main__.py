"""Measure everything, show it, and keep the figures in benchmarks/latest.json.

    python -m benchmarks

Exits 0 whether or not goals are met, and 1 if something could not be measured.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import (
    bill,
    cold_start,
    delivery,
    effects,
    growth,
    head_of_line,
    package_size,
    report,
    sales,
    storefront,
    webhooks,
)
from benchmarks.growth import MANY
from benchmarks.report import Finding
from benchmarks.setting import setting
from benchmarks.shipped import Shipped, lay_out
from deploy.package import ARCHITECTURES, Package, build, machine_architecture
from local.aws import ROOT
from local.stack import HOMES
from local.timeline import Step, StepFailed, Timeline

LATEST = ROOT / "benchmarks/latest.json"
Measure = Callable[[Step], list[Finding]]


class Bench:
    """Subject after subject; one that fails does not keep the others from being measured."""

    def __init__(self, timeline: Timeline) -> None:
        self.findings: list[Finding] = []
        self.failures = 0
        self._timeline = timeline

    def measure(self, title: str, measure: Measure) -> None:
        try:
            with self._timeline.step(title) as step:
                found = measure(step)
                step.happened(_verdict(found))
        except StepFailed as failure:
            self._timeline.line(f"        {failure.error}")
            self.failures += 1
        else:
            self.findings += found


def main() -> int:
    began = time.monotonic()
    timeline = Timeline()
    bench = Bench(timeline)
    with _folder() as folder:
        packages: dict[str, Package] = {}
        bench.measure("Package", lambda step: _package(packages, step))
        package = packages.get(machine_architecture())
        if package is None:
            return 1
        shipped = lay_out(package, folder=folder)
        bench.measure("Cold starts", lambda step: [cold_start.measure(shipped, say=step.note)])
        bench.measure(
            "Webhooks in one process", lambda step: webhooks.measure(shipped, folder=folder, say=step.note)
        )
        bench.measure("Sales in one process", lambda step: _sales(package, shipped, folder, step))
        bench.measure(
            "Sales on the stack", lambda step: [delivery.measure(folder=folder / "delivery", say=step.note)]
        )
        bench.measure(
            "Endpoints in trouble",
            lambda step: [head_of_line.measure(folder=folder / "head-of-line", say=step.note)],
        )
    timeline.line()
    report.show(bench.findings, timeline.out)
    report.write(bench.findings, LATEST)
    timeline.line(f"{LATEST.relative_to(ROOT)} has the figures. It took {time.monotonic() - began:.0f} s.")
    return 1 if bench.failures else 0


def _package(packages: dict[str, Package], step: Step) -> list[Finding]:
    for architecture in ARCHITECTURES:
        packages[architecture] = build(architecture=architecture, say=step.note)
    return [package_size.judge(list(packages.values()))]


def _sales(package: Package, shipped: Shipped, folder: Path, step: Step) -> list[Finding]:
    with setting(package, folder=folder, say=step.note) as everybody:
        step.note("Metering a sale")
        metered = {
            database.name: sales.meter(shipped, everybody, database) for database in everybody.databases
        }
        step.note("Metering webhooks")
        database = everybody.databases[0]
        fan_out = sales.meter_webhooks(shipped, everybody, database)
        step.note("Timing sales")
        timings = sales.time(shipped, everybody, database)
        step.note("Telling a thousand callbacks")
        told = sales.tell_notices(shipped, everybody, database)
        step.note(f"Filling a table with {MANY}")
        grown, steps_when_grown = sales.grow(shipped, everybody, database, say=step.note)
    template = json.loads(package.template.read_text())
    steps = metered.pop(database.name)
    return [
        storefront.judge_processor_time(timings, database),
        storefront.judge_round_trips(steps),
        effects.judge(told, database),
        growth.judge(grown, before=steps, after=steps_when_grown, database=database),
        webhooks.judge_calls(fan_out, webhooks=webhooks.BATCH),
        bill.judge(
            steps,
            timings,
            template=template,
            database=database,
            others=metered,
            missing=everybody.missing,
        ),
    ]


def _verdict(findings: list[Finding]) -> str:
    verdicts = [figure.met for finding in findings for figure in finding.figures]
    missed = verdicts.count(False)
    return f"{verdicts.count(True)} goals met" + (f", {missed} missed" if missed else "")


@contextmanager
def _folder() -> Iterator[Path]:
    folder = HOMES / f"benchmarks-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # as shells tell an interruption; what was started has ended
