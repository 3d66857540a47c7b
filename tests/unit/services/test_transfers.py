"""Exports and imports; that they are each other's opposite is a property, in tests/properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import ImportRefused, InvalidCursor, RequestTooLarge
from chalicelib.domain.orders import LedgerEntry, Order, placing
from chalicelib.domain.records import OrderRecord, Subject
from chalicelib.domain.transfers import Form, write
from chalicelib.ports import AlreadyPlaced, Moved, OrderStory
from chalicelib.services.exports import MOST_BYTES, TextPage, export_page
from chalicelib.services.imports import Imported, import_page
from tests.fakes import NOW, interrupt
from tests.making import a_product, an_id, an_order
from tests.unit.services.shop import MUG, Shop

HEADER = "sku,name,amount,currency\r\n"


def export(shop: Shop, subject: Subject, cursor: str | None = None) -> TextPage:
    world = shop.world
    return export_page(subject, "jsonl", cursor=cursor, catalog=world, stock=world, orders=world, now=NOW)


def take(shop: Shop, subject: Subject, text: str) -> Imported:
    world = shop.world
    form: Form = "jsonl" if subject == "orders" else "csv"
    return import_page(subject, text, form, catalog=world, stock=world, orders=world, now=NOW)


def refusal(shop: Shop, subject: Subject, text: str) -> dict[int, str]:
    """The reasons by line, after a look that nothing was changed."""
    before = (dict(shop.world.products), dict(shop.world.stock), dict(shop.world.orders))
    with pytest.raises(ImportRefused) as refused:
        take(shop, subject, text)
    assert (shop.world.products, shop.world.stock, shop.world.orders) == before
    lines = refused.value.details["lines"]
    assert isinstance(lines, list)
    return {line["line"]: line["reason"] for line in lines}


def lines(*orders: Order, ledger: tuple[LedgerEntry, ...] = ()) -> str:
    return write([OrderRecord.of(order, ledger) for order in orders], OrderRecord, "jsonl")


def story_of(order: Order, ledger: list[LedgerEntry]) -> OrderStory:
    return OrderStory(order=order, ledger=[placing(order), *ledger], refunds=[], fulfilments=[])


def paid(order: Order) -> Order:
    payment = replace(order.payment, status="paid", provider="stripe", reference=f"pi_{order.id}")
    return replace(order, payment=payment)


class TestExporting:
    def test_a_page_that_would_be_too_large_is_a_smaller_one(self, shop: Shop) -> None:
        shop.world.put_products(
            replace(a_product(f"sku-{n:03}"), description="ü\0" * 2000, image="\0" * 2000) for n in range(150)
        )
        first = export(shop, "products")
        assert first.text.count("\n") == 100
        shop.world.put_products(
            replace(product, description="\0" * 40_000) for product in list(shop.world.products.values())
        )
        smaller = export(shop, "products")
        assert smaller.text.count("\n") == 5
        assert len(smaller.text) <= MOST_BYTES
        assert smaller.cursor is not None
        rest = export(shop, "products", smaller.cursor)
        assert rest.text.split('"sku":"')[1][:3] == "sku"

    def test_orders_come_from_the_newest_month_to_the_oldest(self, shop: Shop) -> None:
        months = [datetime(year, month, 3, tzinfo=UTC) for year, month in [(2026, 11), (2026, 9), (2001, 2)]]
        for number, month in enumerate(months):
            shop.world.restore_order(story_of(an_order(seed=number, now=month), []))
        found, cursor = [], None
        while True:
            page = export(shop, "orders", cursor)
            found += page.text.splitlines()
            cursor = page.cursor
            if cursor is None:
                break
        assert [line.split('"created_at":"')[1][:7] for line in found] == ["2026-11", "2026-09", "2001-02"]

    @pytest.mark.parametrize("cursor", ["", "x", "2026-13.", "1999-12.", "2027-01."])
    def test_a_cursor_of_no_month_is_refused(self, shop: Shop, cursor: str) -> None:
        with pytest.raises(InvalidCursor):
            export(shop, "orders", cursor)

    def test_stock_is_that_of_products_in_the_catalogue(self, shop: Shop) -> None:
        shop.world.set_stock("gone", 7)
        assert export(shop, "stock").text == '{"sku":"tea","available":3,"low_at":null}\n'


class TestImportingProducts:
    def test_they_are_added_or_replaced_and_nothing_is_taken_out(self, shop: Shop) -> None:
        text = f"{HEADER}mug,A mug,1200,eur\r\ntea,Green tea,800,eur\r\ncup,Cup,900,eur\r\n"
        assert take(shop, "products", text) == Imported(records=3, written=2)
        assert shop.world.products["mug"] == MUG
        assert shop.world.products["tea"].amount == 800
        assert take(shop, "products", text) == Imported(records=3, written=0)

    def test_every_bad_line_is_named_with_its_reason(self, shop: Shop) -> None:
        text = f"{HEADER}good,Good,1,eur\r\n,None,1,eur\r\nbad,Bad,x,eur\r\n"
        found = refusal(shop, "products", text)
        assert found.keys() == {3, 4}
        assert "amount" in found[4]

    def test_what_can_not_be_charged_is_refused(self, shop: Shop) -> None:
        found = refusal(shop, "products", f"{HEADER}a,A,1,xxx\r\nb,B,1,kwd\r\n")
        assert "no currency" in found[2]
        assert "multiple of 10" in found[3]

    def test_a_sku_stands_in_a_page_once(self, shop: Shop) -> None:
        assert refusal(shop, "products", f"{HEADER}a,A,1,eur\r\na,A,1,eur\r\n") == {
            3: "'a' stands in line 2 already."
        }

    def test_a_page_is_not_endless(self, shop: Shop) -> None:
        with pytest.raises(RequestTooLarge):
            take(shop, "products", HEADER + "".join(f"s{n},x,1,eur\r\n" for n in range(2001)))

    def test_no_more_than_a_hundred_bad_lines_are_shown(self, shop: Shop) -> None:
        assert len(refusal(shop, "products", HEADER + "a,A,x,eur\r\n" * 150)) == 100


class TestImportingStock:
    def test_it_is_set(self, shop: Shop) -> None:
        assert take(shop, "stock", "sku,available\r\ntea,9\r\nmug,0\r\n") == Imported(records=2, written=2)
        assert shop.world.stock == {"tea": 9, "mug": 0}

    def test_only_of_products_in_the_catalogue(self, shop: Shop) -> None:
        found = refusal(shop, "stock", "sku,available\r\ntea,9\r\ncup,1\r\nmug,-1\r\n")
        assert found.keys() == {4}
        assert "cup" in refusal(shop, "stock", "sku,available\r\ntea,9\r\ncup,1\r\n")[3]


class TestImportingOrders:
    def test_an_order_is_there_without_an_event_or_reserved_stock(self, shop: Shop) -> None:
        tea = an_order(a_product("tea", amount=700, tracked=True))
        entry = LedgerEntry(key="stripe#evt_1", at=NOW, what="payment.succeeded", event_id=an_id("evt"))
        assert take(shop, "orders", lines(paid(tea), ledger=(entry,))) == Imported(records=1, written=1)
        assert shop.world.get_order(tea.id) == story_of(paid(tea), [entry])
        assert shop.world.find_order_id(provider="stripe", reference=f"pi_{tea.id}") == tea.id
        assert shop.world.stock["tea"] == 3
        assert (shop.world.events, shop.world.jobs) == ({}, {})

    def test_the_same_again_is_the_same_in_whatever_order_its_ledger_stands(self, shop: Shop) -> None:
        late = LedgerEntry(key="a#1", at=NOW + timedelta(days=1), what="x")
        early = LedgerEntry(key="b#1", at=NOW, what="x")
        text = lines(an_order(), ledger=(late, early))
        assert take(shop, "orders", text).written == 1
        assert take(shop, "orders", text).written == 0

    def test_an_order_that_is_there_and_different_is_never_overwritten(self, shop: Shop) -> None:
        there = shop.order()
        other = replace(shop.stored(there.id), amount=1)
        found = refusal(shop, "orders", lines(an_order(seed="new"), other))
        assert found == {2: "There is another order of this id, which is never overwritten."}

    def test_a_payment_belongs_to_one_order(self, shop: Shop) -> None:
        there = shop.order()
        payment = shop.stored(there.id).payment
        thief = replace(an_order(seed="thief"), payment=payment)
        assert there.id in refusal(shop, "orders", lines(thief))[1]
        twice = [replace(paid(an_order()), id=an_id("ord", seed)) for seed in (1, 2)]
        assert refusal(shop, "orders", lines(*twice)).keys() == {2}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"id": "1001"}, {"id": an_id("cart")}, {"created_at": NOW + timedelta(seconds=1)}, {"version": 0},
            {"created_at": datetime(1999, 1, 1, tzinfo=UTC)}, {"amount": -1}, {"currency": "EUR"},
            {"currency": "eu"},
        ],
    )  # fmt: skip
    def test_what_could_be_no_order_is_refused(self, shop: Shop, wrong: dict[str, object]) -> None:
        assert refusal(shop, "orders", lines(an_order(), replace(an_order(), **wrong))).keys() == {2}

    @pytest.mark.parametrize("keys", [("a", "a"), ("",), ("x" * 901,)])
    def test_a_ledger_has_keys(self, shop: Shop, keys: tuple[str, ...]) -> None:
        ledger = tuple(LedgerEntry(key=key, at=NOW, what="x") for key in keys)
        assert refusal(shop, "orders", lines(an_order(), ledger=ledger)).keys() == {1}

    @pytest.mark.parametrize("names", [("stripe", ""), ("", "pi_1"), ("stripe", "x" * 300)])
    def test_a_payment_has_both_its_names_or_none(self, shop: Shop, names: tuple[str, str]) -> None:
        payment = replace(an_order().payment, provider=names[0], reference=names[1])
        assert refusal(shop, "orders", lines(replace(an_order(), payment=payment))).keys() == {1}

    @pytest.mark.parametrize("problem", [Moved(), AlreadyPlaced()])
    def test_who_is_overtaken_looks_again(self, shop: Shop, problem: Exception) -> None:
        interrupt(shop.world, "restore_order", None, problem)
        orders = [an_order(seed=number) for number in range(3)]
        assert take(shop, "orders", lines(*orders)).records == 3
        assert len(shop.world.orders) == 3

    def test_a_page_that_was_cut_off_is_sent_again(self, shop: Shop) -> None:
        interrupt(shop.world, "restore_order", None, OSError("crash"))
        text = lines(*[an_order(seed=number) for number in range(3)])
        with pytest.raises(OSError, match="crash"):
            take(shop, "orders", text)
        assert take(shop, "orders", text) == Imported(records=3, written=2)
