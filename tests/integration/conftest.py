from __future__ import annotations

from typing import Any

import pytest

from tests.table_shape import read_table_shape


@pytest.fixture(scope="session")
def table_shape() -> dict[str, Any]:
    return read_table_shape()
