"""What webhooks there are, for those who write receivers."""

from __future__ import annotations

from chalicelib.domain.event_types import EventType, catalogue

from .answers import Listing
from .routing import OPEN_TO_ALL_SITES, Call, Routes

routes = Routes(__name__, audience="events", cors=OPEN_TO_ALL_SITES)


@routes.route("GET", "/events/types", answer=Listing[EventType])
def list_event_types(_call: Call) -> Listing[EventType]:
    """Every type of event, with the JSON Schema of its payload and an example."""
    return Listing(items=catalogue(), cursor=None)
