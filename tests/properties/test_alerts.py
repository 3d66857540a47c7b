from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.alerts import MAX_SUBJECT, MAX_TEXT_BYTES, alert_mail
from chalicelib.domain.endpoints import Endpoint, disabled
from chalicelib.domain.obituaries import farewell, obituary
from chalicelib.domain.orders import Order
from chalicelib.domain.payments import apply
from tests.fakes import NOW
from tests.making import a_delivery, a_fact, an_endpoint
from tests.strategies import orders, texts

hosts = st.one_of(texts, st.from_regex(r"https://[a-z0-9.\[\]:@-]{0,20}/?", fullmatch=True))
endpoints = st.builds(
    lambda url, why: replace(an_endpoint(url=url), description=why, disabled_because=why), hosts, texts
)


@given(orders(), endpoints)
def test_a_mail_says_all_and_nothing_in_it_passes_for_ours(order: Order, endpoint: Endpoint) -> None:
    change = apply(order, a_fact(order), ledger=(), now=NOW)
    assert change is not None
    assert change.event is not None
    notice = obituary(a_delivery(change.event, endpoint, 500), endpoint, change.event.payload, now=NOW)
    assert notice is not None
    mail = alert_mail(notice)
    assert mail.subject.isprintable()
    assert len(mail.subject) <= MAX_SUBJECT
    assert order.id in mail.subject
    assert len(mail.text.encode()) <= MAX_TEXT_BYTES
    head, heading, content = mail.text.partition("\nTHE WHOLE EVENT\n")
    assert heading
    assert json.loads(content) == json.loads(change.event.payload)
    assert all(line.isprintable() for line in head.split("\n"))
    labels = [line[:10].strip() for line in head.split("\n")]
    assert labels.count("Item") == len(order.lines)
    assert labels.count("Total") == labels.count("Tried") == labels.count("WHAT TO DO") == 1


@given(endpoints)
def test_a_disabled_endpoint_can_always_be_told(endpoint: Endpoint) -> None:
    mail = alert_mail(farewell(disabled(endpoint, endpoint.description, now=NOW), now=NOW))
    assert mail.subject.isprintable()
    assert len(mail.subject) <= MAX_SUBJECT
    assert all(line.isprintable() for line in mail.text.split("\n"))
    assert f"/admin/endpoints/{endpoint.id}/resume" in mail.text
