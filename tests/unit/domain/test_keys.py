from __future__ import annotations

import pytest
from msgspec.structs import replace

from chalicelib.domain.keys import new_key, parse_key
from tests.fakes import NOW, FakeEntropy

RECORD, KEY = new_key("laptop", entropy=FakeEntropy(), now=NOW)
PARSED = parse_key(KEY)
assert PARSED is not None
KEY_ID, SECRET = PARSED


def test_a_key_leads_to_its_record_and_opens_it() -> None:
    assert (KEY_ID, RECORD.name, RECORD.created_at, RECORD.revoked_at) == (RECORD.id, "laptop", NOW, None)
    assert RECORD.opens_with(SECRET)
    assert KEY.startswith("till_")


def test_the_record_keeps_no_part_of_the_secret() -> None:
    assert SECRET not in repr(RECORD)
    assert len(SECRET) == 26


@pytest.mark.parametrize("secret", ["", SECRET[:-1], f"{SECRET}x", SECRET.upper(), RECORD.digest, "é"])
def test_another_secret_does_not_open_it(secret: str) -> None:
    assert not RECORD.opens_with(secret)


def test_a_revoked_key_opens_nothing() -> None:
    assert not replace(RECORD, revoked_at=NOW).opens_with(SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "till",
        "till_",
        "till__",
        KEY.removeprefix("till_"),
        f"{KEY}_",
        f"x{KEY}",
        KEY.upper(),
        f"till_x_{SECRET}",
    ],
)
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert parse_key(text) is None
