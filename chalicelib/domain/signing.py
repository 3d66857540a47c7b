"""Standard Webhooks signatures (https://www.standardwebhooks.com, specification 1.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from .errors import InvalidRequest
from .identifiers import Entropy

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_ALLOWED_BYTES = range(24, 65)  # as the specification wants
_MOST_AT_ONCE = 5


class SigningSecret(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`until` is when a secret that was replaced stops counting; None: it is the current one."""

    secret: str
    until: datetime | None = None


class EndpointSecrets(Struct, frozen=True, omit_defaults=True):
    """What is secret of an endpoint: what signs, the current one first, and the values of its own headers."""

    secrets: list[SigningSecret]
    headers: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"EndpointSecrets({len(self.secrets)} secrets, {len(self.headers)} headers)"

    def at(self, now: datetime) -> list[str]:
        """Those that count now. A message is signed with each, so that no receiver is left behind."""
        return [held.secret for held in self.secrets if held.until is None or held.until > now]

    def rotated(self, secret: str, *, overlap: timedelta, now: datetime) -> EndpointSecrets:
        """With a new current secret; the ones before count on, the last current one for `overlap`."""
        kept = [
            SigningSecret(secret=held.secret, until=held.until or now + overlap)
            for held in self.secrets
            if held.secret != secret and (held.until is None or held.until > now)
        ]
        return replace(self, secrets=[SigningSecret(secret=secret), *kept][:_MOST_AT_ONCE])

    def with_headers(self, headers: Mapping[str, str]) -> EndpointSecrets:
        """With these headers in place of those before."""
        return replace(self, headers=dict(headers))


def new_secret(entropy: Entropy) -> str:
    """A signing secret as receivers paste it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(entropy(_SECRET_BYTES)).decode()


def check_secret(secret: str) -> str:
    """An owner's own secret, if it is one: `whsec_` and the base64 of 24 to 64 bytes."""
    try:
        is_fit = secret.startswith(_PREFIX) and len(_key(secret)) in _ALLOWED_BYTES
    except ValueError:
        is_fit = False
    if not is_fit:
        raise InvalidRequest("A signing secret is whsec_ and the base64 of 24 to 64 bytes.")
    return secret


def signed_headers(
    *, message_id: str, payload: bytes, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """The three headers of a message; one signature per secret, so that secrets can rotate.

    `message_id` stays the same in every retry, the timestamp is that of the attempt.
    """
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + payload
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        # The secret itself must not reach a log through the error's text.
        raise ValueError("a signing secret is not base64 behind its whsec_ prefix") from None
