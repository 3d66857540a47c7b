"""Which addresses a hook may reach: what is globally reachable, less what Python's `is_global` lets through.

IANA's special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry and
…/iana-ipv6-special-registry), and the clouds' own addresses.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

from msgspec import Struct

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = frozenset({443, 8443})
"""Where a hook may go, unless it is set otherwise. Other ports are where other people's databases listen."""


class EndpointPolicy(Struct, frozen=True):
    """Where hooks may go: to these ports of the public internet.

    With `loopback`, for the local stack alone, to any port of this machine too, and without TLS.
    """

    reach: Literal["public", "loopback"]
    ports: frozenset[int] = PORTS


"""`loopback` also lets hooks go to this machine, by http; for the local stack alone."""

_BLOCKED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # shared address space; Alibaba's metadata service
        "168.63.129.16/32",  # Azure's metadata and DNS, in a public range
        "192.0.0.0/24",  # protocol assignments, some of which Python takes for global
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible, the unspecified address and ::1
        "64:ff9b::/96",  # NAT64: an IPv4 address of anyone's choice
        "64:ff9b:1::/48",
        "100:0:0:1::/64",  # dummy prefix
        "2001::/23",  # Teredo and IETF protocol assignments
        "2002::/16",  # 6to4: an IPv4 address of anyone's choice
        "3fff::/20",  # documentation
        "5f00::/16",  # SRv6 segment identifiers
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)


def is_reachable(address: IPAddress, policy: EndpointPolicy) -> bool:
    """Whether a hook may be sent to this address."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return is_reachable(address.ipv4_mapped, policy)
    if policy.reach == "loopback" and address.is_loopback:
        return True
    blocked = any(address.version == network.version and address in network for network in _BLOCKED)
    return address.is_global and not blocked
