"""What one whole sale bills in AWS, counted on the shipped functions, and the dollars for a thousand."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import prices
from benchmarks.capacity import Written
from benchmarks.metering import Call, Step, Timing, waits
from benchmarks.prices import Price
from benchmarks.report import Detail, Figure, Finding, Goal, number
from benchmarks.setting import GENUINE, Database

SALE = (
    "create cart",
    "add first item",
    "add second item",
    "read cart of two",
    "check out",
    "callback",
    "relay",
    "deliver",
    "read order",
)
"""The steps of the story that make a sale; the others are there to be timed."""

WORKERS = {"relay": "Relay", "deliver": "Deliver"}
MOST_WRITE_UNITS, MOST_READ_UNITS = 30, 20
COSTLY = 3  # writes worth naming where there are too many
SALES = 1000


@dataclass(frozen=True, kw_only=True)
class Line:
    """So much of something for one sale."""

    price: Price
    amount: float

    @property
    def dollars(self) -> float:
        """For a thousand sales."""
        return self.price.of(self.amount) * SALES


def judge(
    steps: Sequence[Step],
    timings: Mapping[str, Timing],
    *,
    template: Mapping[str, Any],
    database: Database,
    others: Mapping[str, Sequence[Step]],
    missing: str,
) -> Finding:
    """`steps` were metered on `database`; `others` are the same by the other databases' names. `missing`
    says why a database could not be asked.
    """
    sale = [step for step in steps if step.name in SALE]
    lines = bill(sale, timings, memory=memory(template))
    dollars = sum(line.dollars for line in lines)
    figures = [_unit_figure(line) for line in lines]
    figures.append(Figure(name=f"dollars per {SALES:,} sales", value=dollars, unit="$"))
    cold = sum(len(step.of("ssm")) for step in sale)
    return Finding(
        title="One sale of two items, with one hook",
        figures=figures,
        details=[_step_by_step(steps, timings), _in_dollars(lines, dollars)],
        notes=[
            *_what_holds_back(sale),
            *_told_otherwise({database.name: steps, **others}),
            *([f"{GENUINE} could not be asked: {missing}."] if missing else []),
            *_assumptions(cold),
        ],
    )


def memory(template: Mapping[str, Any]) -> dict[str, int]:
    """MB by the functions' logical ids."""
    return {
        name: resource["Properties"]["MemorySize"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def bill(sale: Sequence[Step], timings: Mapping[str, Timing], *, memory: Mapping[str, int]) -> list[Line]:
    gigabyte_seconds = sum(
        billed_milliseconds(step, timings[step.name], memory=memory[_function(step)])
        / 1000
        * memory[_function(step)]
        / 1024
        for step in sale
    )
    requests = sum(step.name not in WORKERS for step in sale)
    queue_requests = sum(len(step.of("sqs")) for step in sale) + prices.QUEUE_REQUESTS_OF_LAMBDA
    log_bytes = sum(
        step.log_bytes + step.log_lines * prices.BYTES_AROUND_LINE + prices.BYTES_OF_LAMBDA for step in sale
    )
    return [
        Line(price=prices.WRITE_UNIT, amount=sum(step.write_units for step in sale)),
        Line(price=prices.READ_UNIT, amount=sum(step.read_units for step in sale)),
        Line(price=prices.API_REQUEST, amount=requests + prices.PREFLIGHTS),
        Line(price=prices.INVOCATION, amount=len(sale)),
        Line(price=prices.GIGABYTE_SECOND, amount=gigabyte_seconds),
        Line(price=prices.QUEUE_REQUEST, amount=queue_requests),
        Line(price=prices.LOG_GIGABYTE, amount=log_bytes / 1e9),
    ]


def _function(step: Step) -> str:
    return WORKERS.get(step.name, "APIHandler")


def billed_milliseconds(step: Step, timing: Timing, *, memory: int) -> int:
    """What Lambda would bill: processor time, stretched to this memory's share of one, and the waits."""
    processor = statistics.median(timing.ours) * max(1.0, prices.WHOLE_CPU_MB / memory)
    database = waits(step.of("dynamodb")) * prices.DYNAMODB_WAIT
    others = len(step.of("sqs")) * prices.SQS_WAIT
    others += {"check out": prices.STRIPE_WAIT, "deliver": prices.RECEIVER_WAIT}.get(step.name, 0.0)
    return math.ceil(processor + database + others)


def _unit_figure(line: Line) -> Figure:
    goals = {prices.WRITE_UNIT: MOST_WRITE_UNITS, prices.READ_UNIT: MOST_READ_UNITS}
    limit = goals.get(line.price)
    if line.price is prices.LOG_GIGABYTE:
        return Figure(name="CloudWatch Logs, taken in", value=line.amount * 1e6, unit="KB")
    return Figure(
        name=line.price.name,
        value=line.amount,
        unit="per sale",
        goal=None if limit is None else Goal(limit=limit),
    )


def _what_holds_back(sale: Sequence[Step]) -> list[str]:
    """The costliest writes, if there are too many units."""
    total = sum(step.write_units for step in sale)
    if total <= MOST_WRITE_UNITS:
        return []
    rows = [(step.name, row) for step in sale for call in step.calls for row in call.rows]
    rows.sort(key=lambda found: -(found[1].table_units + found[1].index_units))
    named = ", ".join(f"{_row(row)} in {step}" for step, row in rows[:COSTLY])
    return [f"{number(total)} write units are too many; the costliest rows: {named}."]


def _told_otherwise(metered: Mapping[str, Sequence[Step]]) -> list[str]:
    """Where a database's own count is not what DynamoDB's rules give."""
    notes = ["Units follow DynamoDB's published rules, applied to each row before and after."]
    for name, steps in metered.items():
        calls = [call for step in steps for call in step.of("dynamodb")]
        wrong = [call for call in calls if call.told != call.read_units + call.write_units]
        note = f"{len(calls) - len(wrong)} of {len(calls)} calls are the same by the own count of {name}"
        differing = [
            _difference(operation, wrong) for operation in sorted({call.operation for call in wrong})
        ]
        notes.append("; ".join([note, *differing]) + ".")
    return notes


def _difference(operation: str, calls: Sequence[Call]) -> str:
    told = sum(call.told for call in calls if call.operation == operation)
    due = sum(call.read_units + call.write_units for call in calls if call.operation == operation)
    return f"{operation} is {number(told)} units there instead of {number(due)}"


def _assumptions(cold: int) -> list[str]:
    assumed = (
        f"Prices of us-east-1 as quoted in {prices.QUOTED}, no free tier. Functions are warm. Lambda is "
        "billed for the processor time measured here, stretched to the memory's share of a processor, and "
        f"for waits as assumed: DynamoDB {prices.DYNAMODB_WAIT:g} ms, SQS {prices.SQS_WAIT:g} ms, Stripe "
        f"{prices.STRIPE_WAIT:g} ms, the receiver {prices.RECEIVER_WAIT:g} ms. {prices.PREFLIGHTS} of the "
        f"API's requests are a browser's preflights; {prices.QUEUE_REQUESTS_OF_LAMBDA} of the queue's are "
        "Lambda's own."
    )
    left_out = (
        f"Cold functions read {cold} SSM parameters more: free, but for KMS at {prices.DECRYPTION}. Not "
        "counted: storage, backups, data sent out, the queue's polling while nothing is sold."
    )
    return [assumed, left_out]


def _step_by_step(steps: Sequence[Step], timings: Mapping[str, Timing]) -> Detail:
    rows = [
        [
            step.name if step.name in SALE else f"({step.name})",
            str(waits(step.of("dynamodb"))),
            str(len(step.of("dynamodb"))),
            number(step.read_units),
            number(step.write_units),
            f"{statistics.median(timings[step.name].ours):.1f}",
            ", ".join(_row(row) for call in step.calls for row in call.rows),
        ]
        for step in steps
    ]
    return Detail(
        title="Step by step (in brackets: not of the sale that is billed)",
        columns=("step", "waits", "calls", "read units", "write units", "CPU ms", "rows written: units"),
        rows=rows,
        folded="rows written: units",
    )


def _row(row: Written) -> str:
    index = f"+{row.index_units}" if row.index_units else ""
    return f"{row.name} {row.size} B: {row.table_units}{index}"


def _in_dollars(lines: Sequence[Line], total: float) -> Detail:
    rows = [
        [line.price.name, f"{line.amount:.3g}", str(line.price), f"{line.dollars:.4f}", line.price.source]
        for line in lines
    ]
    return Detail(
        title=f"In dollars, for {SALES:,} sales",
        columns=("billed", "per sale", "price", "dollars", "see"),
        rows=[*rows, ["together", "", "", f"{total:.4f}", ""]],
        folded="see",
    )
