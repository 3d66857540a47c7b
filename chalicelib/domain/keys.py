"""Admin keys: what an owner's tools carry. Only a hash of each is kept."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from msgspec import Struct

from .identifiers import Entropy, is_id, new_id

_PREFIX = "till"


class AdminKey(Struct, frozen=True, kw_only=True):
    """`digest` is SHA-256 of the key's secret part, which has 128 random bits: no slow hash is needed."""

    id: str
    name: str
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None

    def opens_with(self, secret: str) -> bool:
        return self.revoked_at is None and hmac.compare_digest(self.digest, _digest(secret))


def new_key(name: str, *, entropy: Entropy, now: datetime) -> tuple[AdminKey, str]:
    """The record to keep, and the key itself, which is shown once."""
    key_id, secret = new_id("key", entropy), new_id("s", entropy).removeprefix("s_")
    record = AdminKey(id=key_id, name=name, digest=_digest(secret), created_at=now)
    return record, f"{_PREFIX}_{key_id.removeprefix('key_')}_{secret}"


def parse_key(text: str) -> tuple[str, str] | None:
    """The key's id and its secret part; None if it has not the form of a key."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != _PREFIX or not is_id("key", f"key_{parts[1]}"):  # noqa: PLR2004 (till, id, secret)
        return None
    return f"key_{parts[1]}", parts[2]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
