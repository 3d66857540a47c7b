from __future__ import annotations

import pytest

from chalicelib.domain.identifiers import derived_id, is_id, new_id
from tests.fakes import FakeEntropy


def test_a_new_id_has_its_prefix_and_128_bits() -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    assert new_id("cart", entropy) == "cart_77777777777777777777777774"
    assert asked == [16]


def test_new_ids_differ_and_have_the_form_of_one() -> None:
    entropy = FakeEntropy()
    made = [new_id("cart", entropy) for _ in range(100)]
    assert len(set(made)) == 100
    assert all(is_id("cart", text) for text in made)


def test_a_derived_id_is_the_same_for_the_same_parts_for_ever() -> None:
    """Stored orders depend on it: if this fails, the change must not land."""
    assert (
        derived_id("ord", "cart_1", 3) == derived_id("ord", "cart_1", 3) == "ord_psbayvncvihdpwpfvnlaxx3jtm"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ord", "a", "bc"), ("ord", "ab", "c")),
        (("ord", "a"), ("ord", "a", "")),
        (("ord", "1:a"), ("ord", "1", "a")),
        (("ord", "a", 1), ("ord", "a", 11)),
        (("ord", "a"), ("evt", "a")),
        (("ord",), ("ord", "")),
    ],
)
def test_other_parts_give_another_id(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert derived_id(*one).partition("_")[2] != derived_id(*other).partition("_")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cart",
        "cart_",
        f"cart_{'a' * 25}",
        f"cart_{'a' * 27}",
        f"cart_{'A' * 26}",
        f"cart_{'a' * 25}1",
        f"cart_{'a' * 25}8",
        f"cart_{'a' * 25}é",
        f"cart_{'a' * 25}\n",
        f"cart_{'a' * 26}\n",
        f" cart_{'a' * 26}",
        f"ord_{'a' * 26}",
        f"cart_cart_{'a' * 26}",
        "a" * 26,
        f"cart#{'a' * 26}",
    ],
)
def test_what_has_not_the_form_of_an_id_is_none(text: str) -> None:
    assert not is_id("cart", text)
