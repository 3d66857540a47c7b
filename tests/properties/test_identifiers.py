from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.identifiers import derived_id, is_id, new_id
from tests.strategies import texts

PARTS = st.lists(st.one_of(texts, st.text("0123456789:/", max_size=6)), max_size=5)


@given(PARTS, PARTS)
def test_different_parts_never_share_an_id(one: list[str], other: list[str]) -> None:
    assume(one != other)
    assert derived_id("ord", *one) != derived_id("ord", *other)


@given(PARTS)
def test_a_derived_id_has_the_form_of_one_and_is_always_the_same(parts: list[str]) -> None:
    made = derived_id("ord", *parts)
    assert is_id("ord", made)
    assert made == derived_id("ord", *parts)


@given(PARTS)
def test_another_kind_of_id_of_the_same_parts_is_another(parts: list[str]) -> None:
    assert derived_id("ord", *parts).partition("_")[2] != derived_id("evt", *parts).partition("_")[2]


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_new_id_keeps_every_random_bit(one: bytes, other: bytes) -> None:
    assert (new_id("cart", lambda _: one) == new_id("cart", lambda _: other)) == (one == other)


@given(st.text(max_size=40))
def test_no_text_is_an_id_of_two_kinds(text: str) -> None:
    assert not (is_id("ord", text) and is_id("cart", text))
