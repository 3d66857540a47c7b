"""Routes that validate what comes in, answer in one shape, and describe themselves for OpenAPI."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Literal, TypeVar

import msgspec
from chalice.app import Blueprint, CORSConfig, Request, Response
from msgspec import Struct

from chalicelib import logs
from chalicelib.domain import errors

from .errors import InternalError, body_of, status_of

log = logging.getLogger(__name__)

View = Callable[..., object]
Guard = Callable[["Call"], str]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Body = TypeVar("Body", bound=Struct)

PAGE_LIMIT = 100
_BODY_BYTES = 64 * 1024

OPEN_TO_ALL_SITES = CORSConfig(
    allow_origin="*",
    allow_headers=["Authorization", "Content-Type"],
    expose_headers=["Retry-After", "X-Request-Id"],
    max_age=86_400,
)
"""No cookie and no session is involved: what opens a cart or an order is its unguessable id or token."""


class Parameter(Struct, frozen=True, kw_only=True):
    """A query parameter or header, for the documentation."""

    name: str
    place: Literal["query", "header"]
    description: str
    required: bool = False


class Text(Struct, frozen=True, kw_only=True):
    """An answer that is no JSON; `cursor` continues behind it, if it is a page that is not the last."""

    content: str
    media_type: str
    cursor: str | None


class Operation(Struct, frozen=True, kw_only=True):
    """What one route promises."""

    method: Method
    path: str
    name: str
    summary: str
    audience: str
    status: int
    answer: Any
    body: Any
    parameters: Sequence[Parameter]
    refusals: Sequence[type[errors.TillhookError]]
    secured: str
    text: Sequence[str]
    """Media types of a body or an answer that is no JSON."""


PAGED = (
    Parameter(name="limit", place="query", description=f"1 to {PAGE_LIMIT}; 20 unless given"),
    Parameter(name="cursor", place="query", description="Of the page before, to continue behind it"),
)

IDEMPOTENT = Parameter(
    name="Idempotency-Key",
    place="header",
    description="1 to 100 characters; the same key again is the same request",
    required=True,
)


class Call:
    """One request, read as a view needs it. `by` is the id of who was let in, empty where all are."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.by = ""

    @property
    def id(self) -> str:
        return str(self._request.context.get("requestId", ""))

    @property
    def address(self) -> str:
        """Where the request comes from, as API Gateway saw it; headers are anybody's word."""
        return str(self._request.context.get("identity", {}).get("sourceIp", ""))

    def header(self, name: str) -> str:
        return str(self._request.headers.get(name) or "")

    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        return {name.lower(): str(value) for name, value in self._request.headers.items()}

    def query(self, name: str) -> str | None:
        parameters = self._request.query_params
        value = parameters.get(name) if parameters else None
        return None if value is None else str(value)

    def limit(self) -> int:
        text = self.query("limit") or "20"
        if not re.fullmatch(r"[1-9]\d{0,2}", text, re.ASCII) or int(text) > PAGE_LIMIT:
            raise errors.InvalidRequest(f"limit must be a whole number from 1 to {PAGE_LIMIT}.")
        return int(text)

    def idempotency_key(self) -> str:
        key = self.header("idempotency-key")
        if not 1 <= len(key) <= 100 or not key.isprintable():  # noqa: PLR2004 (as documented)
            raise errors.InvalidRequest(
                "Send an Idempotency-Key header of 1 to 100 characters, so that a repeated request is one."
            )
        return key

    def raw_body(self) -> bytes:
        """The exact bytes that were sent, which is what a signature is about."""
        body = self._request.raw_body
        return body.encode() if isinstance(body, str) else body

    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip().lower()

    def _body_up_to(self, most: int) -> bytes:
        raw = self.raw_body()
        if len(raw) > most:
            raise errors.RequestTooLarge(f"The body is larger than {most} bytes.", limit=most)
        return raw

    def text_body(self, *, most: int) -> str:
        try:
            return self._body_up_to(most).decode("utf-8-sig")  # spreadsheets begin with a mark
        except UnicodeDecodeError:
            raise errors.InvalidRequest("The body must be text in UTF-8.") from None

    def body(self, kind: type[Body], *, most: int) -> Body:
        if self.media_type() not in {"", "application/json"}:
            raise errors.UnsupportedMediaType("Send the body as application/json.")
        raw = self._body_up_to(most)
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError as error:
            raise errors.InvalidRequest(f"{error}.") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise errors.InvalidRequest("The body must be a JSON object.") from None


