"""What explains a failure: the last words of everybody who took part."""

import json
import re
from collections.abc import Callable
from pathlib import Path

MOST = 6  # lines of each witness
ROUTINE = re.compile(r"^(START|END|REPORT|INIT_START) ")
TROUBLE = re.compile(r"\b(ERROR|CRITICAL|WARNING|Traceback|Exception)\b")

Look = Callable[[], list[str]]


class Evidence:
    """Witnesses, in the order in which they joined."""

    def __init__(self) -> None:
        self._witnesses: list[tuple[str, Look]] = []

    def add(self, name: str, look: Look) -> None:
        self._witnesses.append((name, look))

    def collect(self) -> list[tuple[str, list[str]]]:
        """What each witness says; those with nothing to say are left out."""
        statements = [(name, _heard(look)) for name, look in self._witnesses]
        return [(name, lines) for name, lines in statements if lines]


def _heard(look: Look) -> list[str]:
    try:
        return look()[-MOST:]
    except Exception as error:  # noqa: BLE001  # a witness that is gone must not hide what the others say
        return [f"(can't be asked any more: {type(error).__name__})"]


def of_function(lines: list[str]) -> list[str]:
    """A function's log without Lambda's bookkeeping: trouble if there is any, else the last things it did."""
    told = [line for line in lines if line.strip() and not ROUTINE.match(line)]
    troubled = [line for line in told if _level(line) != "INFO"]
    return _without_repeats([_short(line) for line in troubled or told])


def of_program(log: Path, *, start: int = 0) -> list[str]:
    """Lines of trouble in a program's log, from byte `start` on."""
    if not log.exists():
        return []
    text = log.read_bytes()[start:].decode(errors="replace")
    return [line for line in text.splitlines() if TROUBLE.search(line)]


def _parsed(line: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _level(line: str) -> object:
    return _parsed(line).get("level")


def _short(line: str) -> str:
    """A JSON log line as a person reads it; any other as it is."""
    fields = _parsed(line)
    if not fields:
        return line
    level, message = fields.pop("level", ""), fields.pop("message", "")
    for silent in ("time", "logger", "request_id", "message_id"):
        fields.pop(silent, None)
    traceback = str(fields.pop("traceback", "")).strip().splitlines()
    rest = " ".join(f"{name}={value}" for name, value in fields.items())
    last = f" — {traceback[-1]}" if traceback else ""
    return f"{level} {message} {rest}".strip() + last


def _without_repeats(lines: list[str]) -> list[str]:
    """Each line once, where it was last said."""
    return list(reversed(dict.fromkeys(reversed(lines))))
