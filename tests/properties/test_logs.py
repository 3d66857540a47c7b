from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.logs import redact
from tests.strategies import emails, secrets, texts

AROUND = st.sampled_from([" ", "\n", '"', "'", "<", ">", "(", "=", ": ", ", ", "/", "?", "&"])


@given(texts, AROUND, emails, AROUND, texts)
def test_no_address_gets_into_a_log(before: str, left: str, email: str, right: str, after: str) -> None:
    assert email not in redact(f"{before}{left}{email}{right}{after}")


@given(texts, AROUND, secrets, AROUND, texts)
def test_no_secret_gets_into_a_log(before: str, left: str, secret: str, right: str, after: str) -> None:
    assert secret not in redact(f"{before}{left}{secret}{right}{after}")


@given(st.text("abc xyz.-:0123456789", max_size=60))
def test_a_text_without_either_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=60))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
