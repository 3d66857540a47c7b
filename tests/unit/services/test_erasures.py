"""A person is taken out of everything, whatever happens meanwhile, and nobody else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errands import Errand, Message
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.events import Event
from chalicelib.domain.exchanges import Reply, Request
from chalicelib.domain.jobs import Job
from chalicelib.domain.orders import Address, Contact, Order
from chalicelib.domain.persons import person_id, without_excerpts, without_person
from chalicelib.ports import Moved
from chalicelib.services import persons
from chalicelib.services.erasures import ATTEMPTS_END, PAGE
from tests.fakes import FakeQueue, FakeSender, interrupt
from tests.making import an_endpoint
from tests.unit.services.shop import Shop

HOME = Address(line1="1 Analytical Row", city="London", country="GB")
ADA = Contact(email="Ada@example.com", name="Ada Lovelace", shipping_address=HOME)
BOB = Contact(email="bob@example.com", name="Bob", shipping_address=HOME)
PERSONAL = ("ada@", "lovelace", person_id(ADA.email))


class Echo(FakeSender):
    """A receiver that says back what it was told."""

    def send(self, request: Request) -> Reply:
        return replace(super().send(request), excerpt=request.body.decode()[:4096])


class Queue(FakeQueue):
    """What waits longer than SQS can is a schedule, which carries ids alone."""

    def send_later(self, errand: Errand, delay: timedelta) -> None:
        if isinstance(errand, Message) and delay > timedelta(minutes=15):
            errand = replace(errand, payload=None)
        super().send_later(errand, delay)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.queue = Queue()
    return shop


@pytest.fixture
def hook(shop: Shop) -> Endpoint:
    return shop.hook(an_endpoint())


def buy(shop: Shop, contact: Contact = ADA) -> Order:
    """A paid order, whose event waits to be delivered."""
    cart = shop.cart("mug", now=shop.clock.now)
    order = shop.check_out(cart.id, total=1200, contact=contact, now=shop.clock.now).order
    shop.tell(order, "succeeded", key=f"notice_{order.id}")
    (event,) = events_of(shop, order)
    shop.relay(event)
    return shop.stored(order.id)


def events_of(shop: Shop, order: Order) -> list[Event]:
    return [event for event in shop.world.events.values() if event.order_id == order.id]


def ask(shop: Shop, email: str = ADA.email, *, key: str = "k") -> Job:
    shop.clock.advance(timedelta(seconds=1))
    return persons.ask_erasure(email, key=key, jobs=shop.world, now=shop.clock.now)


def held(shop: Shop) -> str:
    """All that the shop keeps, as one text."""
    world = shop.world
    return repr(
        [world.orders, world.ledgers, world.persons, world.events, world.deliveries, world.jobs, world.line]
    ).lower()


def traces(shop: Shop) -> list[str]:
    return [text for text in PERSONAL if text in held(shop)]


def done(shop: Shop, job: Job) -> Job:
    found = shop.world.get_job(job.id)
    assert found is not None
    assert found.status == "done"
    return found


def test_nothing_of_a_person_is_left_and_her_orders_keep_their_amounts(shop: Shop, hook: Endpoint) -> None:
    orders = [buy(shop) for _ in range(PAGE + 3)]
    sender = Echo(200)
    sender.refuse = frozenset(event.id for event in events_of(shop, orders[0]))
    shop.run(sender)
    (notice,) = [event for event in shop.world.events.values() if event.type == "delivery.dead"]
    shop.relay(notice)
    shop.run(sender)
    ledgers = {order.id: dict(shop.world.ledgers[order.id]) for order in orders}
    assert traces(shop) == list(PERSONAL)
    job = ask(shop)
    shop.run(sender)
    assert traces(shop) == []
    assert (done(shop, job).examined, done(shop, job).sent, done(shop, job).note) == (13, 13, "")
    for order in orders:
        left = shop.stored(order.id)
        assert left == without_person(order, now=left.updated_at)
        assert shop.world.ledgers[order.id] == ledgers[order.id]
    assert {event.id for event in shop.world.events.values()} >= {notice.id}


def test_nobody_else_is_touched(shop: Shop, hook: Endpoint) -> None:
    buy(shop)
    others = buy(shop, BOB)
    shop.run(Echo(200))
    (event,) = events_of(shop, others)
    deliveries = shop.world.list_of_event(event.id)
    ask(shop)
    shop.run(Echo(200))
    assert shop.stored(others.id) == others
    assert events_of(shop, others) == [event]
    assert shop.world.list_of_event(event.id) == deliveries
    assert "bob@example.com" in deliveries[0].attempts[0].excerpt


def test_an_open_order_is_left_as_it_is_and_said_to_be(shop: Shop, hook: Endpoint) -> None:
    buy(shop)
    cart = shop.cart("mug")
    pending = shop.check_out(cart.id, total=1200, contact=ADA).order
    job = ask(shop)
    shop.run(Echo(200))
    assert shop.stored(pending.id).contact == ADA
    assert done(shop, job).sent == 1
    assert "still open and were left as they are: 1" in done(shop, job).note
    shop.tell(pending, "succeeded", key="late")
    again = ask(shop, key="again")
    shop.run(Echo(200))
    assert done(shop, again).note == ""
    assert traces(shop) == []


def test_who_never_bought_is_done_at_once(shop: Shop) -> None:
    job = ask(shop, "nobody@example.com")
    assert shop.run(Echo(200)) == 1
    assert (done(shop, job).examined, done(shop, job).note) == (0, "")


def test_the_same_key_is_the_same_erasure_even_when_it_is_done(shop: Shop, hook: Endpoint) -> None:
    buy(shop)
    job = ask(shop)
    assert ask(shop, "ADA@EXAMPLE.COM").id == job.id
    shop.run(Echo(200))
    assert ask(shop) == done(shop, job)
    assert ask(shop, "bob@example.com").id != job.id


@pytest.mark.parametrize("email", ["", "  "])
def test_nobody_is_no_person(shop: Shop, email: str) -> None:
    with pytest.raises(InvalidRequest):
        ask(shop, email)


def test_what_is_told_later_tells_nothing_of_her(shop: Shop, hook: Endpoint) -> None:
    order = buy(shop)
    ask(shop)
    shop.run(Echo(200))
    sender = Echo(200)
    (event,) = events_of(shop, order)
    shop.relay(event)
    shop.run(sender)
    assert '"contact":{"email":"","erased_at":"' in sender.requests[-1].body.decode()


def test_a_message_that_carries_her_is_still_sent_and_leaves_no_trace(shop: Shop, hook: Endpoint) -> None:
    """Its retries too, as far as they wait in the queue with what was told before."""
    order = buy(shop)
    sender = Echo(500)
    shop.run(sender, within=timedelta(minutes=1))
    job = ask(shop)
    shop.run(sender, within=timedelta(minutes=10))
    assert "ada@" in sender.requests[-1].body.decode().lower()
    assert shop.stored(order.id).contact.erased_at is not None
    assert traces(shop) != []
    shop.run(sender)
    assert done(shop, job).sent == 1
    (dead,) = [event for event in shop.world.events.values() if event.type == "delivery.dead"]
    assert "contact" in dead.payload
    assert traces(shop) == []


def test_a_notice_that_is_written_while_she_is_erased_is_erased_as_well(shop: Shop, hook: Endpoint) -> None:
    buy(shop)
    message, _ = shop.queue.take()
    assert isinstance(message, Message)
    ask(shop)
    interrupt(shop.world, "rewrite_event", lambda: shop.attempt(message, Echo(410)))
    shop.run(Echo(200), within=ATTEMPTS_END / 2)
    (notice,) = [event for event in shop.world.events.values() if event.type == "delivery.dead"]
    assert "Lovelace" in notice.payload
    shop.run(Echo(200))
    assert traces(shop) == []


def test_an_attempt_is_recorded_beside_the_erasure_of_what_was_answered_before(
    shop: Shop, hook: Endpoint
) -> None:
    order = buy(shop)
    sender = Echo(500, 500, 200)
    shop.run(sender, within=timedelta(seconds=1))
    (event,) = events_of(shop, order)

    def erase() -> None:
        there = shop.world.get_delivery(event.id, hook.id)
        assert there is not None
        shop.world.save_delivery(without_excerpts(there))

    interrupt(sender, "send", erase)
    shop.run(sender, within=timedelta(minutes=1))
    delivery = shop.world.get_delivery(event.id, hook.id)
    assert delivery is not None
    assert (delivery.status, delivery.attempt, delivery.tries) == ("failing", 2, 2)
    assert [bool(attempt.excerpt) for attempt in delivery.attempts] == [False, True]
    shop.run(sender)
    delivery = shop.world.get_delivery(event.id, hook.id)
    assert delivery is not None
    assert (delivery.status, delivery.tries) == ("delivered", 3)


CONDITIONAL = {"save_order": 4, "save_delivery": 6, "save_job": 4}
OTHERS = {"rewrite_event": 10, "forget_person": 3, "create_job": 1}
CUTS = [
    *((effect, calls, OSError("crash")) for effect, calls in (CONDITIONAL | OTHERS).items()),
    *((effect, calls, Moved()) for effect, calls in CONDITIONAL.items()),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("effect", "calls", "problem"), CUTS)
def test_an_erasure_that_is_cut_off_anywhere_is_finished(
    effect: str, calls: int, problem: Exception, *, after: bool
) -> None:
    for at_call in range(calls):
        shop = Shop()
        shop.queue = Queue()
        shop.hook(an_endpoint())
        for _ in range(3):
            buy(shop)
        sender = Echo(200)
        sender.refuse = frozenset(list(shop.world.events)[:1])
        shop.run(sender)
        interrupt(shop.world, effect, *[None] * at_call, problem, after=after)
        try:
            job = ask(shop)
        except OSError:
            job = ask(shop)
        shop.run_with_stream_retries(sender)
        assert traces(shop) == [], (effect, at_call)
        assert (done(shop, job).sent, done(shop, job).examined) == (3, 3)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at_call", range(4))
def test_a_page_whose_successor_was_not_asked_for_asks_again(at_call: int, *, after: bool) -> None:
    shop = Shop()
    shop.queue = Queue()
    for _ in range(PAGE + 1):
        buy(shop)
    interrupt(shop.queue, "send_later", *[None] * at_call, OSError("crash"), after=after)
    job = ask(shop)
    shop.run_with_stream_retries(Echo(200))
    assert traces(shop) == []
    assert done(shop, job).sent == PAGE + 1


def test_all_that_is_held_of_a_person_is_exported(shop: Shop, hook: Endpoint) -> None:
    orders = [buy(shop) for _ in range(22)]
    buy(shop, BOB)
    sender = Echo(200)
    sender.refuse = frozenset(event.id for event in events_of(shop, orders[0]))
    shop.run(sender)
    found, cursor = [], None
    while True:
        page = persons.export_person(
            "ADA@example.com", cursor=cursor, orders=shop.world, events=shop.world, deliveries=shop.world
        )
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(dossier.story.order.id for dossier in found) == sorted(order.id for order in orders)
    (first,) = [dossier for dossier in found if dossier.story.order.id == orders[0].id]
    assert [told.event.type for told in first.told] == ["order.paid", "delivery.dead"]
    assert "ada@" in first.told[0].deliveries[0].attempts[0].excerpt.lower()
    assert [entry.what for entry in first.story.ledger] == ["order.placed", "payment.succeeded"]
