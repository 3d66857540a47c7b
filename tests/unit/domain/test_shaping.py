from __future__ import annotations

import json

import msgspec
import pytest

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.shaping import (
    HEADER_CHARACTERS,
    MOST_HEADERS,
    Unencodable,
    check_headers,
    encode,
    is_true,
    point_at,
)
from chalicelib.domain.signing import EndpointSecrets, SigningSecret
from tests.fakes import NOW


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": "Basic YW55OmtleQ=="}, {"X-Auth-Token": "api_user:s3cret"},
        {"user-agent": "Ada's shop (ada@example.com)"}, {"Accept": "application/json"}, {"Cookie": "a=b"},
        {"!#$%&'*+.^_`|~-0": '~ "\\'}, {"X": '{"a": {"b": 1}}'},
    ],
)  # fmt: skip
def test_headers_that_third_parties_ask_for_are_taken_as_they_are(headers: dict[str, str]) -> None:
    assert check_headers(headers) == headers


@pytest.mark.parametrize(
    "name",
    [
        "Host", "content-length", "Content-Type", "content-encoding", "Transfer-Encoding", "connection",
        "Keep-Alive", "TE", "trailer", "Upgrade", "expect", "accept-encoding", "Proxy-Authorization",
        "proxy-connection", "Webhook-Id", "webhook-signature", "webhook-anything", "http2-settings",
    ],
)  # fmt: skip
def test_a_header_that_is_ours_to_say_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name):
        check_headers({name: "x"})


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a:", "a\r\nb", "a\n", ":authority", "é", "a(b)", "a/b", "a,b", "a\x00", "x" * 2501],
)
def test_what_is_no_name_of_a_header_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_headers({name: "x"})


@pytest.mark.parametrize(
    "value",
    [
        "", " ", " secret", "secret ", "sec\r\nret", "secret\n", "sec\tret", "sec\x00ret", "secret\x7f",
        "sécret", "secret•", "{{secret}}",
    ],
)  # fmt: skip
def test_a_value_that_could_be_read_in_two_ways_is_refused_without_quoting_it(value: str) -> None:
    with pytest.raises(InvalidRequest, match="X-Key") as refusal:
        check_headers({"X-Key": value})
    assert "cret" not in str(refusal.value)


def test_upper_and_lower_case_are_one_header() -> None:
    with pytest.raises(InvalidRequest, match="same name"):
        check_headers({"X-Key": "a", "x-key": "b"})


def test_so_many_headers_and_no_more() -> None:
    headers = {f"x-{number}": "a" for number in range(MOST_HEADERS)}
    assert check_headers(headers) == headers
    with pytest.raises(InvalidRequest, match="at most 20"):
        check_headers(headers | {"y": "a"})


def test_so_many_characters_and_no_more() -> None:
    assert check_headers({"x": "a" * (HEADER_CHARACTERS - 1)})
    assert check_headers({"x": '"' * (HEADER_CHARACTERS // 2 - 1)})
    for value in ("a" * HEADER_CHARACTERS, '"' * (HEADER_CHARACTERS // 2)):
        with pytest.raises(InvalidRequest, match="2500 characters"):
            check_headers({"x": value})


def test_the_most_that_can_be_secret_of_an_endpoint_fits_in_a_standard_parameter() -> None:
    held = SigningSecret(secret="whsec_" + "x" * 88, until=NOW.replace(microsecond=123_456))
    share = HEADER_CHARACTERS // MOST_HEADERS
    headers = {f"x-{number:02}": "a" * (share - 4) for number in range(MOST_HEADERS)}
    secrets = EndpointSecrets([held] * 5).with_headers(check_headers(headers))
    assert len(msgspec.json.encode(secrets)) <= 4096
    assert b"{{" not in msgspec.json.encode(secrets)


@pytest.mark.parametrize("found", [None, False, "", [], {}])
def test_nothing_is_false(found: object) -> None:
    assert not is_true(found)


@pytest.mark.parametrize("found", [True, 0, 0.0, 1, "x", "false", [None], [False], {"a": None}])
def test_something_is_true_even_zero(found: object) -> None:
    assert is_true(found)


def test_json_is_as_short_as_can_be_and_in_utf_8() -> None:
    content = {"name": "Zoë 茶", "amount": 3700, "lines": [1.5, True, None]}
    assert encode(content, "json").decode() == '{"name":"Zoë 茶","amount":3700,"lines":[1.5,true,null]}'


def test_a_form_has_a_field_for_each_value_and_leaves_out_null() -> None:
    content = {"email": "zoë+1@example.com", "n": 3700, "share": 0.5, "yes": True, "no": False, "none": None}
    assert encode(content, "form") == b"email=zo%C3%AB%2B1%40example.com&n=3700&share=0.5&yes=true&no=false"
    assert encode({"list_uuids": ["a", None, 2], "enrolments[0][userid]": "7"}, "form") == (
        b"list_uuids=a&list_uuids=2&enrolments%5B0%5D%5Buserid%5D=7"
    )
    assert encode({}, "form") == b""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text", "object"), ([1], "object"), (5, "object"), (True, "object"),
        ({"order": {"id": "x"}}, "field order"),
        ({"a": [["b"]]}, "field a"), ({"a": [{"b": 1}]}, "field a"), ({"n": float("inf")}, "field n"),
        ({"n": float("nan")}, "field n"), ({"a": "\ud800"}, "half a character"),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused_in_words(content: object, why: str) -> None:
    with pytest.raises(Unencodable, match=why):
        encode(content, "form")


@pytest.mark.parametrize("content_type", ["json", "form"])
def test_nothing_is_never_sent(content_type: str) -> None:
    with pytest.raises(Unencodable, match="nothing"):
        encode(None, content_type)  # type: ignore[arg-type]


def test_what_is_nested_without_end_is_refused_in_words() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unencodable, match="deeply"):
        encode(deep, "json")
    while deep:  # taken apart by hand: freeing it at once would exhaust the stack too
        deep = deep.pop()  # type: ignore[assignment]


def test_half_a_character_is_refused_in_words() -> None:
    with pytest.raises(Unencodable, match="half a character"):
        encode(["\udfff"], "json")


@pytest.mark.parametrize(
    ("expression", "position", "line", "column", "shown"),
    [
        ("a[", 2, 1, 3, "a[\n  ^"),
        ("a.\nb..c\nd", 5, 2, 3, "b..c\n  ^"),
        ("", 0, 1, 1, "\n^"),
        ("x" * 100 + "!" + "y" * 100, 100, 1, 101, "x" * 40 + "!" + "y" * 39 + "\n" + " " * 40 + "^"),
    ],
)
def test_a_place_in_an_expression_is_shown(
    expression: str, position: int, line: int, column: int, shown: str
) -> None:
    refusal = point_at(expression, position, "Oh")
    assert str(refusal) == f"Oh (line {line}, column {column}):\n{shown}"
    assert refusal.details == {"expression": expression, "line": line, "column": column}
    assert json.dumps(refusal.details)
