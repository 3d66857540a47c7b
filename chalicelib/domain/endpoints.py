"""An endpoint: the owner's URL, and the events it wants to hear of."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from . import errors
from .addresses import EndpointPolicy, IPAddress, is_reachable
from .exchanges import TIMEOUT_SECONDS, Method

ContentType = Literal["json", "form"]
EndpointStatus = Literal["enabled", "paused", "failing", "disabled"]


class Endpoint(Struct, frozen=True, kw_only=True):
    """`events` are types (`order.paid`), families (`order.*`) or everything (`*`).

    `filter` and `payload` are JMESPath expressions over the event: whether it is wanted, and what is sent
    of it; empty for any, and for all of it. `rate_limit` is in deliveries per second.

    The signing secrets and the values of the headers named in `header_names` lie elsewhere, at version
    `secret_version`. `disabled_because` says why an endpoint was disabled by us and not by its owner.
    `epoch` rises whenever holding deliveries begins or ends, so that none is held behind their release.
    """

    id: str
    version: int
    url: str
    events: list[str]
    description: str
    enabled: bool
    secret_version: int
    method: Method = "POST"
    content_type: ContentType = "json"
    filter: str = ""
    payload: str = ""
    header_names: list[str] = field(default_factory=list)
    timeout_seconds: int = TIMEOUT_SECONDS
    rate_limit: int | None = None
    paused: bool = False
    circuit_open: bool = False
    epoch: int = 0
    disabled_because: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> EndpointStatus:
        if not self.enabled:
            return "disabled"
        if self.paused:
            return "paused"
        return "failing" if self.circuit_open else "enabled"

    @property
    def holds(self) -> bool:
        """Whether deliveries wait for better times instead of being attempted."""
        return self.status != "enabled"

    def hears_of(self, event_type: str) -> bool:
        """Whether events of this type are for it, now or later: one that its owner disabled hears of none."""
        is_listening = self.enabled or bool(self.disabled_because)
        return is_listening and any(_matches(pattern, event_type) for pattern in self.events)


def paused(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    return _turned(endpoint, now, paused=True)


def resumed(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    """Enabled, whatever it was before, with its circuit closed."""
    return _turned(endpoint, now, enabled=True, paused=False, circuit_open=False, disabled_because="")


def disabled(endpoint: Endpoint, reason: str, *, now: datetime) -> Endpoint:
    """By us, for a reason: what happens from now on is held, in case its owner enables it again.

    By its owner, without one: it hears of nothing, not even later.
    """
    return _turned(endpoint, now, enabled=False, circuit_open=False, disabled_because=reason)


def circuit_opened(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    return _turned(endpoint, now, circuit_open=True)


def circuit_closed(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    return _turned(endpoint, now, circuit_open=False)


def _turned(endpoint: Endpoint, now: datetime, **changes: bool | str) -> Endpoint:
    return replace(
        endpoint,
        version=endpoint.version + 1,
        epoch=endpoint.epoch + 1,
        updated_at=now,
        **changes,
    )


def _matches(pattern: str, event_type: str) -> bool:
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def check_url(url: str, policy: EndpointPolicy) -> str:
    """The host to resolve, or UnsafeEndpoint with the reason. What it resolves to is checked apart."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise errors.UnsafeEndpoint(f"That is no URL: {error}.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and policy.reach == "loopback"):
        raise errors.UnsafeEndpoint("The URL must begin with https://.")
    if any(character in " \\" or not character.isprintable() for character in url):
        raise errors.UnsafeEndpoint("The URL has a space, a control character or a backslash in it.")
    if "@" in parts.netloc:
        raise errors.UnsafeEndpoint("The URL must not carry a user name or password.")
    host = parts.hostname or ""
    if not host or host.endswith("."):
        raise errors.UnsafeEndpoint("The URL needs a host name without a dot at its end.")
    if port not in {None, *policy.ports} and policy.reach != "loopback":
        allowed = ", ".join(str(port) for port in sorted(policy.ports))
        raise errors.UnsafeEndpoint(f"The URL's port must be one of {allowed}.")
    _check_literal(host, policy)
    return host


def check_addresses(host: str, addresses: Iterable[IPAddress], policy: EndpointPolicy) -> list[IPAddress]:
    """All of `addresses`, or UnsafeEndpoint: one bad one is enough, since any may be dialled."""
    found = list(addresses)
    if not found:
        raise errors.UnsafeEndpoint(f"The name {host} has no address.")
    if not all(is_reachable(address, policy) for address in found):
        raise errors.UnsafeEndpoint(f"{host} leads to an address that is not on the public internet.")
    return found


def _check_literal(host: str, policy: EndpointPolicy) -> None:
    """Refuse addresses in disguise (decimal, octal, hex, short), which resolvers quietly accept."""
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        _refuse_disguised(host)
        return
    check_addresses(host, [address], policy)


def _refuse_disguised(host: str) -> None:
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeEncodeError):
        return
    raise errors.UnsafeEndpoint("Write the address as four plain numbers, or better, use a name.")
