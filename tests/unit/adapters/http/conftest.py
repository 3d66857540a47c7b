from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from chalicelib.adapters.http.sender import HttpSender
from tests.making import LOOPBACK
from tests.unit.adapters.http.resolving import Names

Address = tuple[str, int]


@dataclass
class Dialled:
    """Every address that was dialled, in order; `divert` sends one to another, on this machine."""

    addresses: list[Address] = field(default_factory=list)
    divert: dict[str, Address] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    """Nothing in these tests leaves the machine: whoever dials out is refused, and is seen."""
    spy = Dialled()
    connect = socket.socket.connect

    def watch(sock: socket.socket, address: Address) -> None:
        spy.addresses.append((address[0], address[1]))
        target = spy.divert.get(address[0], address)
        if not ipaddress.ip_address(target[0]).is_loopback:
            raise ConnectionRefusedError
        connect(sock, target)

    monkeypatch.setattr(socket.socket, "connect", watch)
    return spy


@pytest.fixture
def sender() -> HttpSender:
    """As the local stack has it."""
    return HttpSender(Names(), LOOPBACK)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the test's own authority."""
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def sender_to(trusted: Path) -> Callable[[Names], HttpSender]:
    """A sender that trusts the test's authority and knows just these names."""
    return lambda names: HttpSender(names, LOOPBACK, certificates=str(trusted))
