from __future__ import annotations

import json

import pytest

from chalicelib.api.errors import InternalError, body_of, status_of
from chalicelib.domain import errors
from chalicelib.domain.errors import TillhookError


def kinds(root: type[TillhookError] = TillhookError) -> list[type[TillhookError]]:
    below = [kind for kind in root.__subclasses__() if kind.__module__ == errors.__name__]
    return [*below, *(deeper for kind in below for deeper in kinds(kind))]


@pytest.mark.parametrize("kind", kinds())
def test_every_error_of_the_domain_has_a_status(kind: type[TillhookError]) -> None:
    status = status_of(kind)
    assert 400 <= status < 600
    assert (status >= 500) == issubclass(kind, errors.Unavailable)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidSignature, 400),
        (errors.UnsafeEndpoint, 400),
        (errors.InvalidExpression, 422),
        (errors.Unauthorized, 401),
        (errors.CartNotFound, 404),
        (errors.OutOfStock, 409),
        (errors.RequestTooLarge, 413),
        (errors.UnsupportedMediaType, 415),
        (errors.TooManyRequests, 429),
        (errors.ProviderUnavailable, 503),
        (InternalError, 500),
    ],
)
def test_an_error_has_the_status_of_its_branch(kind: type[TillhookError], status: int) -> None:
    assert status_of(kind) == status


def test_an_error_is_its_type_its_message_and_what_is_safe_to_show() -> None:
    error = errors.OutOfStock("Not enough.", items=[{"sku": "mug", "left": 1}])
    assert json.loads(body_of(error)) == {
        "error": {"type": "OutOfStock", "message": "Not enough.", "items": [{"sku": "mug", "left": 1}]}
    }
