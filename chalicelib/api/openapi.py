"""The OpenAPI 3.1 document, made from the same records that validate and answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from chalicelib.domain import errors

from .errors import ErrorAnswer, InternalError, status_of
from .routing import OPEN_TO_ALL_SITES, Call, Operation, Parameter, Routes, Text

routes = Routes(__name__, audience="documentation", cors=OPEN_TO_ALL_SITES)

_REFERENCES = "#/components/schemas/{name}"
_SCHEMES = {
    "admin key": {"type": "http", "scheme": "bearer", "description": "An admin key, `till_…`"},
    "order token": {"type": "http", "scheme": "bearer", "description": "The token that checkout gave"},
}
_NEXT_CURSOR = {
    "description": "Continues behind this page; not there: this was the last",
    "schema": {"type": "string"},
}
_WITH_BODY = (errors.InvalidRequest, errors.UnsupportedMediaType, errors.RequestTooLarge)

_documented: list[Operation] = []


def publish(operations: Iterable[Operation]) -> None:
    """Have these operations in the document."""
    _documented.extend(operations)


@routes.route("GET", "/openapi.json", answer=dict[str, Any])
def get_openapi(_call: Call) -> dict[str, Any]:
    """This document."""
    return _whole()


@cache
def _whole() -> dict[str, Any]:
    # Once per process: anybody may ask for it, and making it costs as much as a checkout.
    return document(_documented)


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """OpenAPI 3.1 of `operations`, as plain JSON values."""
    kinds = [
        kind
        for operation in operations
        for kind in (operation.answer, operation.body)
        if kind and kind is not Text
    ]
    schemas, components = msgspec.json.schema_components([*kinds, ErrorAnswer], ref_template=_REFERENCES)
    schema_of = dict(zip([repr(kind) for kind in [*kinds, ErrorAnswer]], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tillhook",
            "version": "1",
            "summary": "A cart, a checkout and signed webhooks for static sites",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _security_schemes()},
    }


def _operation(operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.audience}_{operation.name}",
        "summary": operation.summary,
        "tags": [operation.audience],
        "responses": _responses(operation, schema_of),
    }
    parameters = [*_path_parameters(operation.path), *map(_parameter, operation.parameters)]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        schema = schema_of[repr(operation.body)]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif operation.text and operation.answer is not Text:
        described["requestBody"] = {"required": True, "content": _text_content(operation)}
    if operation.secured:
        described["security"] = [{_scheme_name(operation.secured): []}]
    return described


def _responses(operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": operation.summary}
    if operation.answer is Text:
        done["content"] = _text_content(operation)
        done["headers"] = {"X-Next-Cursor": _NEXT_CURSOR}
    elif operation.answer is not None:
        done["content"] = {"application/json": {"schema": schema_of[repr(operation.answer)]}}
    responses = {str(operation.status): done}
    for status, kinds in sorted(_refusals(operation).items()):
        responses[str(status)] = {
            "description": ", ".join(kind.__name__ for kind in kinds),
            "content": {"application/json": {"schema": schema_of[repr(ErrorAnswer)]}},
        }
    return responses


def _text_content(operation: Operation) -> dict[str, Any]:
    return {media_type: {"schema": {"type": "string"}} for media_type in operation.text}


def _refusals(operation: Operation) -> dict[int, list[type[errors.TillhookError]]]:
    kinds = [*operation.refusals, errors.Unavailable, InternalError]
    if operation.body is not None or (operation.text and operation.answer is not Text):
        kinds = [*_WITH_BODY, *kinds]
    if any(parameter.name in {"cursor", "limit", "month"} for parameter in operation.parameters):
        kinds = [errors.InvalidRequest, errors.InvalidCursor, *kinds]
    if operation.secured == "admin key":
        kinds = [errors.Unauthorized, *kinds]
    found: dict[int, list[type[errors.TillhookError]]] = {}
    for kind in dict.fromkeys(kinds):
        found.setdefault(status_of(kind).value, []).append(kind)
    return found


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": {"type": "string"},
    }


def _security_schemes() -> dict[str, Any]:
    return {_scheme_name(secured): scheme for secured, scheme in _SCHEMES.items()}


def _scheme_name(secured: str) -> str:
    return secured.replace(" ", "_")
