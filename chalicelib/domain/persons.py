"""Whom orders were for: found by a hash of the address, and taken out of them for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from .deliveries import Delivery
from .events import Event
from .identifiers import derived_id
from .orders import Contact, Order


def person_id(email: str) -> str:
    """What stands for an address in keys, so that no address does; '' for none. Case makes no difference."""
    plain = email.strip().casefold()
    return derived_id("per", plain) if plain else ""


def is_open(order: Order) -> bool:
    """Whether the order may still be paid; its person is needed until then."""
    return order.is_payable or order.payment.status == "processing"


def without_person(order: Order, *, now: datetime) -> Order:
    """The order with what was bought, paid and when; nothing says any more who it was."""
    nobody = Contact(email="", erased_at=now)
    return replace(order, version=order.version + 1, contact=nobody, updated_at=now)


def event_without_person(event: Event, nobody: Contact) -> Event:
    """The same event with `nobody` wherever its payload has a contact."""
    payload = _without_contact(msgspec.json.decode(event.payload), msgspec.to_builtins(nobody))
    return replace(event, payload=msgspec.json.encode(payload).decode())


def _without_contact(value: object, nobody: dict[str, Any]) -> object:
    match value:
        case dict():
            return {
                name: nobody if name == "contact" else _without_contact(inner, nobody)
                for name, inner in value.items()
            }
        case list():
            return [_without_contact(inner, nobody) for inner in value]
    return value


def without_excerpts(delivery: Delivery) -> Delivery:
    """The delivery without what receivers answered, since they may repeat what they were told."""
    attempts = [replace(attempt, excerpt="") for attempt in delivery.attempts]
    return replace(delivery, version=delivery.version + 1, attempts=attempts)
