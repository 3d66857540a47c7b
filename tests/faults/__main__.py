"""`make faults`: how far it is, and what was tried."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from .harness import NotAsBefore, rehearse, try_all
from .stage import theatre
from .wire import KINDS, Kind

_AT_ONCE = 2  # stories side by side, one for each core of the smallest machine


def main() -> int:
    with ProcessPoolExecutor(_AT_ONCE) as processes:
        calls = processes.submit(_calls).result()
        print(f"The story makes {len(calls)} calls: {_parties(calls)}.", flush=True)
        try:
            survived = sum(processes.map(_survive, KINDS))
        except NotAsBefore as problem:
            print(problem, file=sys.stderr)
            processes.shutdown(cancel_futures=True)
            return 1
    print(f"{len(calls)} calls, {len(KINDS)} faults: in all {survived} stories what must hold held.")
    return 0


def _calls() -> list[str]:
    with theatre() as here:
        return rehearse(here)


def _survive(kind: Kind) -> int:
    """How many stories with this fault end well: all of them, or it is raised."""
    survived = 0
    with theatre() as here:
        calls = rehearse(here)
        for survived, _ in enumerate(try_all(here, calls, kind), start=1):
            if survived % 10 == 0 or survived == len(calls):
                print(f"  {kind:12} {survived:3} of {len(calls)}", flush=True)
    return survived


def _parties(calls: list[str]) -> str:
    asked = Counter(call.partition(" ")[0] for call in calls)
    return ", ".join(f"{number} of {party}" for party, number in asked.items())


if __name__ == "__main__":
    sys.exit(main())
