"""The document is valid, complete, and says no more than there is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.api import ROOMS
from chalicelib.api.openapi import document
from chalicelib.domain import errors

Json = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> Json:
    return document([operation for room in ROOMS for operation in room.operations])


def operations(described: Json) -> list[Json]:
    return [operation for methods in described["paths"].values() for operation in methods.values()]


def test_the_document_is_openapi_3_1(described: Json) -> None:
    assert described["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(described).validate()


def test_every_route_is_in_the_document_and_the_other_way_round(described: Json) -> None:
    routed = {(path, method.lower()) for path, methods in app.routes.items() for method in methods}
    documented = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert documented == routed


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(described: Json) -> None:
    names = [operation["operationId"] for operation in operations(described)]
    assert len(set(names)) == len(names)
    assert all(operation["summary"].endswith(".") for operation in operations(described))


def test_every_part_of_a_path_is_described(described: Json) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            given = [part["name"] for part in operation.get("parameters", []) if part["in"] == "path"]
            assert given == re.findall(r"{(\w+)}", path)


def test_all_of_admin_and_nothing_else_wants_an_admin_key(described: Json) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            wants = {"admin_key": []} in operation.get("security", [])
            assert wants == path.startswith("/admin"), path
            assert ("401" in operation["responses"]) == wants


def test_every_operation_admits_that_we_may_fail(described: Json) -> None:
    for operation in operations(described):
        assert {"500", "503"} <= operation["responses"].keys()


def test_every_refusal_has_the_one_shape(described: Json) -> None:
    for operation in operations(described):
        for status, response in operation["responses"].items():
            if status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_every_error_that_is_named_exists(described: Json) -> None:
    for operation in operations(described):
        for status, response in operation["responses"].items():
            if status >= "400":
                for name in response["description"].split(", "):
                    assert name == "InternalError" or hasattr(errors, name)


def test_every_body_refuses_fields_that_nobody_knows(described: Json) -> None:
    for operation in operations(described):
        if "requestBody" not in operation:
            continue
        content = operation["requestBody"]["content"]
        if "application/json" not in content:
            assert content.keys() == {"text/csv", "application/x-ndjson"}
            continue
        reference = content["application/json"]["schema"]["$ref"]
        schema = described["components"]["schemas"][reference.rpartition("/")[2]]
        assert schema["additionalProperties"] is False, reference


def test_every_schema_is_used(described: Json) -> None:
    text = repr(described)
    for name in described["components"]["schemas"]:
        assert f"'#/components/schemas/{name}'" in text
