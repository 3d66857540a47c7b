"""How the shop is."""

from __future__ import annotations

from chalicelib import wiring
from chalicelib.api.routing import Call
from chalicelib.services.health import ShopHealth, read_health

from .guard import admin_routes

routes = admin_routes(__name__)


@routes.route("GET", "/admin/health", answer=ShopHealth)
def get_health(_call: Call) -> ShopHealth:
    """What waits, for how long, and what was found out of order."""
    return read_health(
        orders=wiring.orders(),
        endpoints=wiring.endpoints(),
        progress=wiring.bookkeeping(),
        now=wiring.now(),
    )
