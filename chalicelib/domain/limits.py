"""How often one may do what card testers do by the thousand: try stolen cards on a shop's checkout."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from .errors import TooManyRequests
from .identifiers import derived_id

WINDOW = timedelta(hours=1)
"""Counting begins anew with each hour of the clock."""

_IPV6_CUSTOMER = 64
"""Bits: who has one IPv6 address has all of its /64."""

Counted = Literal["carts", "orders"]

_INSTEAD: dict[Counted, str] = {
    "carts": "A cart that you have already still works.",
    "orders": "Nothing was charged.",
}


class Limits(Struct, frozen=True, kw_only=True):
    """0 is no limit. Those of an address are for an hour, a cart's is for its life."""

    carts_per_address: int
    orders_per_address: int
    orders_per_cart: int


class Tally(Struct, frozen=True, kw_only=True):
    """A counter to be raised by one, if it is below `most`; after `ends_at` it means nothing."""

    what: Counted
    visitor: str
    most: int
    ends_at: datetime


def visitor_of(address: str, *, shop: str) -> str:
    """Who calls from an address, so that the same is told from another and the address is not told."""
    return derived_id("vis", shop, _network(address))


def tally(what: Counted, visitor: str, *, most: int, now: datetime) -> Tally | None:
    """The counter of this hour; None where nothing is limited."""
    if not most:
        return None
    window = int(WINDOW.total_seconds())
    begun = int(now.timestamp()) // window * window
    return Tally(what=what, visitor=visitor, most=most, ends_at=datetime.fromtimestamp(begun, UTC) + WINDOW)


def too_many(full: Tally, *, now: datetime) -> TooManyRequests:
    """What to tell somebody whose counter is full."""
    seconds = max(int((full.ends_at - now).total_seconds()), 1)
    minutes = -(-seconds // 60)
    return TooManyRequests(
        f"Too many {full.what} from your network within an hour. {_INSTEAD[full.what]} "
        f"Try again in {minutes} min.",
        retry_after_seconds=seconds,
    )


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_CUSTOMER), strict=False))
