from __future__ import annotations

import inspect

from chalicelib.domain import errors
from chalicelib.domain.errors import ProductNotFound, TillhookError

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TillhookError)]


def test_the_picture_of_the_tree_shows_every_error() -> None:
    assert [kind.__name__ for kind in EVERY if kind.__name__ not in (errors.__doc__ or "")] == []


def test_an_error_says_what_happened_and_carries_details() -> None:
    error = ProductNotFound("pot")
    assert (str(error), error.details) == ("There is no product 'pot' in the catalogue.", {"sku": "pot"})
