"""Services in threads over the real adapters, against both stand-ins of DynamoDB.

Each started once: all tests of one stand-in are one process's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.table import Table
from tests.databases import Database
from tests.races.shop import Shop

_NUMBERS = count()


@pytest.fixture(
    params=[
        pytest.param(
            "dynamodb_of_the_embedded_aws", id="ministack", marks=pytest.mark.xdist_group("ministack")
        ),
        pytest.param(
            "dynamodb_of_amazon", id="dynamodb-local", marks=pytest.mark.xdist_group("dynamodb-local")
        ),
    ]
)
def shop(request: pytest.FixtureRequest, table_shape: dict[str, Any]) -> Iterator[Shop]:
    database: Database = request.getfixturevalue(request.param)
    name = f"races-{next(_NUMBERS)}"
    database.client.create_table(TableName=name, **table_shape)
    yield Shop(Table(database.client, name))
    database.client.delete_table(TableName=name)
