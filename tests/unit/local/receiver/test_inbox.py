"""Webhooks as the shop signs them, judged by the official library."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.signing import new_secret, signed_headers
from local.receiver.inbox import KEPT, Inbox, Unverified, verify

SECRET, OTHER = new_secret(lambda size: b"a" * size), new_secret(lambda size: b"b" * size)
BODY = b'{"type": "order.paid", "data": {"order": {"id": "ord_1"}}}'


def signed(
    body: bytes = BODY, *, secret: str = SECRET, webhook_id: str = "evt_1", age: timedelta = timedelta()
) -> dict[str, str]:
    return signed_headers(message_id=webhook_id, payload=body, secrets=[secret], now=datetime.now(UTC) - age)


@pytest.fixture
def inbox() -> Inbox:
    inbox = Inbox()
    inbox.use_secret(SECRET)
    return inbox


def test_what_the_shop_signed_is_verified(inbox: Inbox) -> None:
    received = inbox.take(BODY, signed())
    assert (received.verified, received.webhook_id, received.repeat) == (True, "evt_1", False)
    assert received.payload["data"]["order"]["id"] == "ord_1"


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (dict, "Missing required headers"),
        (lambda: signed(secret=OTHER), "No matching signature found"),
        (lambda: signed(b"something else"), "No matching signature found"),
        (lambda: signed(age=timedelta(hours=1)), "Message timestamp too old"),
        (lambda: signed(age=timedelta(hours=-1)), "Message timestamp too new"),
        (
            lambda: signed() | {"webhook-signature": "nonsense"},
            "The headers or the body can't be read",
        ),
        (lambda: signed() | {"webhook-timestamp": "soon"}, "Invalid Signature Headers"),
    ],
)
def test_anything_else_is_refused_with_the_reason(
    inbox: Inbox, headers: Callable[[], dict[str, str]], problem: str
) -> None:
    received = inbox.take(BODY, headers())  # signed now: the whole run takes longer than a signature lives
    assert (received.verified, received.problem, received.payload) == (False, problem, {})


@pytest.mark.parametrize("body", [b"[]", b"null", b"not JSON", b"\xff"])
def test_signed_nonsense_is_refused(body: bytes) -> None:
    headers = signed(body) if body != b"\xff" else signed()
    with pytest.raises(Unverified):
        verify(body, headers, secret=SECRET)


def test_before_there_is_a_secret_nothing_is_verified() -> None:
    received = Inbox().take(BODY, signed())
    assert received.problem == "It came before the receiver had a secret to verify it with"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "sesame"])
def test_what_is_no_secret_is_not_taken_for_one(secret: str) -> None:
    inbox = Inbox()
    with pytest.raises(Unverified):
        inbox.use_secret(secret)
    assert not inbox.has_secret


def test_a_webhook_that_comes_again_is_seen_as_a_repeat(inbox: Inbox) -> None:
    inbox.take(BODY, signed(secret=OTHER))
    first, second = (inbox.take(BODY, signed()) for _ in range(2))
    assert (first.repeat, second.repeat) == (False, True)


def test_the_newest_come_first_and_the_oldest_go(inbox: Inbox) -> None:
    for number in range(KEPT + 1):
        inbox.take(BODY, signed(webhook_id=f"evt_{number}"))
    ids = [received.webhook_id for received in inbox.newest()]
    assert (len(ids), ids[0], ids[-1]) == (KEPT, f"evt_{KEPT}", "evt_1")
