"""What a shopper's request takes: processor time, and round trips to DynamoDB."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.metering import Call, Step, Timing, waits
from benchmarks.report import Figure, Finding, Goal
from benchmarks.setting import Database

OPERATIONS = {
    "list products": "list products",
    "create cart": "create cart",
    "add to cart": "add second item",
    "read cart": "read cart of three",
    "check out": "check out",
    "check out of five lines": "check out five lines",
    "callback": "callback",
    "read order": "read order",
}
"""Figures' names, and the steps of the story that they are about."""

PEER = "django-salesman with PostgreSQL"
PEER_CPU = {"add to cart": 9.3, "read cart": 7.0, "check out": 34.9}
"""Milliseconds of the application; its database took 2.1, 1.3 and 9.4 more."""

AT_MOST, CHECKOUT_AT_MOST, CALLBACK, TO_STRIPE = 2, 4, 2, 1  # round trips
CPU_AT_MOST = {"check out of five lines": 12, "callback": 5}  # ms


def judge_processor_time(timings: Mapping[str, Timing], database: Database) -> Finding:
    figures = [
        Figure(
            name=f"CPU, {name}",
            value=statistics.median(timings[step].ours),
            unit="ms",
            reference=PEER_CPU.get(name),
            goal=Goal(limit=CPU_AT_MOST[name]) if name in CPU_AT_MOST else None,
        )
        for name, step in OPERATIONS.items()
    ]
    figures += [
        Figure(name=f"CPU of the database, {name}", value=statistics.median(theirs), unit="ms")
        for name, step in OPERATIONS.items()
        if name in PEER_CPU and (theirs := timings[step].database)
    ]
    rounds = len(timings[OPERATIONS["add to cart"]].ours)
    told = (
        f"Medians of {rounds} sales, told in turn. The reference is {PEER}, application alone (database: "
        "2.1, 1.3 and 9.4 ms more), measured earlier on a machine of the same kind, not in this run."
    )
    notes = [
        told,
        f"The database is {database.name}, on this machine; in AWS that is DynamoDB's time, not ours.",
    ]
    return Finding(title="Processor time of a request", figures=figures, notes=notes)


def judge_round_trips(steps: Sequence[Step]) -> Finding:
    named = {step.name: step for step in steps}
    figures = []
    notes = ["Waits for DynamoDB, one after the other; calls made side by side are one wait."]
    for name, step in OPERATIONS.items():
        calls = named[step].of("dynamodb")
        figure = Figure(name=f"round trips, {name}", value=waits(calls), unit="waits", goal=_goal(name))
        figures.append(figure)
        if figure.met is False:
            notes.append(f"{name} waits for {_in_order(calls)}.")
    figures += [
        Figure(
            name="transactions, callback",
            value=sum(call.operation == "TransactWriteItems" for call in named["callback"].calls),
            unit="in all",
            goal=Goal(limit=1, relation="="),
        ),
        Figure(
            name="round trips to Stripe, check out of five lines",
            value=len(named[OPERATIONS["check out of five lines"]].of("stripe")),
            unit="waits",
            goal=Goal(limit=TO_STRIPE, relation="="),
        ),
    ]
    return Finding(title="Round trips to DynamoDB and Stripe", figures=figures, notes=notes)


def _goal(name: str) -> Goal:
    if name == "callback":
        return Goal(limit=CALLBACK, relation="=")
    return Goal(limit=CHECKOUT_AT_MOST if name.startswith("check out") else AT_MOST)


def _in_order(calls: Sequence[Call]) -> str:
    return ", ".join(call.operation for call in sorted(calls, key=lambda call: call.began))
