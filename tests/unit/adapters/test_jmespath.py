"""What the library is relied on for, and what is made up for it."""

from __future__ import annotations

import pytest

from chalicelib.adapters.jmespath import JmesPath
from chalicelib.domain.errors import InvalidExpression
from chalicelib.domain.event_types import example_of
from chalicelib.ports import ExpressionFailed

PATH = JmesPath()
PAID = example_of("order.paid")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("type", "order.paid"),
        ("data.order.lines[?sku=='mug'].quantity | [0]", 2),
        ("contains(data.order.lines[].sku, 'tea')", True),
        ("data.order.lines[?sku=='shirt']", []),
        ("data.order.amount > `3000` && data.order.currency == 'eur'", True),
        ("{email: data.order.contact.email, skus: data.order.lines[].sku}",
         {"email": "ada@example.com", "skus": ["mug", "tea"]}),
        ("join(', ', data.order.lines[].name)", "Mug, Tea"),
        ("sum(data.order.lines[].quantity)", 3),
        ("sort_by(data.order.lines, &amount)[0].sku", "tea"),
        ("data.nothing.at.all", None),
        ("!(data.order.livemode)", True), ("!id", False), ("!length(id)", False),
        ("!data[0]", True), ("!@", False),
        ("data.order.lines[-1:].sku", ["tea"]),
        ('{"enrolments[0][roleid]": \'5\'}', {"enrolments[0][roleid]": "5"}),
        ("@", PAID),
    ],
)  # fmt: skip
def test_an_expression_finds(expression: str, found: object) -> None:
    PATH.check(expression)
    assert PATH.search(expression, PAID) == found


@pytest.mark.parametrize(
    ("expression", "column", "words"),
    [
        ("", 1, "empty"), ("  ", 3, "end"), ("data.", 6, "Expected a name or [ or {, not the end"),
        ("data..order", 6, "not '.'"), ("data order", 6, "Did not expect 'order'"),
        ("{email: data", 13, "the end"), ("{email data}", 8, "Expected :, not 'data'"),
        ("data.order.lines[?sku=='mug]", 24, "quotation mark"), ("type = 'order.paid'", 6, "Write =="),
        ("data.order-id", 11, "dash"), ("#type", 1, "'#' means nothing"),
        ("{}", 2, "Expected a name, not '}'"), ("id && !data.order.livemode", 7, "Write !(…)"),
        ("!id && !data[?a]", 8, "Write !(…)"), ("!data[] || !(id)", 1, "Write !(…)"),
        ("data[order]", 6, "Expected *, not 'order'"), ("lines[1:2:3:4]", 12, "':'"),
        ("type == lenght(id)", 9, "There is no function lenght(), but abs, avg,"),
        ("length(id) && data[?contains(sku)] || length(id)", 21, "takes 2 arguments, and is given 1"),
        ("[?a].length(b) | not_null()", 18, "not_null() takes at least 1 argument, and is given 0"),
        ("(" * 2000, 1, "too deeply"), ("a[" + "9" * 5000 + "]", 1, "too large"),
    ],
)  # fmt: skip
def test_a_bad_expression_is_refused_at_its_place(expression: str, column: int, words: str) -> None:
    with pytest.raises(InvalidExpression) as refusal:
        PATH.check(expression)
    assert words in str(refusal.value)
    assert refusal.value.details == {"expression": expression, "line": 1, "column": column}


def test_a_bad_expression_of_many_lines_is_refused_at_its_line() -> None:
    expression = "{\n  email: data.order.contact.email,\n  name: data.order..name\n}"
    with pytest.raises(InvalidExpression) as refusal:
        PATH.check(expression)
    assert str(refusal.value).endswith("  name: data.order..name\n" + " " * 19 + "^")
    assert (refusal.value.details["line"], refusal.value.details["column"]) == (3, 20)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("length(data.missing)", "length() takes text or an array or an object, and is given null"),
        ("sum(data.order.lines[].sku)", "sum() takes an array of numbers, and is given text"),
        ("contains(data.missing, 'x')", "contains() takes an array or text, and is given null"),
        ("sort_by(data.order.lines, &missing)", "sort_by() takes text or a number, and is given null"),
        ("contains(id)", "contains() takes 2 arguments"), ("nope(id)", "no expression"),
        ("a[", "no expression"),
        ("&id", "&"), ("[&id]", "&"), ("{a: not_null(&id)}", "&"), ("data.order.lines[::0]", "step is 0"),
        ("'a' < `1`", "different kinds"), ("(" * 2000 + "a" + ")" * 2000, "too deeply"),
    ],
)  # fmt: skip
def test_an_expression_that_can_not_be_applied_says_why_in_plain_words(expression: str, words: str) -> None:
    with pytest.raises(ExpressionFailed) as failure:
        PATH.search(expression, PAID)
    assert words in str(failure.value)


def test_a_failure_never_quotes_what_is_in_the_event() -> None:
    for expression in ("abs(data.order.contact.email)", "sum([data.order.contact.email])"):
        with pytest.raises(ExpressionFailed) as failure:
            PATH.search(expression, PAID)
        assert "ada" not in str(failure.value)


@pytest.mark.parametrize(
    "expression",
    [
        "|".join(["[@,@][]"] * 300), "|".join(["[@,@]"] * 300), "|".join(["{a:@,b:@}"] * 300),
        "to_string(@)|" + "|".join(["join('',[@,@])"] * 100), "|".join(["[@,@]"] * 30) + "|to_string(@)",
        "|".join(["map(&[@,@],to_array(@))"] * 60), "|".join(["merge({a:@},{b:@})"] * 60),
        "(" + "|".join(["[@,@]"] * 60) + ")==(" + "|".join(["[@,@]"] * 60) + ")",
    ],
    ids=["doubling", "nesting", "objects", "text", "writing", "map", "merge", "comparing"],
)  # fmt: skip
def test_an_expression_that_grows_without_end_is_stopped(expression: str) -> None:
    with pytest.raises(ExpressionFailed, match="too much"):
        PATH.search(expression, PAID)


def test_an_honest_expression_has_room_for_the_largest_event() -> None:
    line = PAID["data"]["order"]["lines"][0] | {"name": "x" * 7_000}
    order = PAID["data"]["order"] | {"lines": [line] * 50}
    found = PATH.search("{order: data.order, n: length(data.order.lines)}", PAID | {"data": {"order": order}})
    assert isinstance(found, dict)
    assert found["n"] == 50


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
def test_text_between_backticks_is_taken_as_aws_users_write_it() -> None:
    assert PATH.search("type == `order.paid`", PAID) is True


def test_a_search_leaves_the_event_as_it_is() -> None:
    before = example_of("order.paid")
    PATH.search("merge(data.order, {x: `1`}) | sort(keys(@)) | reverse(@)", PAID)
    assert before == PAID
