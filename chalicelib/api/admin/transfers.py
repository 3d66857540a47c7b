"""The catalogue, stock and orders as files: out of this shop, and into it."""

from __future__ import annotations

from typing import get_args

from chalicelib import wiring
from chalicelib.api.routing import Call, Parameter, Text
from chalicelib.domain import errors
from chalicelib.domain.records import Subject
from chalicelib.domain.transfers import MEDIA_TYPES, Form
from chalicelib.services import exports, imports

from .guard import admin_routes

routes = admin_routes(__name__)

_PAGE_BYTES = 5 * 1024 * 1024  # Lambda takes requests of up to 6 MB
_FORMATS = tuple(MEDIA_TYPES.values())


@routes.route(
    "GET",
    "/admin/export/{subject}",
    answer=Text,
    text=_FORMATS,
    parameters=[
        Parameter(name="format", place="query", description="csv or jsonl", required=True),
        Parameter(name="cursor", place="query", description="Of the page before, to continue behind it"),
    ],
    refusals=[errors.NotFound],
)
def export_page(call: Call, subject: str) -> Text:
    """A page of all products, all stock or all orders; X-Next-Cursor leads to the next."""
    form: Form
    match call.query("format"):
        case "csv" | "jsonl" as form:
            pass
        case _:
            raise errors.InvalidRequest("format must be csv or jsonl.")
    page = exports.export_page(
        _subject(subject),
        form,
        cursor=call.query("cursor"),
        catalog=wiring.catalog(),
        stock=wiring.stock(),
        orders=wiring.orders(),
        now=wiring.now(),
    )
    return Text(content=page.text, media_type=MEDIA_TYPES[form], cursor=page.cursor)


@routes.route(
    "POST",
    "/admin/import/{subject}",
    answer=imports.Imported,
    text=_FORMATS,
    refusals=[errors.NotFound, errors.ImportRefused],
)
def import_page(call: Call, subject: str) -> imports.Imported:
    """Take a page of an export in, whole or not at all; the same page again changes nothing more."""
    return imports.import_page(
        _subject(subject),
        call.text_body(most=_PAGE_BYTES),
        _form(call.media_type()),
        catalog=wiring.catalog(),
        stock=wiring.stock(),
        orders=wiring.orders(),
        now=wiring.now(),
    )


def _subject(text: str) -> Subject:
    for subject in get_args(Subject):
        if text == subject:
            return subject  # type: ignore[no-any-return]  # (one of the literal's own values)
    raise errors.NotFound("Only products, stock and orders are exported and imported.")


def _form(media_type: str) -> Form:
    for form, known in MEDIA_TYPES.items():
        if media_type == known:
            return form
    raise errors.UnsupportedMediaType(f"Send the page as {' or '.join(_FORMATS)}.")
