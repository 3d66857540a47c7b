"""What was exported and imported is what it was, to the byte."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import TillhookError
from chalicelib.domain.identifiers import derived_id
from chalicelib.domain.orders import LedgerEntry, Order, Payment, Refund, placing
from chalicelib.domain.records import OrderRecord, Subject
from chalicelib.domain.transfers import Form, guarded, read, unguarded, write
from chalicelib.ports import OrderStory
from chalicelib.services.exports import export_page
from chalicelib.services.imports import Imported, import_page
from tests.fakes import World
from tests.strategies import moments, orders, products, texts

LATER = datetime(2091, 1, 1, tzinfo=UTC)
SUBJECTS: tuple[Subject, ...] = ("products", "stock", "orders")
FORMS: tuple[Form, ...] = ("csv", "jsonl")

nasty = st.one_of(
    texts,
    st.text("'=+-@\"\r\n\t,; \0aü\u2028\ufeff😀", max_size=12),
    st.sampled_from(["=cmd|' /C calc'!A0", "null", '""', "'=1", "true", "00012", "1e5", "\ufeff"]),
)


@st.composite
def nasty_products(draw: st.DrawFn) -> Product:
    return replace(
        draw(products(currency="eur")),
        name=draw(nasty.filter(bool)),
        description=draw(nasty),
        image=draw(nasty),
    )


def story_of(order: Order, entries: list[LedgerEntry]) -> OrderStory:
    refunds = [
        Refund(
            id=f"ref_{entry.key}", amount=1, currency="eur", status="succeeded", by="key_1",
            reason=entry.what, created_at=entry.at, updated_at=entry.at, restock={"mug": 1},
        )
        for entry in entries
    ]  # fmt: skip
    ledger = [placing(order), *entries]
    return OrderStory(order=order, ledger=ledger, refunds=refunds, fulfilments=[])


@st.composite
def stories(draw: st.DrawFn, number: int) -> OrderStory:
    order: Order = draw(orders())
    contact = replace(order.contact, email=draw(nasty), name=draw(nasty))
    paid = draw(st.booleans())
    payment = Payment(
        status="paid" if paid else "pending",
        provider="stripe" if paid else "",
        reference=f"pi_{number}" if paid else "",
        paid_at=draw(st.none() | moments),
        failure=draw(nasty),
    )
    ledger = [
        LedgerEntry(
            key=f"stripe#{key}",
            at=draw(moments),
            what=draw(nasty),
            amount=draw(st.none() | st.integers(0, 9)),
        )
        for key in range(draw(st.integers(0, 3)))
    ]
    order = replace(order, id=derived_id("ord", number), contact=contact, payment=payment)
    return story_of(order, ledger)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World()
    world.put_products(draw(st.lists(nasty_products(), max_size=6)))
    for sku in world.products:
        if draw(st.booleans()):
            world.set_stock(sku, draw(st.integers(0, 10**9)))
    for number in range(draw(st.integers(0, 4))):
        world.restore_order(draw(stories(number)))
    return world


def pages(world: World, subject: Subject, form: Form) -> list[str]:
    found, cursor = [], None
    while True:
        page = export_page(subject, form, cursor=cursor, catalog=world, stock=world, orders=world, now=LATER)
        found.append(page.text)
        cursor = page.cursor
        if cursor is None:
            return found


def take(world: World, subject: Subject, text: str, form: Form) -> Imported:
    return import_page(subject, text, form, catalog=world, stock=world, orders=world, now=LATER)


@given(nasty)
def test_a_guarded_text_comes_back_and_begins_no_formula(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in set("=+-@\t\r\n")


@pytest.mark.parametrize("form", FORMS)
@given(found=st.lists(nasty_products(), max_size=5))
def test_products_come_back_as_they_went(form: Form, found: list[Product]) -> None:
    assert [line.record for line in read(write(found, Product, form), Product, form)] == found


@pytest.mark.parametrize("form", FORMS)
@given(story=stories(0))
def test_an_order_comes_back_as_it_went(form: Form, story: OrderStory) -> None:
    record = OrderRecord.of(story.order, story.ledger, story.refunds)
    (line,) = read(write([record], OrderRecord, form), OrderRecord, form)
    assert line.record == record


@pytest.mark.parametrize("form", FORMS)
@given(world=worlds())
def test_a_shop_moves_into_an_empty_one_and_its_export_is_the_same_to_the_byte(
    form: Form, world: World
) -> None:
    other = World()
    for subject in SUBJECTS:
        exported = pages(world, subject, form)
        written = [take(other, subject, page, form) for page in exported]
        assert all(page.written == page.records for page in written)
        again = [take(other, subject, page, form) for page in exported]
        assert [page.written for page in again] == [0] * len(exported)
        assert pages(other, subject, form) == exported
    assert other.events == {}
    assert other.jobs == {}


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("form", FORMS)
@given(
    text=st.one_of(
        nasty, st.lists(nasty, max_size=5).map(",".join), st.lists(nasty, max_size=5).map("\n".join)
    )
)
def test_any_other_text_is_refused_and_changes_nothing(subject: Subject, form: Form, text: str) -> None:
    world = World()
    with suppress(TillhookError):
        assert take(world, subject, text, form).written == 0
    assert (world.products, world.stock, world.orders) == ({}, {}, {})
