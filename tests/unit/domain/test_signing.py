"""Judged by the official library, which receivers use. It reads the machine's own clock, so here so do we."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.signing import (
    EndpointSecrets,
    SigningSecret,
    check_secret,
    new_secret,
    signed_headers,
)
from tests.fakes import NOW, FakeEntropy

ENTROPY = FakeEntropy()
SECRET, OTHER = new_secret(ENTROPY), new_secret(ENTROPY)
BODY = '{"type":"order.paid","data":{"name":"Zoë 茶"}}'.encode()


def signed(*secrets: str, at: datetime | None = None, body: bytes = BODY) -> dict[str, str]:
    return signed_headers(
        message_id="evt_1", payload=body, secrets=secrets or (SECRET,), now=at or datetime.now(UTC)
    )


def test_the_official_library_takes_what_we_sign() -> None:
    assert Webhook(SECRET).verify(BODY, signed()) == {"type": "order.paid", "data": {"name": "Zoë 茶"}}


def test_our_signature_is_the_official_librarys_own() -> None:
    at = datetime.fromtimestamp(1_800_000_000, UTC)
    expected = Webhook(SECRET).sign("evt_1", at, BODY.decode())
    assert signed(at=at) == {
        "webhook-id": "evt_1",
        "webhook-timestamp": "1800000000",
        "webhook-signature": expected,
    }


def test_altered_bytes_are_refused() -> None:
    for altered in (BODY + b" ", BODY[:-1] + b"]", b"", BODY.replace(b"paid", b"Paid")):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(altered, signed())


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_an_altered_or_missing_header_is_refused(name: str) -> None:
    headers = signed()
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, {key: value for key, value in headers.items() if key != name})
    altered = str(int(headers[name]) + 1) if name == "webhook-timestamp" else f"{headers[name][:-4]}AAA="
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers | {name: altered})


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_an_old_or_future_message_is_refused(age: timedelta) -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, signed(at=datetime.now(UTC) - age))


def test_another_secret_is_refused() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, signed(SECRET))


def test_while_secrets_rotate_both_open_the_message() -> None:
    headers = signed(SECRET, OTHER)
    assert Webhook(SECRET).verify(BODY, headers)
    assert Webhook(OTHER).verify(BODY, headers)


def test_a_new_secret_has_the_form_that_receivers_paste() -> None:
    assert SECRET.startswith("whsec_")
    assert 24 <= len(base64.b64decode(SECRET.removeprefix("whsec_"))) <= 64
    assert SECRET != OTHER


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_abc", "whsec_é"])
def test_a_broken_secret_is_an_error_that_does_not_quote_it(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base64|ASCII") as error:
        signed(secret)
    assert secret.removeprefix("whsec_") not in str(error.value)
    assert error.value.__cause__ is None


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_an_owners_own_secret_may_have_24_to_64_bytes(size: int) -> None:
    assert check_secret(secret_of(size)) == secret_of(size)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "hunter2", secret_of(23), secret_of(65), secret_of(32)[6:], "whsec_*", "whsec_é"]
)
def test_what_is_no_secret_of_the_specification_is_refused_without_quoting_it(secret: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_secret(secret)
    assert not secret.removeprefix("whsec_") or secret not in str(refusal.value)


def test_rotating_keeps_what_still_counts_and_drops_what_does_not() -> None:
    day = timedelta(days=1)
    first = EndpointSecrets([SigningSecret(secret="a")])
    second = first.rotated("b", overlap=day, now=NOW)
    third = second.rotated("c", overlap=2 * day, now=NOW + day / 2)
    assert third.at(NOW + day / 2) == ["c", "b", "a"]
    assert third.at(NOW + day) == ["c", "b"]
    assert third.rotated("d", overlap=day, now=NOW + 9 * day).at(NOW + 9 * day) == ["d", "c"]


def test_rotating_at_once_leaves_the_new_secret_alone() -> None:
    assert EndpointSecrets([SigningSecret(secret="a")]).rotated("b", overlap=timedelta(), now=NOW).at(
        NOW
    ) == ["b"]


def test_rotating_without_end_never_holds_more_than_a_few() -> None:
    held = EndpointSecrets([SigningSecret(secret="0")])
    for number in range(1, 50):
        held = held.rotated(str(number), overlap=timedelta(days=7), now=NOW)
    assert held.at(NOW) == ["49", "48", "47", "46", "45"]
