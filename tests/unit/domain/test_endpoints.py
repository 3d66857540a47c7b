from __future__ import annotations

from ipaddress import ip_address

import pytest
from msgspec.structs import replace

from chalicelib.domain.endpoints import check_addresses, check_url
from chalicelib.domain.errors import UnsafeEndpoint
from tests.making import LOOPBACK, THE_PUBLIC


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com", "hooks.example.com"),
        ("https://hooks.example.com/till?x=1&y=%20#z", "hooks.example.com"),
        ("https://Hooks.Example.COM/Till", "hooks.example.com"),
        ("https://hooks.example.com:443/", "hooks.example.com"),
        ("https://hooks.example.com:8443/", "hooks.example.com"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://8.8.8.8/till", "8.8.8.8"),
        ("https://[2606:4700:4700::1111]/till", "2606:4700:4700::1111"),
        ("https://1.2.3.4.example.com", "1.2.3.4.example.com"),
        ("https://127.0.0.1.example.com", "127.0.0.1.example.com"),
    ],
)
def test_a_public_https_url_gives_the_host_to_resolve(url: str, host: str) -> None:
    assert check_url(url, THE_PUBLIC) == host


UNSAFE = {
    "another scheme": [
        "http://hooks.example.com",
        "ftp://hooks.example.com",
        "file:///etc/passwd",
        "//hooks.example.com",
        "hooks.example.com",
        "javascript:alert(1)",
        "",
        "https:",
        "https:/x",
        "HTTP://hooks.example.com",
    ],
    "credentials": [
        "https://me@hooks.example.com",
        "https://me:secret@hooks.example.com",
        "https://@hooks.example.com",
        "https://hooks.example.com@127.0.0.1",
        "https://:@hooks.example.com",
    ],
    "no host": ["https://", "https:///till", "https://:443", "https://?x", "https://#x"],
    "a dot at the end": [
        "https://hooks.example.com.",
        "https://hooks.example.com.:443/",
        "https://127.0.0.1.",
    ],
    "another port": [
        "https://hooks.example.com:80",
        "https://hooks.example.com:22",
        "https://hooks.example.com:6379",
        "https://hooks.example.com:0",
        "https://hooks.example.com:65535",
    ],
    "no port": [
        "https://hooks.example.com:99999",
        "https://hooks.example.com:-1",
        "https://hooks.example.com:x",
    ],
    "spaces": [
        "https://hooks.example.com/a b",
        " https://hooks.example.com",
        "https://hooks.example.com ",
        "https://hooks .example.com",
        "https://hooks.example.com/\u00a0",
        "https://hooks.example.com/\u2028",
    ],
    "control characters": [
        "https://hooks.example.com/\r\nHost: x",
        "https://hooks.example.com/\t",
        "\x00https://a.example",
        "https://hooks\x00.example.com",
        "https://127.0.0.1\x01",
        "https://hooks.example.com/\x1f",
        "https://hooks.exa\nmple.com",
        "https://hooks.example.com/\x7f",
    ],
    "a backslash": [
        "https://hooks.example.com\\@127.0.0.1",
        "https:\\\\127.0.0.1",
        "https://127.0.0.1\\.example.com",
    ],
    "an address inside": [
        "https://127.0.0.1",
        "https://127.0.0.1:443/x",
        "https://10.0.0.1",
        "https://169.254.169.254/latest",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:7f00:1]",
        "https://[::]",
        "https://[fe80::1%25eth0]",
        "https://[fe80::1%eth0]",
        "https://[64:ff9b::a9fe:a9fe]",
        "https://0.0.0.0",
    ],
    "a decimal address": [
        "https://2130706433",
        "https://2852039166/latest",
        "https://134744072",
        "https://0",
    ],
    "an octal address": [
        "https://0177.0.0.1",
        "https://017700000001",
        "https://0251.0376.0251.0376",
        "https://010.010.010.010",
    ],
    "a hex address": [
        "https://0x7f.0.0.1",
        "https://0x7f000001",
        "https://0xA9.0xFE.0xA9.0xFE",
        "https://0x08080808",
    ],
    "a short address": ["https://127.1", "https://127.0.1", "https://10.1", "https://8.8"],
    "a broken address": ["https://[::1", "https://::1]", "https://[127.0.0.1]", "https://[x]"],
}


@pytest.mark.parametrize(("why", "url"), [(why, url) for why, urls in UNSAFE.items() for url in urls])
def test_an_unsafe_url_is_refused_with_a_reason(why: str, url: str) -> None:
    with pytest.raises(UnsafeEndpoint) as refusal:
        check_url(url, THE_PUBLIC)
    assert str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/hook",
        "http://localhost:5000",
        "http://[::1]:8000",
        "https://hooks.example.com:1234",
    ],
)
def test_the_local_stack_may_use_http_ports_and_itself(url: str) -> None:
    assert check_url(url, LOOPBACK)
    with pytest.raises(UnsafeEndpoint):
        check_url(url, THE_PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1",
        "http://169.254.169.254",
        "http://10.0.0.1",
        "http://0x7f000001",
        "http://me@127.0.0.1",
        "http://0.0.0.0",
    ],
)
def test_even_the_local_stack_refuses_the_rest(url: str) -> None:
    with pytest.raises(UnsafeEndpoint):
        check_url(url, LOOPBACK)


def test_all_addresses_of_a_name_must_be_public() -> None:
    public, private = ip_address("8.8.8.8"), ip_address("10.0.0.1")
    assert check_addresses("name", [public], THE_PUBLIC) == [public]
    for addresses in ([private], [public, private], [private, public]):
        with pytest.raises(UnsafeEndpoint, match="not on the public internet"):
            check_addresses("name", addresses, THE_PUBLIC)


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(UnsafeEndpoint, match="has no address"):
        check_addresses("name", [], THE_PUBLIC)


def test_other_ports_may_be_allowed() -> None:
    url = "https://hooks.example.com:9443/"
    with pytest.raises(UnsafeEndpoint, match="443, 8443"):
        check_url(url, THE_PUBLIC)
    assert check_url(url, replace(THE_PUBLIC, ports=frozenset({9443})))
