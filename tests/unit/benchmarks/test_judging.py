"""From what was measured to figures, dollars and the notes that explain them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks import bill, cold_start, delivery, prices, storefront
from benchmarks.capacity import Written
from benchmarks.cold_start import FLOOR, Start
from benchmarks.metering import Call, Step, Timing
from benchmarks.report import Figure, Finding
from benchmarks.setting import Database, table_of

DATABASE = Database(name="a database", endpoint="http://nowhere")
MEMORY = {"APIHandler": 512, "Relay": 512, "Deliver": 512}
TEMPLATE = {
    "Resources": {
        name: {"Type": "AWS::Serverless::Function", "Properties": {"MemorySize": size}}
        for name, size in MEMORY.items()
    }
}


def _call(operation: str, *, at: float, reads: float = 0, writes: int = 0, told: float = -1) -> Call:
    rows = [Written(name="ORDER", size=500, table_units=writes, index_units=0)] if writes else []
    return Call(
        service="dynamodb",
        operation=operation,
        began=at,
        ended=at + 0.5,
        read_units=reads,
        rows=rows,
        told=reads + writes if told < 0 else told,
    )


def _steps(*, writes: int = 1, told: float = -1) -> list[Step]:
    names = dict.fromkeys([*bill.SALE, *storefront.OPERATIONS.values()])
    calls = [_call("Query", at=1, reads=1), _call("PutItem", at=2, writes=writes, told=told)]
    return [Step(name=name, calls=list(calls), log_bytes=200, log_lines=1) for name in names]


def _timings() -> dict[str, Timing]:
    return {step.name: Timing(name=step.name, ours=[1.0, 2.0, 90.0], database=[3.0]) for step in _steps()}


def _named(figures: Sequence[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def _start(wall: float, *, collecting: float = 1.0) -> Start:
    return Start(wall=wall, processor=wall, collecting=collecting, memory=40.0)


def test_a_start_is_judged_beside_the_floor_by_medians() -> None:
    starts = {
        FLOOR: [_start(100), _start(101), _start(500)],
        "api": [_start(120)],
        "relay": [_start(120)],
        "deliver": [_start(140, collecting=30)],
    }
    imports = {name: {"botocore": 50.0} for name in starts} | {"deliver": {"botocore": 50.0, "requests": 9.0}}
    found = cold_start.judge(starts, imports)
    figures = _named(found.figures)
    assert figures["cold start, api"].reference == 101
    assert [figures[f"cold start, {name}"].met for name in ("api", "relay", "deliver")] == [True, True, False]
    (note,) = [note for note in found.notes if note.startswith("deliver")]
    assert "14 ms over its goal" in note
    assert "30 ms go into collecting garbage (floor: 1)" in note
    assert "requests +9 ms" in note


def test_imports_are_summed_by_package() -> None:
    told = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1000 |       1000 |     json.decoder\n"
        "import time:       500 |       1500 |   json\n"
        "import time:      2000 |       3500 | botocore.session\n"
    )
    assert cold_start.import_costs(told) == {"standard library": 1.5, "botocore": 2.0}


def test_processor_time_is_compared_with_a_peer() -> None:
    figures = _named(storefront.judge_processor_time(_timings(), DATABASE).figures)
    assert (figures["CPU, add to cart"].value, figures["CPU, add to cart"].reference) == (2.0, 9.3)
    assert figures["CPU, list products"].reference is None
    assert figures["CPU of the database, check out"].value == 3.0


def test_a_callback_takes_exactly_two_round_trips() -> None:
    steps = [
        Step(name=step.name, calls=step.calls[:1]) if step.name == "callback" else step for step in _steps()
    ]
    found = storefront.judge_round_trips(steps)
    figures = _named(found.figures)
    assert figures["round trips, check out"].met is True
    assert figures["round trips, callback"].met is False
    assert "callback waits for Query." in found.notes


def test_checkout_and_callback_have_their_processor_time() -> None:
    figures = _named(storefront.judge_processor_time(_timings(), DATABASE).figures)
    assert [figures[f"CPU, {name}"].met for name in ("check out of five lines", "callback")] == [True, True]
    assert figures["CPU, check out"].met is None


def test_a_checkout_asks_stripe_once_and_a_callback_is_one_transaction() -> None:
    asked = Call(service="stripe", operation="post", began=3, ended=4)
    paid = _call("TransactWriteItems", at=3, writes=2)
    more = {"check out five lines": asked, "callback": paid}
    steps = [
        Step(name=step.name, calls=[*step.calls, *([more[step.name]] if step.name in more else [])])
        for step in _steps()
    ]
    names = ("transactions, callback", "round trips to Stripe, check out of five lines")
    found = _named(storefront.judge_round_trips(steps).figures)
    assert [(found[name].value, found[name].met) for name in names] == [(1, True), (1, True)]
    found = _named(storefront.judge_round_trips(_steps()).figures)
    assert [found[name].met for name in names] == [False, False]


def _bill(steps: Sequence[Step]) -> Finding:
    return bill.judge(
        steps, _timings(), template=TEMPLATE, database=DATABASE, others={"another": steps}, missing="no Java"
    )


def test_a_sale_is_billed_by_its_own_steps() -> None:
    figures = _named(_bill(_steps()).figures)
    sale = len(bill.SALE)
    assert figures[prices.WRITE_UNIT.name].value == sale
    assert figures[prices.READ_UNIT.name].value == sale
    assert figures[prices.INVOCATION.name].value == sale
    assert figures[prices.API_REQUEST.name].value == sale - 2 + prices.PREFLIGHTS
    assert figures[prices.WRITE_UNIT.name].met is True


def test_too_many_units_are_missed_and_the_costliest_rows_named() -> None:
    found = _bill(_steps(writes=4))
    assert _named(found.figures)[prices.WRITE_UNIT.name].met is False
    assert "36 write units are too many; the costliest rows: ORDER 500 B: 4 in create cart" in found.notes[0]


def test_a_database_that_counts_otherwise_is_told_of() -> None:
    notes = _bill(_steps(told=0)).notes
    assert any("PutItem is 0 units there instead of 12" in note for note in notes), notes
    assert any(note.endswith("could not be asked: no Java.") for note in notes)


def test_lambda_bills_processor_time_by_its_memory_and_every_wait() -> None:
    step = Step(name="check out", calls=[_call("Query", at=1, reads=1)])
    timing = Timing(name="check out", ours=[10.0])
    whole, half = prices.WHOLE_CPU_MB, prices.WHOLE_CPU_MB / 2
    waiting = prices.DYNAMODB_WAIT + prices.STRIPE_WAIT
    assert bill.billed_milliseconds(step, timing, memory=whole) == 10 + waiting
    assert bill.billed_milliseconds(step, timing, memory=int(half)) == pytest.approx(20 + waiting, abs=1)


def test_a_price_is_told_as_its_page_tells_it() -> None:
    assert str(prices.API_REQUEST) == "$3.5 per 1,000,000"
    assert str(prices.GIGABYTE_SECOND) == "$0.0000133334"
    assert prices.API_REQUEST.of(11_000) == pytest.approx(0.0385)


def test_delivery_is_judged_by_its_median_and_its_worst() -> None:
    first, second = delivery.judge([1.0, 2.0, 4.0]).figures
    assert (first.value, first.met) == (2.0, True)
    assert (second.value, second.met) == (4.0, False)


def test_the_table_is_the_templates() -> None:
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [],
        "KeySchema": [],
        "GlobalSecondaryIndexes": [],
        "SSESpecification": {"SSEEnabled": True},
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
    }
    table = table_of({"Resources": {"Table": {"Properties": properties}}})
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table.keys() == properties.keys() - {"SSESpecification"}
