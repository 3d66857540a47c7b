"""The text that records become; that they come back is a property, in tests/properties."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import Struct

from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.orders import Order
from chalicelib.domain.records import OrderRecord, order_problem
from chalicelib.domain.transfers import MOST_CHARACTERS, Form, guarded, read, unguarded, write
from tests.fakes import NOW
from tests.making import a_product, an_order

MUG = a_product("mug", name='A "big" mug')


class Nested(Struct, frozen=True):
    at: datetime | None = None
    parts: list[Product] = []


class Odd(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that records may have one day."""

    text: str | None = None
    count: int | None = None
    at: datetime | None = None
    ok: bool = True
    nested: Nested | None = None
    new: str = ""


def problems(text: str, form: Form = "csv") -> list[tuple[int, str]]:
    return [(line.number, line.problem) for line in read(text, Product, form)]


def test_csv_has_a_header_and_a_column_for_each_field() -> None:
    assert write([MUG], Product, "csv") == (
        "name,amount,currency,description,image,stock,when_unavailable,shippable,weight_grams,tax_code,stock_shards,sku\r\n"
        '"A ""big"" mug",1200,eur,,,unlimited,ask,true,0,null,1,mug\r\n'
    )


def test_parts_stand_in_a_csv_cell_as_json() -> None:
    header, row = write([an_order()], Order, "csv").splitlines()
    assert ",id,version,cart_id,cart_version,lines,currency,computed_for,livemode,contact," in header
    assert '"{""email"":""ada@example.com"",""name"":""Ada Lovelace""}"' in row


def test_json_lines_have_a_record_each() -> None:
    text = write([MUG, MUG], Product, "jsonl")
    assert text.count("\n") == 2
    assert [line.number for line in read(text, Product, "jsonl")] == [1, 2]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''-1", "=", "'@"],  # noqa: RUF001
)
def test_what_a_spreadsheet_would_run_is_made_harmless_and_comes_back(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "'", "''", "'tis", "a=1", " =1", "1-2", "ü"])
def test_any_other_text_stands_as_it_is(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


def test_no_cell_of_a_record_begins_a_formula() -> None:
    evil = Product(sku="a", name="=cmd|' /C calc'!A0", amount=1, currency="eur", description="@x", image="+1")
    (row,) = write([evil], Product, "csv").splitlines()[1:]
    assert row.startswith("'=cmd")
    assert ",'@x,'+1," in row


@pytest.mark.parametrize(
    "odd",
    [
        Odd(), Odd(text=""), Odd(text="null"), Odd(text="=1"), Odd(count=0), Odd(count=-3), Odd(ok=False),
        Odd(at=datetime(2026, 1, 1, tzinfo=UTC)), Odd(nested=Nested()),
        Odd(nested=Nested(at=datetime(2026, 1, 1, tzinfo=UTC), parts=[MUG])),
    ],
)  # fmt: skip
def test_empty_and_null_are_told_apart(odd: Odd) -> None:
    for form in ("csv", "jsonl"):
        assert [line.record for line in read(write([odd], Odd, form), Odd, form)] == [odd]


def test_a_page_of_before_a_field_was_there_has_its_default() -> None:
    old = "text,count\r\nnull,3\r\n"
    assert [line.record for line in read(old, Odd, "csv")] == [Odd(count=3)]


def test_an_empty_line_is_none() -> None:
    assert problems("sku,name,amount,currency\r\n\r\n\r\nmug,Mug,1,eur\r\n\r\n") == [(4, "")]
    assert read("\n \n", Product, "jsonl") == []
    assert read("", Product, "jsonl") == []


def test_a_line_is_named_by_where_it_begins() -> None:
    text = 'sku,name,amount,currency\r\nmug,"A\r\nmug",1,eur\r\ntea,Tea,x,eur\r\n'
    (fine, bad) = problems(text)
    assert fine == (2, "")
    assert bad[0] == 4
    assert "amount" in bad[1]


@pytest.mark.parametrize(
    "line",
    [
        "mug,Mug,1", "mug,Mug,1,eur,more", "mug,Mug,,eur", "mug,Mug,1.5,eur", "mug,Mug,-1,eur",
        "mug,Mug,1,EUR", ",Mug,1,eur", 'mug,Mug,"[",eur', "mug,,1,eur", "a b,Mug,1,eur", "mug,Mug,true,eur",
        f"mug,Mug,{'[' * 60_000},eur",
    ],
)  # fmt: skip
def test_what_is_no_record_says_why(line: str) -> None:
    (problem,) = problems(f"sku,name,amount,currency\r\n{line}\r\n")
    assert problem[0] == 2
    assert problem[1].endswith(".")


@pytest.mark.parametrize("line", ["{", "[]", '"x"', "null", '{"sku": "mug"}', "[" * 60_000, "x" * 400_000])
def test_what_is_no_json_record_says_why(line: str) -> None:
    (problem,) = problems(line, "jsonl")
    assert problem[1].endswith(".")


def test_csv_that_can_not_be_read_is_told_by_its_line() -> None:
    text = 'sku,name,amount,currency\r\nmug,Mug,1,eur\r\ntea,"T"ea,1,eur\r\nmore,More,1,eur\r\n'
    fine, broken = problems(text)
    assert (fine, broken[0]) == ((2, ""), 3)
    assert "What follows was not read" in broken[1]


def test_a_cell_may_be_as_long_as_a_record_and_no_longer() -> None:
    def text(length: int) -> str:
        return f'"lines"\r\n"{"x" * length}"\r\n'

    assert "must be" in read(text(200_000), Order, "csv")[0].problem
    assert "no CSV" in read(text(MOST_CHARACTERS + 1), Order, "csv")[0].problem


@pytest.mark.parametrize("header", ["", "sku,colour", "sku,sku", "sku,"])
def test_a_header_names_columns_that_there_are(header: str) -> None:
    with pytest.raises(InvalidRequest, match="name the columns"):
        read(f"{header}\r\nmug\r\n", Product, "csv")


def test_a_field_that_nobody_knows_is_refused_however_deep_it_lies() -> None:
    text = write([an_order()], Order, "jsonl")
    for old, new in [('"sku":', '"x":1,"sku":'), ('"email":', '"x":1,"email":'), ('"id":', '"x":1,"id":')]:
        (line,) = read(text.replace(old, new, 1), Order, "jsonl")
        assert line.problem == "There is no field 'x'."


def test_a_time_must_say_its_zone_however_deep_it_lies() -> None:
    text = write([an_order()], Order, "jsonl").replace(
        '"payment":{}', '"payment":{"as_of":"2026-01-01T00:00:00"}'
    )
    (line,) = read(text, Order, "jsonl")
    assert "offset" in line.problem


def test_an_orders_record_has_whatever_an_order_has() -> None:
    record = OrderRecord.of(an_order(), [])
    assert record.order == an_order()
    assert order_problem(record, now=NOW) == ""
    assert set(Order.__struct_fields__) < set(OrderRecord.__struct_fields__)
