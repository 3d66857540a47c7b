"""What is held of one person. Addresses stand in bodies, so that they are in nobody's access log."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from chalicelib import wiring
from chalicelib.api.answers import DossierAnswer, JobAnswer, Listing
from chalicelib.api.routing import IDEMPOTENT, Call
from chalicelib.domain import errors
from chalicelib.services import persons

from .guard import admin_routes

routes = admin_routes(__name__)

_Email = Annotated[str, Meta(min_length=1, max_length=320, description="In any case")]


class PersonExport(Struct, forbid_unknown_fields=True, kw_only=True):
    """`cursor` is that of the page before, to continue behind it."""

    email: _Email
    cursor: str | None = None


class PersonErasure(Struct, forbid_unknown_fields=True, kw_only=True):
    email: _Email


@routes.route(
    "POST",
    "/admin/persons/export",
    body=PersonExport,
    answer=Listing[DossierAnswer],
    refusals=[errors.InvalidCursor],
)
def export_person(_call: Call, body: PersonExport) -> Listing[DossierAnswer]:
    """All that is held of a person, newest order first: orders, what they told, and the answers to that."""
    page = persons.export_person(
        body.email,
        cursor=body.cursor,
        orders=wiring.orders(),
        events=wiring.events(),
        deliveries=wiring.deliveries(),
    )
    return Listing(items=[DossierAnswer.of(dossier) for dossier in page.items], cursor=page.cursor)


@routes.route(
    "POST",
    "/admin/persons/erase",
    body=PersonErasure,
    answer=JobAnswer,
    status=202,
    parameters=[IDEMPOTENT],
)
def erase_person(call: Call, body: PersonErasure) -> JobAnswer:
    """Take a person out of her orders, of what they told, and of the answers to that; amounts stay."""
    job = persons.ask_erasure(body.email, key=call.idempotency_key(), jobs=wiring.jobs(), now=wiring.now())
    return JobAnswer.of(job)
