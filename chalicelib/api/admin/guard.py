from __future__ import annotations

from chalicelib import wiring
from chalicelib.api.routing import Call, Routes
from chalicelib.services.admin_keys import authenticate


def require_admin(call: Call) -> str:
    """The id of the key that opened, for the books to say who it was."""
    return authenticate(call.header("authorization"), store=wiring.keys()).id


def admin_routes(import_name: str) -> Routes:
    """Routes that nothing passes without an admin key."""
    return Routes(import_name, audience="admin", guard=require_admin, secured="admin key")
