from __future__ import annotations

import base64
from contextlib import suppress

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb import cursors
from chalicelib.domain.errors import InvalidCursor
from tests.strategies import texts

NAMES = {"pk", "sk", "listed_at"}
FULL = texts.filter(bool)
LAST_KEYS = st.fixed_dictionaries({name: FULL.map(lambda text: {"S": text}) for name in sorted(NAMES)})
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["pk", "sk", "listed_at", "x"]), inner, max_size=4),
    ),
    max_leaves=6,
)


def decoded(cursor: str) -> object:
    return cursors.decode(cursor, partition="listing", value="ENDPOINT#mine", names=NAMES)


@given(LAST_KEYS)
def test_a_cursor_leads_back_to_where_the_page_ended(last: dict[str, dict[str, str]]) -> None:
    here = {"listing": {"S": "ENDPOINT#mine"}}
    cursor = cursors.encode(last | here, partition="listing")
    assert cursor is not None
    assert decoded(cursor) == last | here
    assert set(cursor) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(LAST_KEYS)
def test_a_cursor_cannot_be_bent_to_another_list(last: dict[str, dict[str, str]]) -> None:
    theirs = cursors.encode(last | {"listing": {"S": "ENDPOINT#theirs"}}, partition="listing")
    assert theirs is not None
    found = decoded(theirs)
    assert isinstance(found, dict)
    assert found["listing"] == {"S": "ENDPOINT#mine"}


@given(st.text())
def test_any_text_is_a_cursor_or_an_invalid_one(text: str) -> None:
    with suppress(InvalidCursor):
        decoded(text)


@given(JSON)
def test_any_json_in_a_cursors_clothes_is_a_cursor_or_an_invalid_one(value: object) -> None:
    disguised = base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")
    is_one = (
        isinstance(value, dict)
        and value.keys() == NAMES
        and all(isinstance(text, str) and text for text in value.values())
    )
    try:
        decoded(disguised)
    except InvalidCursor:
        assert not is_one
    else:
        assert is_one


def test_no_cursor_begins_at_the_beginning() -> None:
    assert cursors.decode(None, partition="pk", value="CATALOG", names={"sk"}) is None
    assert cursors.encode(None, partition="pk") is None
