"""The table as the template has it, so that what is tested and what is deployed can't differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with Chalice; its types would be one more package

_TEMPLATE = Path(__file__).parents[1] / "infra/resources.yaml"


class _Template(yaml.SafeLoader):  # type: ignore[misc]  # (yaml has no types)
    """Reads CloudFormation's YAML; what its functions would compute is of no interest here."""


_Template.add_multi_constructor("!", lambda *_: None)


def read_table_shape() -> dict[str, Any]:
    """The keys, the indexes and what they project, as `create_table` takes them."""
    template = yaml.load(_TEMPLATE.read_text(), Loader=_Template)  # noqa: S506 (a SafeLoader with two ears more)
    properties = template["Resources"]["Table"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in names}
