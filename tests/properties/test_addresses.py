"""Against a rule of another make: the registries' blocks as ranges of numbers, without `is_global`."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.addresses import IPAddress, is_reachable
from chalicelib.domain.endpoints import check_url
from chalicelib.domain.errors import UnsafeEndpoint
from tests.making import LOOPBACK, THE_PUBLIC
from tests.strategies import addresses, near_addresses

Network = IPv4Network | IPv6Network

NOT_PUBLIC: list[Network] = [
    ip_network(text)
    for text in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24"
        " 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24"
        # Multicast and class E; Azure's metadata
        " 224.0.0.0/3 168.63.129.16/32"
        # https://www.iana.org/assignments/iana-ipv6-special-registry
        " 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20"
        " 5f00::/16 fc00::/7 fe80::/10"
        # IPv4-compatible, site-local, multicast
        " ::/96 fec0::/10 ff00::/8"
    ).split()
]
LOOPBACK_NETWORKS: list[Network] = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
ANY = st.one_of(addresses, near_addresses(st.sampled_from(NOT_PUBLIC)))


def inside(address: IPAddress, networks: list[Network]) -> bool:
    return any(
        network.version == address.version
        and int(network.network_address) <= int(address) <= int(network.broadcast_address)
        for network in networks
    )


@given(ANY)
@example(IPv4Address("192.0.0.192"))
def test_what_is_in_no_special_block_is_reachable_and_nothing_else_is(address: IPAddress) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert is_reachable(address, THE_PUBLIC) == (not inside(mapped or address, NOT_PUBLIC))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_mapped_into_ipv6_is_judged_as_itself(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    assert is_reachable(mapped, THE_PUBLIC) == is_reachable(address, THE_PUBLIC)
    assert is_reachable(mapped, LOOPBACK) == is_reachable(address, LOOPBACK)


@given(ANY)
def test_the_local_stack_reaches_only_itself_more(address: IPAddress) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    itself = inside(mapped or address, LOOPBACK_NETWORKS)
    assert is_reachable(address, LOOPBACK) == (itself or is_reachable(address, THE_PUBLIC))


@given(st.one_of(st.text(max_size=30), st.text(max_size=20).map(lambda text: f"https://{text}")))
def test_any_text_is_a_url_to_look_at_or_an_unsafe_one(text: str) -> None:
    try:
        host = check_url(text, THE_PUBLIC)
    except UnsafeEndpoint:
        return
    assert text.lower().startswith("https://")
    assert host
    assert "@" not in host


@given(ANY)
def test_an_address_as_a_url_is_judged_as_the_address(address: IPAddress) -> None:
    literal = f"[{address}]" if address.version == 6 else str(address)
    try:
        check_url(f"https://{literal}/", THE_PUBLIC)
    except UnsafeEndpoint:
        assert not is_reachable(address, THE_PUBLIC)
    else:
        assert is_reachable(address, THE_PUBLIC)
