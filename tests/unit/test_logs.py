from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from time import process_time

import pytest

from chalicelib import logs


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, bare, and given back as it was."""
    logger = logging.getLogger()
    ours = logging.getLogger("chalicelib")
    handlers, levels = logger.handlers[:], (logger.level, ours.level)
    logger.handlers.clear()
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(levels[0])
    ours.setLevel(levels[1])


def line(message: str, *args: object, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("chalicelib.x", logging.INFO, "x.py", 1, message, args, None)
    record.__dict__.update(extra)
    written: dict[str, object] = json.loads(logs.JsonFormatter().format(record))
    return written


def test_a_line_is_one_json_object_with_the_ids_of_the_story() -> None:
    ids = {"order_id": "ord_1", "event_id": "evt_1", "attempt": 2, "status": "paid"}
    written = line("order %s", "paid", **ids)
    assert written.items() >= ids.items()
    assert (written["level"], written["logger"], written["message"]) == ("INFO", "chalicelib.x", "order paid")
    assert datetime.fromisoformat(str(written["time"])).tzinfo == UTC


def test_a_field_that_nobody_named_does_not_get_out() -> None:
    assert "ada" not in json.dumps(
        line("paid", email="ada@example.com", client_secret="x", contact={"name": "ada"})
    )


def test_a_field_of_an_odd_kind_does_not_break_the_line() -> None:
    assert line("sent", error=ValueError("x"))["error"] == "x"
    assert line("sent", status={1, 2})["status"] in ("{1, 2}", [1, 2])


def test_a_message_of_many_lines_is_still_one_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "a\nb\u2028c", (), None)
    assert len(logs.JsonFormatter().format(record).split("\n")) == 1


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mail to ada@example.com failed", "mail to [e-mail] failed"),
        ("<ada.l+x@mail.example.co.uk>", "<[e-mail]>"),
        ('{"email":"ada@example.com"}', '{"email":"[e-mail]"}'),
        ("o'brien@example.com", "[e-mail]"),
        ("whsec_c2VjcmV0+/=", "whsec_[redacted]"),
        ("Bearer till_aaaa_bbbb", "Bearer till_[redacted]"),
        ("GET /carts/cart_abc234 failed", "GET /carts/cart_[redacted] failed"),
        ("?token=tok_abc234&x=1", "?token=tok_[redacted]&x=1"),
        ("pi_3Abc_secret_Xyz9", "pi_3Abc_secret_[redacted]"),
        ("sk_live_123 sk_test_123 rk_live_1", "sk_live_[redacted] sk_test_[redacted] rk_live_[redacted]"),
        ("ord_abc evt_abc ep_abc pi_3Abc", "ord_abc evt_abc ep_abc pi_3Abc"),
        ("3 @ 4.50, see foo@bar", "3 @ 4.50, see foo@bar"),
    ],
)
def test_people_and_secrets_are_redacted(text: str, redacted: str) -> None:
    assert logs.redact(text) == redacted


def test_a_traceback_is_redacted_too() -> None:
    try:
        raise ValueError("no such person: ada@example.com in cart_abc234")  # noqa: TRY301 (it is what is tested)
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), (type(error), error, None))
    written = json.loads(logs.JsonFormatter().format(record))
    assert "[e-mail] in cart_[redacted]" in written["traceback"]
    assert "ada" not in json.dumps(written)


@pytest.mark.parametrize("letters", ["a", "a.", "a@", "a@b", "whsec", "pi_", "till_"])
def test_a_long_text_costs_no_more_than_its_length(letters: str) -> None:
    begun = process_time()
    logs.redact((letters * 20_000)[:20_000])
    assert process_time() - begun < 0.3


def test_configuring_makes_every_handler_write_json_once(root: logging.Logger) -> None:
    stream = StringIO()
    root.addHandler(logging.StreamHandler(stream))
    logs.configure()
    logs.configure()
    logging.getLogger("chalicelib.services").info("hello", extra={"order_id": "ord_1"})
    (written,) = stream.getvalue().splitlines()
    assert json.loads(written)["order_id"] == "ord_1"


def test_configuring_without_a_handler_makes_one(root: logging.Logger) -> None:
    root.handlers.clear()
    logs.configure()
    logs.configure()
    assert len(root.handlers) == 1


def test_other_libraries_stay_quiet(root: logging.Logger) -> None:
    stream = StringIO()
    root.addHandler(logging.StreamHandler(stream))
    logs.configure()
    logging.getLogger("botocore").info("chatter")
    assert stream.getvalue() == ""
