"""The world in memory: every port of chalicelib/ports.py, kept as its docstring promises.

The tests in tests/integration/adapters hold these and the real adapters to the same promises.
"""

from .lively import LivelyProvider
from .mishaps import interrupt
from .outside import (
    NOW,
    FakeClock,
    FakeDeadLetters,
    FakeEntropy,
    FakeMailer,
    FakeProvider,
    FakeQueue,
    FakeResolver,
    FakeSender,
    FakeSlots,
)
from .world import World

__all__ = [
    "NOW",
    "FakeClock",
    "FakeDeadLetters",
    "FakeEntropy",
    "FakeMailer",
    "FakeProvider",
    "FakeQueue",
    "FakeResolver",
    "FakeSender",
    "FakeSlots",
    "LivelyProvider",
    "World",
    "interrupt",
]
