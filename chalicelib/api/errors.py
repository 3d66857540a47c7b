"""Errors meet HTTP here, once."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from msgspec import Struct

from chalicelib.domain import errors

STATUS: dict[type[errors.TillhookError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.BAD_REQUEST,
    errors.InvalidExpression: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""For each branch of the tree in domain/errors.py, and for a leaf that differs from its branch."""


class Problem(Struct, frozen=True, kw_only=True):
    """`type` is for programs, `message` for people; some types have more fields beside them."""

    type: str
    message: str


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    error: Problem


class InternalError(errors.TillhookError):
    """Whatever we did not foresee. Its details are in the log, under the request's id."""


def status_of(kind: type[errors.TillhookError]) -> HTTPStatus:
    return next(
        (STATUS[branch] for branch in kind.__mro__ if branch in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR
    )


def body_of(error: errors.TillhookError) -> str:
    content = {"type": type(error).__name__, "message": str(error), **error.details}
    return msgspec.json.encode({"error": content}).decode()
