"""A person is erased by the workers, and no row has her any more."""

from __future__ import annotations

import json

from chalicelib import wiring
from chalicelib.adapters.dynamodb.jobs import job_row
from chalicelib.domain import payments
from chalicelib.domain.errands import JobPage
from chalicelib.domain.events import Event
from chalicelib.domain.jobs import Job
from chalicelib.domain.orders import Address, Contact, Order
from chalicelib.domain.persons import person_id
from chalicelib.services import persons
from chalicelib.workers.deliver import deliver
from chalicelib.workers.relay import relay
from tests.integration.workers.lambda_events import NOTHING_FAILED, Context, from_queue, from_stream
from tests.integration.workers.receiver import Receiver
from tests.integration.workers.stage import Stage
from tests.making import a_cart, a_fact, a_message, a_product, an_endpoint, an_order

HOME = Address(line1="1 Analytical Row", city="Marylebone", country="GB")
ADA = Contact(email="Ada@example.com", name="Ada Lovelace", shipping_address=HOME)
BOB = Contact(email="bob@example.com", name="Bob")
PERSONAL = ("ada@", "lovelace", "analytical", "marylebone", person_id(ADA.email))


def bought(contact: Contact, seed: object) -> tuple[Order, Event]:
    """A paid order, and the event that says so, in the table."""
    product = a_product("mug")
    order = an_order(product, seed=seed, contact=contact)
    wiring.carts().create_cart(a_cart(product, seed=seed))
    wiring.orders().place_order(order, cart=a_cart(product, seed=seed))
    change = payments.apply(order, a_fact(order), ledger=(), now=wiring.now())
    assert change is not None
    assert change.event is not None
    wiring.orders().commit(change)
    return change.order, change.event


def rows(stage: Stage) -> str:
    return json.dumps(stage.dynamodb.scan(TableName=stage.table)["Items"]).lower()


def run(job: Job) -> Job:
    """All its pages, without the waits between them."""
    assert relay(from_stream(job_row(job)), Context()) == NOTHING_FAILED
    while True:
        there = wiring.jobs().get_job(job.id)
        assert there is not None
        if there.status == "done":
            return there
        page = JobPage(job_id=job.id, endpoint_id="", page=there.page)
        assert deliver(from_queue(page), Context()) == NOTHING_FAILED


def test_no_row_has_a_person_who_was_erased(stage: Stage, receiver: Receiver) -> None:
    endpoint, gone = (
        an_endpoint("mine", url=receiver.at("mine")),
        an_endpoint("gone", url=receiver.at("gone")),
    )
    stage.register(endpoint, gone)
    receiver.says = b"thanks, Ada Lovelace <ada@example.com> of 1 Analytical Row"
    receiver.status = lambda post: 410 if post.path == "/gone" else 200
    sold = [bought(ADA, number) for number in range(11)]
    order, event = sold[0]
    assert relay(from_stream(*stage.write(event)), Context()) == NOTHING_FAILED
    for told in (endpoint, gone):
        assert deliver(from_queue(a_message(event, told)), Context()) == NOTHING_FAILED
    other, _ = bought(BOB, "bob")
    assert all(text in rows(stage) for text in (*PERSONAL, "delivery.dead"))

    job = persons.ask_erasure("ada@example.com", key="k", jobs=wiring.jobs(), now=wiring.now())
    assert (run(job).sent, run(job).note) == (11, "")

    assert [text for text in PERSONAL if text in rows(stage)] == []
    story = wiring.orders().get_order(order.id)
    assert story is not None
    assert (story.order.amount, story.order.payment, len(story.ledger)) == (order.amount, order.payment, 2)
    left = wiring.orders().get_order(other.id)
    assert left is not None
    assert left.order == other
    page = wiring.orders().list_orders_of_person(person_id(BOB.email), limit=5, cursor=None)
    assert [summary.id for summary in page.items] == [other.id]