class Routes:
    """A blueprint of one audience. `guard` refuses callers before anything of theirs is read."""

    def __init__(
        self,
        import_name: str,
        *,
        audience: str,
        cors: CORSConfig | None = None,
        guard: Guard | None = None,
        secured: str = "",
    ) -> None:
        self.blueprint = Blueprint(import_name)
        self.operations: list[Operation] = []
        self._audience = audience
        self._cors = cors
        self._guard = guard
        self._secured = secured

    def route(
        self,
        method: Method,
        path: str,
        *,
        answer: Any,  # noqa: ANN401 (a type expression, such as Listing[Product])
        body: type[Struct] | None = None,
        body_bytes: int = _BODY_BYTES,
        status: int = 200,
        parameters: Sequence[Parameter] = (),
        refusals: Sequence[type[errors.TillhookError]] = (),
        secured: str | None = None,
        text: Sequence[str] = (),
    ) -> Callable[[View], View]:
        """A view gets its Call, the decoded `body` if there is one, and the path's parts by name.

        `text` are the media types of what it answers, if `answer` is Text, or of what it reads by itself.

        The first line of its docstring is the operation's summary. `refusals` are the errors that are
        its own; those that any request may meet are documented for all.
        """

        def register(view: View) -> View:
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    name=getattr(view, "__name__", ""),
                    summary=(view.__doc__ or "").strip().partition("\n")[0],
                    audience=self._audience,
                    status=status,
                    answer=answer,
                    body=body,
                    parameters=parameters,
                    refusals=refusals,
                    secured=self._secured if secured is None else secured,
                    text=text,
                )
            )

            @wraps(view)
            def handle(**path_parts: str) -> Response:
                call = Call(self.blueprint.current_request)
                return _answered(
                    call,
                    f"{method} {path}",
                    status,
                    lambda: self._run(view, call, body, body_bytes, path_parts),
                )

            # No content types: Chalice would answer a wrong one itself, and not in our shape.
            self.blueprint.route(path, methods=[method], cors=self._cors, content_types=[])(handle)
            return view

        return register

    def _run(
        self,
        view: View,
        call: Call,
        body: type[Struct] | None,
        body_bytes: int,
        path_parts: dict[str, str],
    ) -> object:
        if self._guard is not None:
            call.by = self._guard(call)
        if body is None:
            return view(call, **path_parts)
        return view(call, call.body(body, most=body_bytes), **path_parts)


def _answered(call: Call, route: str, status: int, run: Callable[[], object]) -> Response:
    logs.configure()
    try:
        answer = run()
    except errors.TillhookError as error:
        code = status_of(type(error))
        if code >= 500:  # noqa: PLR2004 (HTTP's own classes)
            log.exception("request failed", extra=_ids(call, route, code))
        else:
            log.info("request refused", extra=_ids(call, route, code) | {"error": type(error).__name__})
        return _response(call, body_of(error), code, retry_after=_retry_after(error))
    except Exception:
        log.exception("request failed", extra=_ids(call, route, 500))
        unforeseen = InternalError("Something failed on our side. Nothing is lost; please try again.")
        return _response(call, body_of(unforeseen), 500)
    log.info("request answered", extra=_ids(call, route, status))
    if isinstance(answer, Text):
        return _text_response(call, answer, status)
    return _response(call, "" if answer is None else msgspec.json.encode(answer).decode(), status)


def _retry_after(error: errors.TillhookError) -> int | None:
    """Seconds after which the same request may work."""
    if isinstance(error, errors.TooManyRequests):
        return error.retry_after_seconds
    return 1 if isinstance(error, errors.Unavailable) else None


def _ids(call: Call, route: str, status: int) -> dict[str, object]:
    return {"request_id": call.id, "route": route, "http_status": int(status)}


def _text_response(call: Call, text: Text, status: int) -> Response:
    response = _response(call, text.content, status)
    response.headers["Content-Type"] = f"{text.media_type}; charset=utf-8"
    if text.cursor is not None:
        response.headers["X-Next-Cursor"] = text.cursor
    return response


def _response(call: Call, body: str, status: int, *, retry_after: int | None = None) -> Response:
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Request-Id": call.id,
        "X-Content-Type-Options": "nosniff",
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(body=body, status_code=int(status), headers=headers)
