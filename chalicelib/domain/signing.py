"""Standard Webhooks signatures (https://www.standardwebhooks.com, specification 1.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from .identifiers import Entropy

_PREFIX = "whsec_"
_SECRET_BYTES = 32  # the specification wants 24 to 64


def new_secret(entropy: Entropy) -> str:
    """A signing secret as receivers paste it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(entropy(_SECRET_BYTES)).decode()


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
