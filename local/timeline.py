"""Tell a person, step by step, what a program does and how long each step takes.

On a terminal the running step shows a spinner, its time so far and its latest note, and becomes one line
when it is done; lines fold to the terminal's width. Elsewhere (a pipe, a log) each step is one plain line,
and the notes of a slow step are lines of their own, so that nobody watches a silent screen.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

Clock = Callable[[], float]

WIDEST = 104  # columns: longer lines are hard to follow from a step to its time
NARROW = 76  # below, what happened stands under the step's title
TITLE = 20
SECOND = 1000  # milliseconds


class StepFailed(Exception):
    """A step of the timeline did not come to its end; `error` is why, `step` its title."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__(f"{step}: {error}")
        self.step = step
        self.error = error


class Step:
    """One step under way."""

    def __init__(self, title: str, *, clock: Clock, on_note: Callable[[str], object]) -> None:
        self.title = title
        self.outcome = ""
        self.notes: list[tuple[float, str]] = []
        self.doing = ""
        self._clock = clock
        self._on_note = on_note
        self._began = clock()

    @property
    def seconds(self) -> float:
        return self._clock() - self._began

    def note(self, text: str) -> None:
        """Say what is being done now. Text that begins with a space is a detail, shown only meanwhile."""
        self.doing = text.strip()
        if text.startswith(" "):
            return
        self.notes.append((self.seconds, text))
        self._on_note(text)

    def happened(self, text: str) -> None:
        """Say what came of it."""
        self.outcome = text

    def timed_notes(self) -> list[tuple[str, float]]:
        """Each note with the seconds until the next one, or until now."""
        ends = [at for at, _ in self.notes[1:]] + [self.seconds]
        return [(text, end - at) for (at, text), end in zip(self.notes, ends, strict=True)]


class Timeline:
    """`out` is a terminal or not; `width` overrules its width."""

    def __init__(
        self, out: TextIO | None = None, *, width: int | None = None, clock: Clock = time.monotonic
    ) -> None:
        self.out = out or sys.stdout
        self._console = Console(file=self.out, width=width, highlight=False, emoji=False)
        self._clock = clock
        self.on_terminal = self._console.is_terminal and not self._console.is_dumb_terminal

    def section(self, title: str) -> None:
        """Begin a new part of the story."""
        self.line()
        self.line(title, style="bold")

    def line(self, text: str = "", *, style: str = "") -> None:
        """One line as it is, never broken by us, so that what can be copied stays whole."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def prose(self, text: str, *, style: str = "") -> None:
        """Some words, folded to the terminal's width."""
        self._console.print(Text(text, style=style), soft_wrap=not self.on_terminal)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run one step. Raises `StepFailed` for any error within, after showing which step it was."""
        step = Step(title, clock=self._clock, on_note=self._note)
        try:
            with self._progress(step):
                yield step
        except StepFailed:
            raise
        except Exception as error:
            self._show(step, failed=True)
            raise StepFailed(title, error) from error
        except BaseException:
            step.happened("interrupted")
            self._show(step, failed=True)
            raise
        self._show(step)

    @contextmanager
    def _progress(self, step: Step) -> Iterator[None]:
        if not self.on_terminal:
            yield
            return
        running = _Running(step, self._width - len("^C"))  # which an echo there must not push over the edge
        with Live(running, console=self._console, transient=True, refresh_per_second=12):
            yield

    @property
    def _width(self) -> int:
        return min(self._console.width, WIDEST)

    def _note(self, text: str) -> None:
        if not self.on_terminal:
            self.line(f"        {text} …")

    def _show(self, step: Step, *, failed: bool = False) -> None:
        if not self.on_terminal:
            self.line(_plain(step, failed=failed))
            return
        mark = Text("✗", style="bold red") if failed else Text("✓", style="green")
        self._console.print(_row(mark, step, took=duration(step.seconds), width=self._width))
        if len(step.notes) > 1:
            for text, seconds in step.timed_notes():
                self._console.print(_note_row(text, took=duration(seconds), width=self._width))


class _Running:
    """The live line of a step; drawn anew some times a second."""

    def __init__(self, step: Step, width: int) -> None:
        self._step = step
        self._width = width
        self._spinner = Spinner("dots", style="cyan")

    def __rich__(self) -> RenderableType:
        took = f"{self._step.seconds:.1f} s"
        return _row(self._spinner, self._step, took=took, width=self._width, said=self._step.doing)


def duration(seconds: float) -> str:
    """Milliseconds below a second, seconds above: as people say it."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds} ms" if milliseconds < SECOND else f"{seconds:.1f} s"


def _plain(step: Step, *, failed: bool) -> str:
    outcome = f": {step.outcome}" if step.outcome else ""
    return f"{'FAILED' if failed else 'ok':>6}  {step.title}{outcome} ({duration(step.seconds)})"


def _row(
    mark: RenderableType, step: Step, *, took: str, width: int, said: str | None = None
) -> RenderableType:
    title = Text(step.title, style="bold")
    happened = Text(step.outcome if said is None else said, style="" if said is None else "dim")
    time_taken = Text(took, style="dim")
    if width < NARROW:
        words = Text("\n").join(text for text in (title, happened) if text)
        return _grid((mark, words, time_taken), widths=(1, None, 7), width=width)
    return _grid((mark, title, happened, time_taken), widths=(1, TITLE, None, 7), width=width)


def _note_row(text: str, *, took: str, width: int) -> RenderableType:
    indent = 3 if width < NARROW else TITLE + 5  # under what happened
    grid = _grid(
        (Text("·", style="dim"), Text(text, style="dim"), Text(took, style="dim")),
        widths=(1, None, 7),
        width=width - indent,
    )
    return Padding(grid, (0, 0, 0, indent), expand=False)


def _grid(cells: tuple[RenderableType, ...], *, widths: tuple[int | None, ...], width: int) -> RenderableType:
    """One row whose middle cell takes what is left, and whose last one is right-aligned."""
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.width = width
    for column, fixed in enumerate(widths):
        last = column == len(widths) - 1
        grid.add_column(
            width=fixed,
            ratio=None if fixed else 1,
            justify="right" if last else "left",
            overflow="fold",
        )
    grid.add_row(*cells)
    return grid
