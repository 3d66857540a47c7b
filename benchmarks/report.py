"""What was found: figures for the table and for programs, and whatever explains them."""

import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 132  # columns where there is no terminal to ask
MOST_DECIMALS = 4
TIMES = " \N{MULTIPLICATION SIGN}"


Relation = Literal["≤", "=", "≥"]
_HOLDS: Mapping[Relation, Callable[[float, float], bool]] = {
    "≤": operator.le, "=": operator.eq, "≥": operator.ge
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure should be: its value, or its ratio to the reference, at most, least or just `limit`."""

    limit: float
    of: Literal["value", "ratio"] = "value"
    relation: Relation = "≤"

    def __str__(self) -> str:
        return f"{self.relation} {number(self.limit)}{TIMES if self.of == 'ratio' else ''}"

    def met_by(self, measured: float) -> bool:
        return _HOLDS[self.relation](measured, self.limit)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value. A lower one is a better one, unless its goal is a least."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference if self.reference else None

    @property
    def met(self) -> bool | None:
        """None where there is no goal, or nothing to measure it by."""
        measured = self.value if self.goal and self.goal.of == "value" else self.ratio
        return None if self.goal is None or measured is None else self.goal.met_by(measured)


@dataclass(frozen=True, kw_only=True)
class Detail:
    """A table beside the figures, for people."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: str = ""
    """The column that may take several lines."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """All that one subject brought: figures, and notes on how they came about and what holds them back."""

    title: str
    figures: Sequence[Figure]
    details: Sequence[Detail] = ()
    notes: Sequence[str] = ()


def number(value: float) -> str:
    """Three digits that count, without a dangling point: 12345, 123, 12.3, 1.23, 0.0123."""
    if value == int(value):
        return str(int(value))
    decimals = next((places for places in range(MOST_DECIMALS) if abs(value) * 10**places >= 100), None)  # noqa: PLR2004 (three digits)
    text = f"{value:.{MOST_DECIMALS if decimals is None else decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def records(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The figures as plain JSON values."""
    return [
        {
            "name": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "reference": figure.reference,
            "ratio": figure.ratio,
            "goal": str(figure.goal) if figure.goal else None,
            "met": figure.met,
        }
        for finding in findings
        for figure in finding.figures
    ]


def write(findings: Iterable[Finding], path: Path) -> None:
    text = json.dumps(records(findings), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def show(findings: Sequence[Finding], out: TextIO) -> None:
    """Print the tables: figures first, all together, then what explains them."""
    terminal = Console(file=out, highlight=False, emoji=False)
    if terminal.is_terminal:
        _print(findings, terminal, plain=False)
        return
    page = StringIO()
    _print(findings, Console(file=page, width=PLAIN_WIDTH, highlight=False, emoji=False), plain=True)
    out.writelines(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def _print(findings: Sequence[Finding], console: Console, *, plain: bool) -> None:
    console.print(_figures(findings, plain=plain))
    for finding in findings:
        _explain(finding, console, plain=plain)


def _figures(findings: Sequence[Finding], *, plain: bool) -> Table:
    table = _table(plain=plain)
    table.add_column("figure", overflow="fold")
    for column in ("value", "unit", "reference", "ratio", "goal"):
        table.add_column(column, justify="left" if column == "unit" else "right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for finding in findings:
        table.add_row(Text(finding.title, style="bold"))
        for figure in finding.figures:
            table.add_row(*_cells(figure))
        table.add_row()
    return table


def _cells(figure: Figure) -> list[Text]:
    mark = {
        None: Text(""),
        True: Text("met", style="green"),
        False: Text("missed", style="bold red"),
    }[figure.met]
    return [
        Text(f"  {figure.name}"),
        Text(number(figure.value), style="bold"),
        Text(figure.unit, style="dim"),
        Text("" if figure.reference is None else number(figure.reference)),
        Text("" if figure.ratio is None else f"{figure.ratio:.2f}"),
        Text(str(figure.goal or "")),
        mark,
    ]


def _explain(finding: Finding, console: Console, *, plain: bool) -> None:
    for detail in finding.details:
        console.print(Text(detail.title, style="bold"))
        table = _table(plain=plain)
        for index, column in enumerate(detail.columns):
            folded = column == detail.folded
            justify: Literal["left", "right"] = "left" if index == 0 or folded else "right"
            table.add_column(column, justify=justify, no_wrap=not folded, overflow="fold")
        for row in detail.rows:
            table.add_row(*map(Text, row))
        console.print(table)
        console.print()
    if finding.notes:
        console.print(Text(finding.title, style="bold"))
        for note in finding.notes:
            console.print(Padding(Text(note, style="" if plain else "dim"), (0, 0, 0, 2)))
        console.print()


def _table(*, plain: bool) -> Table:
    return Table(box=None if plain else SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
