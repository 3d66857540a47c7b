from __future__ import annotations

from ipaddress import ip_address

import pytest

from chalicelib.domain.addresses import is_reachable
from tests.making import LOOPBACK, THE_PUBLIC

PUBLIC = (
    "1.1.1.1 8.8.8.8 93.184.216.34 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 "
    "100.63.255.255 100.128.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 "
    "198.17.255.255 198.20.0.0 223.255.255.255 11.0.0.0 9.255.255.255 126.255.255.255 128.0.0.0 "
    "2606:4700:4700::1111 2a00:1450:4001:80b::200e 2620:fe::fe ::ffff:8.8.8.8"
).split()

BLOCKED = {
    "this network": "0.0.0.0 0.1.2.3 0.255.255.255",
    "loopback": "127.0.0.1 127.255.255.255 ::1",
    "private": "10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255",
    "shared (and Alibaba's metadata)": "100.64.0.0 100.100.100.200 100.127.255.255",
    "link-local (and most metadata)": "169.254.169.254 169.254.170.2 169.254.0.1 169.254.255.255",
    "Azure's metadata": "168.63.129.16",
    "protocol assignments": "192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.192",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1 3fff:fff::1",
    "6to4 relays": "192.88.99.1",
    "benchmarks": "198.18.0.1 198.19.255.255 2001:2::1",
    "multicast": "224.0.0.1 239.255.255.255 ff00::1 ff02::1 ff0e::1",
    "reserved": "240.0.0.1 254.255.255.255",
    "broadcast": "255.255.255.255",
    "unspecified": "::",
    "unique local (and AWS's and Google's metadata)": "fc00::1 fd00:ec2::254 fd20:ce::254 fdff::1",
    "link-local, IPv6": "fe80::1 febf::1",
    "site-local": "fec0::1 feff::1",
    "IPv4-compatible": "::7f00:1 ::a9fe:a9fe ::8.8.8.8",
    "IPv4-mapped": "::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::ffff:168.63.129.16",
    "NAT64": "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::8.8.8.8 64:ff9b:1::1",
    "discard and dummy": "100::1 100:0:0:1::1",
    "Teredo": "2001::1 2001:0:7f00:1::",
    "ORCHID": "2001:10::1 2001:20::1",
    "6to4": "2002:7f00:1:: 2002:a9fe:a9fe::1 2002:808:808::1",
    "segment routing": "5f00::1",
}

BLOCKED_ONES = [(why, address) for why, addresses in BLOCKED.items() for address in addresses.split()]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_on_the_public_internet_is_reachable(address: str) -> None:
    assert is_reachable(ip_address(address), THE_PUBLIC)
    assert is_reachable(ip_address(address), LOOPBACK)


@pytest.mark.parametrize(("why", "address"), BLOCKED_ONES)
def test_what_is_not_on_the_public_internet_is_out_of_reach(why: str, address: str) -> None:
    assert not is_reachable(ip_address(address), THE_PUBLIC)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_the_local_stack_alone_reaches_itself(address: str) -> None:
    assert is_reachable(ip_address(address), LOOPBACK)
    assert not is_reachable(ip_address(address), THE_PUBLIC)


@pytest.mark.parametrize(("why", "address"), [pair for pair in BLOCKED_ONES if "127.0.0.1" not in pair[1]])
def test_even_the_local_stack_reaches_nothing_else_inside(why: str, address: str) -> None:
    assert is_reachable(ip_address(address), LOOPBACK) == (why == "loopback")
