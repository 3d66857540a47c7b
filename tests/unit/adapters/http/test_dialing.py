"""A request goes to an address that was checked, under the name that was meant, or nowhere."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from chalicelib.adapters.http.sender import HttpSender
from tests.making import LOOPBACK, THE_PUBLIC
from tests.unit.adapters.http.asking import ask
from tests.unit.adapters.http.conftest import Dialled
from tests.unit.adapters.http.resolving import Names
from tests.unit.adapters.http.servers import OK, Visit, answering, answering_once, serving

PUBLIC, PUBLIC_TOO = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
METADATA = "169.254.169.254"

SenderTo = Callable[[Names], HttpSender]


def context_for(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.168.1.1", "0.0.0.0",  # noqa: S104 (an address to refuse)
        "100.100.100.200", "168.63.129.16", "192.0.2.1", "224.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused_and_nothing_is_dialled(dialled: Dialled, address: str) -> None:
    sender = HttpSender(Names(hook_example=[[address]]), THE_PUBLIC)
    reply = sender.send(ask("https://hook.example/"))
    assert reply.status is None
    assert reply.error == "not sent: hook.example leads to an address that is not on the public internet."
    assert dialled.addresses == []


@pytest.mark.parametrize("answers", [[PUBLIC, METADATA], [METADATA, PUBLIC], [PUBLIC_TOO, "::1"]])
def test_one_bad_address_among_good_ones_is_enough_to_refuse(dialled: Dialled, answers: list[str]) -> None:
    sender = HttpSender(Names(hook_example=[answers]), THE_PUBLIC)
    reply = sender.send(ask("https://hook.example/"))
    assert reply.error.startswith("not sent: ")
    assert dialled.addresses == []


def test_a_name_without_addresses_is_refused(dialled: Dialled) -> None:
    sender = HttpSender(Names(hook_example=[[]]), THE_PUBLIC)
    reply = sender.send(ask("https://hook.example/"))
    assert reply.error == "not sent: The name hook.example has no address."
    assert dialled.addresses == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example/", "https://hook.example:22/", "https://127.0.0.1/", "https://[::1]/",
        "https://2130706433/", "https://0177.0.0.1/", "https://0x7f.1/", "https://127.1/",
        "https://user:secret@hook.example/", "ftp://hook.example/", "https://hook.example./",
        "https:///", "https://[::1", "https://hook.example\\@127.0.0.1/", "https://hook.exa mple/",
        "file:///etc/passwd", "",
    ],
)  # fmt: skip
def test_a_url_that_must_not_be_called_is_not_even_looked_up(dialled: Dialled, url: str) -> None:
    names = Names(hook_example=[[PUBLIC]])
    reply = HttpSender(names, THE_PUBLIC).send(ask(url))
    assert reply.error.startswith("not sent: ")
    assert (names.asked, dialled.addresses) == ([], [])


def test_the_loopback_policy_opens_this_machine_and_nothing_else(dialled: Dialled) -> None:
    sender = HttpSender(Names(hook_example=[[METADATA], ["10.1.2.3"], ["::ffff:10.1.2.3"]]), LOOPBACK)
    for _ in range(3):
        reply = sender.send(ask("http://hook.example:8080/"))
        assert reply.error.startswith("not sent: ")
    assert dialled.addresses == []


def test_a_name_that_changes_its_mind_is_checked_again_with_each_connection(
    dialled: Dialled, authority: trustme.CA, trusted: Path
) -> None:
    names = Names(hook_example=[[PUBLIC], [METADATA]])
    sender = HttpSender(names, THE_PUBLIC, certificates=str(trusted))
    with serving(answering_once(OK), tls=context_for(authority, "hook.example")) as server:
        dialled.divert[PUBLIC] = ("127.0.0.1", server.port)
        assert sender.send(ask("https://hook.example/")).status == 200
        server.wait_until_closed()
        reply = sender.send(ask("https://hook.example/"))
    assert reply.error == "not sent: hook.example leads to an address that is not on the public internet."
    assert dialled.addresses == [(PUBLIC, 443)]


def test_the_address_that_is_dialled_is_the_one_that_was_checked(
    dialled: Dialled, authority: trustme.CA, trusted: Path
) -> None:
    """The name is looked up once: what a second look would say is of no account."""
    names = Names(hook_example=[[PUBLIC], [METADATA]])
    sender = HttpSender(names, THE_PUBLIC, certificates=str(trusted))
    with serving(answering(OK), tls=context_for(authority, "hook.example")) as server:
        dialled.divert[PUBLIC] = ("127.0.0.1", server.port)
        for _ in range(2):
            assert sender.send(ask("https://hook.example/")).status == 200
    assert names.asked == ["hook.example"]
    assert dialled.addresses == [(PUBLIC, 443)]


def test_tls_and_the_host_header_keep_the_name(
    dialled: Dialled, authority: trustme.CA, trusted: Path
) -> None:
    asked_for: list[str | None] = []
    context = context_for(authority, "hook.example")
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    sender = HttpSender(Names(hook_example=[[PUBLIC]]), THE_PUBLIC, certificates=str(trusted))
    with serving(answering(OK), tls=context) as server:
        dialled.divert[PUBLIC] = ("127.0.0.1", server.port)
        assert sender.send(ask("https://hook.example/in")).status == 200
    assert asked_for == ["hook.example"]
    assert server.received[0].headers["host"] == "hook.example"


def test_addresses_are_tried_in_their_order_until_one_answers(dialled: Dialled) -> None:
    with serving(answering(OK)) as server:
        names = Names(hook_example=[["127.0.0.9", "127.0.0.1"]])
        url = f"http://hook.example:{server.port}/"
        assert HttpSender(names, LOOPBACK).send(ask(url)).status == 200
    assert [address for address, _ in dialled.addresses] == ["127.0.0.9", "127.0.0.1"]


def test_ipv6_works_by_name_and_by_number(sender_to: SenderTo) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(answering(OK), family=socket.AF_INET6) as server:
        sender = sender_to(Names(hook_example=[["::1"]]))
        for host in ("hook.example", "[::1]"):
            assert sender.send(ask(f"http://{host}:{server.port}/")).status == 200


def test_a_certificate_of_the_trusted_authority_is_accepted(
    sender_to: SenderTo, authority: trustme.CA
) -> None:
    with serving(answering(OK), tls=context_for(authority, "hook.example")) as server:
        sender = sender_to(Names(hook_example=[["127.0.0.1"]]))
        for _ in range(2):
            assert sender.send(ask(server.https("hook.example"))).status == 200
        assert server.visits == 1


def test_a_certificate_for_another_name_is_refused_before_anything_is_sent(
    sender_to: SenderTo, authority: trustme.CA
) -> None:
    with serving(answering(OK), tls=context_for(authority, "other.example")) as server:
        sender = sender_to(Names(hook_example=[["127.0.0.1"]]))
        reply = sender.send(ask(server.https("hook.example")))
    assert (reply.status, server.received) == (None, [])
    assert "certificate" in reply.error


def test_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent(
    authority: trustme.CA,
) -> None:
    with serving(answering(OK), tls=context_for(authority, "hook.example")) as server:
        sender = HttpSender(Names(hook_example=[["127.0.0.1"]]), LOOPBACK)
        reply = sender.send(ask(server.https("hook.example")))
    assert (reply.status, server.received) == (None, [])
    assert "certificate" in reply.error


def test_plain_http_where_tls_was_meant_is_said_so(sender_to: SenderTo) -> None:
    def speak_plainly(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        visit.idle()

    with serving(speak_plainly) as server:
        sender = sender_to(Names(hook_example=[["127.0.0.1"]]))
        reply = sender.send(ask(server.https("hook.example")))
    assert (reply.status, reply.error) == (None, "TLS could not be agreed on")
