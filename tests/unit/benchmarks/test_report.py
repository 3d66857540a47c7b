"""The table that people read and the records that programs read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report import Detail, Figure, Finding, Goal, number

FIGURES = [
    Figure(name="import", value=130, unit="ms", reference=100, goal=Goal(limit=1.25, of="ratio")),
    Figure(name="writes", value=26, unit="per sale", goal=Goal(limit=30)),
    Figure(name="memory", value=45.678, unit="MB"),
]
FINDING = Finding(
    title="A subject",
    figures=FIGURES,
    details=[Detail(title="Step by step", columns=("step", "waits"), rows=[["pay", "2"]])],
    notes=["Why it is so."],
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_goal_is_about_the_value_or_the_ratio() -> None:
    assert [figure.met for figure in FIGURES] == [False, True, None]
    assert [Goal(limit=2, relation="=").met_by(value) for value in (1, 2, 3)] == [False, True, False]
    assert [Goal(limit=2, relation="≥").met_by(value) for value in (1, 2, 3)] == [False, True, True]
    assert str(Goal(limit=300, relation="≥")) == "≥ 300"
    assert Figure(name="f", value=1, unit="", goal=Goal(limit=1, of="ratio")).met is None


def test_records_have_all_that_was_promised(tmp_path: Path) -> None:
    report.write([FINDING], tmp_path / "latest.json")
    first, second, third = json.loads((tmp_path / "latest.json").read_text())
    assert first == {
        "name": "import",
        "value": 130,
        "unit": "ms",
        "reference": 100,
        "ratio": 1.3,
        "goal": "≤ 1.25 \N{MULTIPLICATION SIGN}",
        "met": False,
    }
    assert (second["ratio"], second["goal"], second["met"]) == (None, "≤ 30", True)
    assert (third["goal"], third["met"]) == (None, None)


def test_a_log_gets_plain_lines() -> None:
    out = io.StringIO()
    report.show([FINDING], out)
    lines = out.getvalue().splitlines()
    assert "\x1b" not in out.getvalue()
    assert lines == [line.rstrip() for line in lines]
    assert any("import" in line and "missed" in line for line in lines)
    assert "  Why it is so." in lines
    assert "Step by step" in lines


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = _Terminal()
    report.show([FINDING], out)
    assert "\x1b" in out.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (26.0, "26"),
        (184.548, "185"),
        (180.2, "180"),
        (1.5, "1.5"),
        (45.678, "45.7"),
        (1.2345, "1.23"),
        (0.0702, "0.0702"),
        (0.00001, "0"),
    ],
)
def test_a_number_has_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text
