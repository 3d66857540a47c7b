"""Wiring makes each thing once per process; tests have many worlds in one."""

from __future__ import annotations

from collections.abc import Collection

from chalicelib import wiring

COSTLY = frozenset({"_session", "_client"})
"""What hangs on no table and no setting, and takes a tenth of a second to make."""


def forget_wiring(*, keep: Collection[str] = ()) -> None:
    """Have everything made anew when it is next asked for, but for `keep`."""
    for name, factory in vars(wiring).items():
        if hasattr(factory, "cache_clear") and name not in keep:
            factory.cache_clear()
