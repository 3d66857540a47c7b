"""What is left of everybody's logs when a failure has to be explained."""

import json
from pathlib import Path

from local.demo.evidence import MOST, Evidence, of_function, of_program


def _line(message: str, *, level: str = "INFO", **fields: object) -> str:
    return json.dumps(
        {"time": "2026-11-24T11:00:00Z", "level": level, "logger": "x", "message": message, **fields}
    )


def test_trouble_in_a_functions_log_stands_alone() -> None:
    lines = [
        "START RequestId: 1",
        _line("request answered"),
        _line("request failed", level="ERROR", route="POST /carts", traceback="Traceback …\nKeyError: 'a'\n"),
        "REPORT RequestId: 1",
    ]
    assert of_function(lines) == ["ERROR request failed route=POST /carts — KeyError: 'a'"]


def test_what_a_function_printed_before_it_died_is_trouble() -> None:
    assert of_function([_line("fine"), "Task timed out after 29.00 seconds", "[1]"]) == [
        "Task timed out after 29.00 seconds",
        "[1]",
    ]


def test_a_function_without_trouble_tells_what_it_did_last_and_nothing_twice() -> None:
    asked = _line("request answered", route="GET /orders/{order_id}")
    lines = [asked, _line("payment recorded", order_id="ord_1"), asked, asked]
    assert of_function(lines) == [
        "INFO payment recorded order_id=ord_1",
        "INFO request answered route=GET /orders/{order_id}",
    ]


def test_a_programs_log_is_searched_for_trouble_from_where_it_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("WARNING old\n")
    start = log.stat().st_size
    with log.open("a") as more:
        more.write("listening\nERROR no room\n")
    assert of_program(log, start=start) == ["ERROR no room"]
    assert of_program(tmp_path / "none") == []


def test_who_can_not_be_asked_hides_nobody_else() -> None:
    evidence = Evidence()
    evidence.add("gone", lambda: [str(1 // 0)])
    evidence.add("silent", list)
    evidence.add("talkative", lambda: [str(number) for number in range(100)])
    gone, talkative = evidence.collect()
    assert gone == ("gone", ["(can't be asked any more: ZeroDivisionError)"])
    assert talkative[1] == [str(number) for number in range(100 - MOST, 100)]
