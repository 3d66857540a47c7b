from __future__ import annotations

import msgspec
import pytest
from jsonschema import Draft202012Validator

from chalicelib.domain.event_types import PAYLOADS, EventType, catalogue
from chalicelib.domain.payments import EVENT_TYPES, FactKind, apply
from tests.fakes import NOW
from tests.making import a_fact, an_order


def test_every_event_that_an_order_can_cause_is_in_the_catalogue() -> None:
    assert {entry.type for entry in catalogue()} >= set(EVENT_TYPES.values())


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.type)
def test_an_example_is_what_its_schema_describes(entry: EventType) -> None:
    Draft202012Validator.check_schema(entry.payload_schema)
    Draft202012Validator(entry.payload_schema).validate(entry.example)
    assert entry.example["type"] == entry.type
    assert entry.description


@pytest.mark.parametrize("kind", ["succeeded", "failed"])
def test_a_payload_that_is_really_sent_is_what_the_catalogue_says(kind: FactKind) -> None:
    order = an_order()
    change = apply(order, a_fact(order, kind), ledger=(), now=NOW)
    assert change is not None
    assert change.event is not None
    (entry,) = [entry for entry in catalogue() if entry.type == change.event.type]
    payload = msgspec.json.decode(change.event.payload)
    Draft202012Validator(entry.payload_schema).validate(payload)
    (record,) = [kind for kind in PAYLOADS if kind.__struct_config__.tag == entry.type]
    again = msgspec.to_builtins(msgspec.json.decode(change.event.payload, type=record))
    assert again == payload, "the catalogue lacks a field, or describes one that is not sent"
