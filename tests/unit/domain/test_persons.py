from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain import orders as rules
from chalicelib.domain import payments
from chalicelib.domain.events import Event
from chalicelib.domain.obituaries import obituary
from chalicelib.domain.orders import Address, Contact
from chalicelib.domain.persons import (
    event_without_person,
    is_open,
    person_id,
    without_excerpts,
    without_person,
)
from tests.fakes import NOW
from tests.making import a_delivery, a_fact, an_endpoint, an_order

HOME = Address(line1="1 Analytical Row", city="London", country="GB")
ADA = Contact(email="ada@example.com", name="Ada Lovelace", shipping_address=HOME)


def test_a_person_is_a_hash_of_her_address_in_any_case() -> None:
    assert person_id("Ada@Example.COM ") == person_id("ada@example.com")
    assert person_id("ada@example.com") != person_id("bob@example.com")
    assert "ada" not in person_id("ada@example.com")
    assert person_id(" ") == ""


def test_without_its_person_an_order_keeps_what_was_bought() -> None:
    order = an_order(contact=ADA)
    left = without_person(order, now=NOW)
    assert left.contact == Contact(email="", erased_at=NOW)
    assert (left.lines, left.amount, left.payment, left.version) == (
        order.lines,
        order.amount,
        order.payment,
        order.version + 1,
    )


def test_an_event_loses_its_person_wherever_she_stands_and_nothing_else() -> None:
    order = an_order(contact=ADA)
    change = payments.apply(order, a_fact(order), ledger=(), now=NOW)
    assert change is not None
    assert change.event is not None
    endpoint = an_endpoint()
    notice = obituary(a_delivery(change.event, endpoint, 500), endpoint, change.event.payload, now=NOW)
    assert notice is not None
    nobody = Contact(email="", erased_at=NOW)
    for event in (change.event, notice):
        assert "Lovelace" in event.payload
        left = event_without_person(event, nobody)
        assert left == replace(event, payload=left.payload)
        for text in ("ada@", "Lovelace", "Analytical", "London"):
            assert text not in left.payload
        there = msgspec.json.encode(ADA).decode()
        assert left.payload == event.payload.replace(there, msgspec.json.encode(nobody).decode())
        assert event_without_person(left, nobody) == left


def test_a_delivery_without_excerpts_keeps_what_happened() -> None:
    delivery = a_delivery(an_announced_event(), an_endpoint(), 500, 200)
    told = replace(delivery, attempts=[replace(one, excerpt="Hello Ada") for one in delivery.attempts])
    left = without_excerpts(told)
    assert left == replace(delivery, version=delivery.version + 1)


def an_announced_event() -> Event:
    order = an_order()
    change = payments.apply(order, a_fact(order), ledger=(), now=NOW)
    assert change is not None
    assert change.event is not None
    return change.event


@pytest.mark.parametrize(
    ("status", "expected"), [("pending", True), ("processing", True), ("failed", True), ("paid", False)]
)
def test_an_order_is_open_while_it_may_be_paid(status: rules.PaymentStatus, *, expected: bool) -> None:
    order = an_order()
    assert is_open(replace(order, payment=replace(order.payment, status=status))) is expected
