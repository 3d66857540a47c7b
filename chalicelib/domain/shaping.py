"""The form of what is sent: an endpoint's own headers, and a body of JSON or of a form's fields."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import msgspec

from .endpoints import ContentType
from .errors import InvalidExpression, InvalidRequest

MEDIA_TYPES: dict[ContentType, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
}

MOST_HEADERS = 20
HEADER_CHARACTERS = 2500
"""Of all names and values together: with the signing secrets they must fit in one SSM parameter of 4 KB."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
"""A field name of RFC 9110."""

_RESERVED = frozenset({
    # What the HTTP client itself says of the connection and the body; a second voice is request smuggling.
    "connection", "content-encoding", "content-length", "expect", "host", "http2-settings", "keep-alive",
    "te", "trailer", "transfer-encoding", "upgrade",
    # The endpoint's own field says it.
    "content-type",
    # A compressed answer could not be shown in the delivery's record.
    "accept-encoding",
})  # fmt: skip
_RESERVED_FAMILIES = ("proxy-", "webhook-")
"""For proxies, of which there are none, and for the signature."""

_SHOWN_BEFORE = 40
"""How much of a long line is shown before the place that is pointed at, and as much behind."""


class Unencodable(Exception):
    """What was found can't be a body; the text says why, in plain words and without its values."""


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, if they may be sent beside ours. InvalidRequest names what is wrong, but no value."""
    if len(headers) > MOST_HEADERS:
        raise InvalidRequest(f"An endpoint has at most {MOST_HEADERS} headers of its own.")
    if len({name.lower() for name in headers}) < len(headers):
        raise InvalidRequest("Two of the headers have the same name; upper and lower case are the same.")
    for name, value in headers.items():
        _check_name(name)
        _check_value(name, value)
    if sum(_stored_length(text) for header in headers.items() for text in header) > HEADER_CHARACTERS:
        raise InvalidRequest(
            f"The headers' names and values together have more than {HEADER_CHARACTERS} characters"
            " (a quotation mark or a backslash counts as two)."
        )
    return dict(headers)


def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise InvalidRequest(f"{name!r} is no header's name: use letters, digits and dashes.")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_FAMILIES):
        raise InvalidRequest(f"The header {name} is not yours to set: Tillhook says it itself, or must not.")


def _check_value(name: str, value: str) -> None:
    if not value or not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidRequest(
            f"The value of {name} must be printable ASCII, without a line break, and neither be empty"
            " nor begin or end with a space."
        )
    if "{{" in value:
        # SSM refuses it too: it takes it for the name of another parameter.
        raise InvalidRequest(f"The value of {name} has {{{{ in it: a placeholder that was never filled in?")


def _stored_length(text: str) -> int:
    return len(msgspec.json.encode(text)) - len('""')


def is_true(found: object) -> bool:
    """As JMESPath has it: all but null, false, and empty text, arrays and objects. 0 is true."""
    return not (found is None or found is False or found in ("", [], {}))


def encode(content: object, content_type: ContentType) -> bytes:
    """The body that says `content`: JSON as short as can be, or a form's fields; Unencodable if it can't.

    A form is made of an object whose values are text, numbers, true, false, null (which is left out) or
    arrays of those (which are repeated).
    """
    try:
        if content is None:
            raise Unencodable("it finds nothing (null) in this event")
        if content_type == "form":
            return urlencode(list(_fields(content))).encode()
        return msgspec.json.encode(content)
    except UnicodeEncodeError:
        raise Unencodable("it gives text with half a character in it") from None
    except RecursionError:
        raise Unencodable("what it gives is nested too deeply") from None


def _fields(content: object) -> Iterator[tuple[str, str]]:
    if not isinstance(content, dict):
        raise Unencodable("a form is made of an object such as {email: data.order.contact.email}")
    for name, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                yield name, _field(name, item)


def _field(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    kind = "a number without an end" if isinstance(value, float) else "an object or an array of arrays"
    raise Unencodable(f"the form's field {name} is {kind}; a field is text, a number, true or false")


def point_at(expression: str, position: int, problem: str) -> InvalidExpression:
    """The refusal that shows where in the expression, counted from 0, the problem is."""
    before = expression[:position]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    left = max(column - 1 - _SHOWN_BEFORE, 0)
    shown = expression.split("\n")[line - 1][left : left + 2 * _SHOWN_BEFORE]
    return InvalidExpression(
        f"{problem} (line {line}, column {column}):\n{shown}\n{' ' * (column - 1 - left)}^",
        expression=expression,
        line=line,
        column=column,
    )
