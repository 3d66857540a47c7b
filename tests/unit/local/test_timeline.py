"""What a person reads, on terminals wide and narrow, and in a log."""

import io
import re
from itertools import count

import pytest

from local.timeline import StepFailed, Timeline, duration


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def _ticking() -> Timeline:
    """In a log, with a clock that shows one second more at each look."""
    ticks = count()
    return Timeline(io.StringIO(), clock=lambda: float(next(ticks)))


def _text(timeline: Timeline) -> str:
    assert isinstance(timeline.out, io.StringIO)
    return timeline.out.getvalue()


def test_in_a_log_a_step_is_one_plain_line() -> None:
    timeline = _ticking()
    with timeline.step("Check out") as step:
        step.happened("ord_1, 41.90 EUR")
    assert _text(timeline) == "    ok  Check out: ord_1, 41.90 EUR (1.0 s)\n"


def test_in_a_log_the_notes_of_a_step_are_lines_when_they_are_made() -> None:
    timeline = _ticking()
    with timeline.step("Shop") as step:
        step.note("Creating stack")
        assert _text(timeline) == "        Creating stack …\n"
        step.note("  Table create complete")
    assert _text(timeline).splitlines()[1:] == ["    ok  Shop (2.0 s)"]


def test_in_a_log_nothing_is_broken_or_coloured_however_long_it_is() -> None:
    timeline = _ticking()
    timeline.line("x" * 300, style="bold red")
    timeline.prose("word " * 60)
    assert [len(line) for line in _text(timeline).splitlines()] == [300, 300]
    assert "\x1b" not in _text(timeline)


def test_a_failed_step_is_shown_and_named() -> None:
    timeline = _ticking()
    problem = ValueError("no such table")
    with pytest.raises(StepFailed) as failed, timeline.step("Catalogue"):
        raise problem
    assert (failed.value.step, failed.value.error) == ("Catalogue", problem)
    assert _text(timeline) == "FAILED  Catalogue (1.0 s)\n"


def test_an_interrupted_step_is_shown_and_the_interruption_goes_on() -> None:
    timeline = _ticking()
    with pytest.raises(KeyboardInterrupt), timeline.step("Catalogue"):
        raise KeyboardInterrupt
    assert _text(timeline) == "FAILED  Catalogue: interrupted (1.0 s)\n"


@pytest.mark.parametrize("width", [40, 75, 76, 100, 200])
def test_on_a_terminal_no_line_of_a_step_is_wider_than_it(width: int) -> None:
    timeline = Timeline(_Terminal(), width=width)
    with timeline.step("Receiver verifies the webhook of the order") as step:
        step.note("Waiting for the receiver, which may take a good while")
        step.note("Still waiting")
        step.happened("order.paid for ord_c22uwhzadbc7h5m6jnltbcjro4, by standardwebhooks")
    shown = _without_codes(_text(timeline))
    assert max(map(len, shown.splitlines())) <= min(width, 104)
    assert "ord_c22uwhzadbc7h5m6jnltbcjro4" in shown.replace("\n", "").replace(" ", "")


def test_on_a_terminal_what_can_be_copied_is_not_broken() -> None:
    timeline = Timeline(_Terminal(), width=40)
    timeline.line("curl " + "x" * 100)
    assert "x" * 100 in _text(timeline)


def test_on_a_dumb_terminal_there_is_no_spinner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    timeline = Timeline(_Terminal())
    with timeline.step("Catalogue"):
        pass
    assert "\x1b" not in _text(timeline)


def test_each_note_has_the_time_until_the_next() -> None:
    timeline = _ticking()
    with timeline.step("Shop") as step:
        step.note("Packaging")
        step.note("Deploying")
        assert step.timed_notes() == [("Packaging", 1.0), ("Deploying", 1.0)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 ms"), (0.0123, "12 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (75, "75.0 s")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def _without_codes(text: str) -> str:
    """What stays on the screen: the live line is erased, which the codes say."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")
