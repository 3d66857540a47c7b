from __future__ import annotations

import contextlib
import re
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.jmespath import JmesPath
from chalicelib.domain.errors import InvalidExpression, InvalidRequest
from chalicelib.domain.event_types import EVENT_TYPES, example_of
from chalicelib.domain.shaping import Unencodable, check_headers, encode, is_true
from chalicelib.ports import ExpressionFailed
from tests.strategies import texts

PATH = JmesPath()

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)
names = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
characters = st.text(st.characters(), max_size=20)
ascii_texts = st.text(st.characters(max_codepoint=127))

literals = st.sampled_from(["'mug'", "`1`", "`null`", '`[1, "a"]`', "`{}`", "''", "`-1.5`", "`9e999`"])
paths = st.sampled_from([
    "@", "id", "data", "data.order", "data.order.lines", "data.order.lines[]", "data.order.lines[*].sku",
    "data.order.lines[0]", "data.order.lines[::-1]", "data.*", "*.*", "missing", '"a b"', "[0]", "[::0]",
    "data.order.lines[-1].amount", "data.order.contact.email",
])  # fmt: skip
functions = st.sampled_from([
    "abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max", "max_by",
    "merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array",
    "to_number", "to_string", "type", "values", "nope",
])  # fmt: skip


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner | inner.map(lambda one: f"&{one}"), max_size=3).map(", ".join)
    operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "&&", "||", "|", "."])
    return st.one_of(
        st.builds(lambda name, given_: f"{name}({given_})", functions, arguments),
        st.builds(lambda one, sign, other: f"{one} {sign} {other}", inner, operators, inner),
        st.builds(lambda one, other: f"{one}[?{other}]", inner, inner),
        st.builds(lambda one, other: f"[{one}, {other}]", inner, inner),
        st.builds(lambda one, other: f"{{a: {one}, b: {other}}}", inner, inner),
        inner.map(lambda one: f"!{one}"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"{one}[]"),
    )


expressions = st.recursive(literals | paths, _larger, max_leaves=12)
scribbles = st.text(st.sampled_from("ab.[]{}()?*&|!<>=@:,'\"`0123-_ \n\\#é"), max_size=30)
events = st.sampled_from(EVENT_TYPES).map(example_of)


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
@given(expressions | scribbles, events | documents)
def test_a_search_finds_plain_values_or_says_why_not(expression: str, document: object) -> None:
    with contextlib.suppress(ExpressionFailed):
        found = PATH.search(expression, document)
        is_true(found)
        with contextlib.suppress(Unencodable):
            msgspec.json.decode(encode(found, "json"))
        with contextlib.suppress(Unencodable):
            encode(found, "form")


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
@given(expressions | scribbles)
def test_an_expression_is_taken_or_refused_at_a_place_inside_it(expression: str) -> None:
    try:
        PATH.check(expression)
    except InvalidExpression as refusal:
        line, column = refusal.details["line"], refusal.details["column"]
        assert isinstance(line, int)
        assert isinstance(column, int)
        assert 1 <= column <= len(expression.split("\n")[line - 1]) + 1


@given(expressions)
def test_what_was_taken_calls_nothing_that_there_is_not(expression: str) -> None:
    with contextlib.suppress(InvalidExpression):
        PATH.check(expression)
        assert "nope(" not in expression
        for document in map(example_of, EVENT_TYPES):
            why = _failure(expression, document)
            assert "argument" not in why
            assert "no expression" not in why


def _failure(expression: str, document: object) -> str:
    try:
        PATH.search(expression, document)
    except ExpressionFailed as failure:
        return str(failure)
    return ""


@given(st.dictionaries(names | characters, ascii_texts | characters, max_size=22))
def test_no_header_that_is_taken_can_be_read_as_two(headers: dict[str, str]) -> None:
    with contextlib.suppress(InvalidRequest):
        for name, value in check_headers(headers).items():
            assert re.fullmatch(r"[!-9;-~]+", name)
            assert re.fullmatch(r"[!-~]([ -~]*[!-~])?", value)


fields = st.text(st.characters(exclude_categories=["Cs"]))
values = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | fields


@given(st.dictionaries(fields, st.none() | values | st.lists(values | st.none(), max_size=3)))
def test_a_form_says_what_was_meant(content: dict[str, object]) -> None:
    meant = [
        (name, item)
        for name, value in content.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    found = parse_qsl(encode(content, "form").decode(), keep_blank_values=True, strict_parsing=bool(meant))
    assert [name for name, _ in found] == [name for name, _ in meant]
    for (_, said), (_, item) in zip(found, meant, strict=True):
        assert said == item if isinstance(item, str) else msgspec.json.decode(said) == item


@given(documents)
def test_json_says_what_was_found(document: object) -> None:
    with contextlib.suppress(Unencodable):
        assert msgspec.json.decode(encode(document, "json")) == document
