from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from chalicelib.adapters.http.resolver import SystemResolver
from chalicelib.adapters.http.sender import HttpSender
from tests.making import LOOPBACK
from tests.unit.adapters.http.asking import DEADLINE, PATIENCE_MS, ask, hurry
from tests.unit.adapters.http.conftest import Dialled


def answer(*addresses: str) -> Sequence[tuple[Any, ...]]:
    """As getaddrinfo has it: two more numbers for IPv6."""
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
        if ":" in address
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
        for address in addresses
    ]


def test_all_addresses_come_in_the_systems_order_each_once() -> None:
    resolver = SystemResolver(getaddrinfo=lambda *_, **__: answer("::1", "10.0.0.1", "::1", "8.8.8.8"))
    assert [str(address) for address in resolver.resolve("x.example")] == ["::1", "10.0.0.1", "8.8.8.8"]


def test_an_address_loses_its_zone() -> None:
    resolver = SystemResolver(getaddrinfo=lambda *_, **__: answer("fe80::1%eth0"))
    assert resolver.resolve("x.example") == [ipaddress.ip_address("fe80::1")]


@pytest.mark.parametrize("problem", [socket.gaierror(), OSError(), UnicodeError("label too long")])
def test_a_name_that_cannot_be_looked_up_has_no_address(problem: Exception) -> None:
    def fail(*_: object, **__: object) -> Sequence[tuple[Any, ...]]:
        raise problem

    assert SystemResolver(getaddrinfo=fail).resolve("x.example") == []


def test_the_systems_resolver_knows_this_machine() -> None:
    assert ipaddress.ip_address("127.0.0.1") in SystemResolver().resolve("127.0.0.1")


@pytest.fixture
def hanging() -> Iterator[Callable[..., Sequence[tuple[Any, ...]]]]:
    """A getaddrinfo that has no answer before the test is over."""
    release = threading.Event()

    def hang(*_: object, **__: object) -> Sequence[tuple[Any, ...]]:
        release.wait(30)
        return answer("127.0.0.1")

    yield hang
    release.set()


def test_a_lookup_that_hangs_is_given_up(
    dialled: Dialled, hanging: Callable[..., Sequence[tuple[Any, ...]]]
) -> None:
    sender = HttpSender(SystemResolver(getaddrinfo=hanging, limit=0.1), LOOPBACK)
    reply = sender.send(ask("http://hook.example:8080/"))
    assert reply.error == "not sent: The name hook.example has no address."
    assert reply.duration_ms < PATIENCE_MS
    assert dialled.addresses == []


def test_a_lookup_is_under_the_requests_deadline_too(
    dialled: Dialled, hanging: Callable[..., Sequence[tuple[Any, ...]]]
) -> None:
    sender = HttpSender(SystemResolver(getaddrinfo=hanging), LOOPBACK)
    reply = sender.send(hurry("http://hook.example:8080/"))
    assert (reply.status, reply.error) == (None, f"no complete answer within {DEADLINE} s")
    assert reply.duration_ms < PATIENCE_MS
    assert dialled.addresses == []
