from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with Chalice; its types would be one more package
from hypothesis import settings

from local.aws import embedded_aws
from local.dynamodb_local import Unavailable, dynamodb_local
from tests.databases import Database, database_at

# The same examples in every run, so that a red build is red on every machine; `thorough` looks further.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("quick")

_TEMPLATE = Path(__file__).parents[1] / "infra/resources.yaml"


class _Template(yaml.SafeLoader):  # type: ignore[misc]  # (yaml has no types)
    """Reads CloudFormation's YAML; what its functions would compute is of no interest here."""


_Template.add_multi_constructor("!", lambda *_: None)


@pytest.fixture(scope="session")
def table_shape() -> dict[str, Any]:
    """The template's table, so that what is tested and what is deployed can't differ.

    The keys, the indexes and what they project, as `create_table` takes them.
    """
    template = yaml.load(_TEMPLATE.read_text(), Loader=_Template)  # noqa: S506 (a SafeLoader with two ears more)
    properties = template["Resources"]["Table"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in names}


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
