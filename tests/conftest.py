from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from local.aws import embedded_aws
from local.dynamodb_local import Unavailable, dynamodb_local
from tests.databases import Database, database_at
from tests.table_shape import read_table_shape

# The same examples in every run, so that a red build is red on every machine; `thorough` looks further.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def table_shape() -> dict[str, Any]:
    return read_table_shape()


@pytest.fixture(scope="session")
def dynamodb_of_amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Amazon's own DynamoDB for developers, where it can be had."""
    log = tmp_path_factory.mktemp("dynamodb-local") / "log"
    try:
        with dynamodb_local(log=log, say=lambda _: None) as running:
            yield database_at(running.endpoint)
    except Unavailable as why:
        pytest.skip(f"DynamoDB Local can't be had: {why}")


@pytest.fixture(scope="session")
def dynamodb_of_the_embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with embedded_aws(home=tmp_path_factory.mktemp("aws"), say=lambda _: None) as running:
        yield database_at(running.endpoint)
