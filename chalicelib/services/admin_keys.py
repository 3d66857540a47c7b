"""The keys that open the owner's API."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from chalicelib.domain import keys as rules
from chalicelib.domain.errors import KeyNotFound, Unauthorized
from chalicelib.domain.identifiers import Entropy, is_id
from chalicelib.domain.keys import AdminKey
from chalicelib.ports import KeyStore


def create_key(name: str, *, store: KeyStore, entropy: Entropy, now: datetime) -> tuple[AdminKey, str]:
    """The record of a new key, and the key itself, which is shown this once."""
    record, key = rules.new_key(name, entropy=entropy, now=now)
    store.put_key(record)
    return record, key


def revoke_key(key_id: str, *, store: KeyStore, now: datetime) -> AdminKey:
    """Close it for good. Revoking it again keeps the first time."""
    key = store.get_key(key_id) if is_id("key", key_id) else None
    if key is None:
        raise KeyNotFound
    if key.revoked_at is None:
        key = replace(key, revoked_at=now)
        store.put_key(key)
    return key


def authenticate(authorization: str, *, store: KeyStore) -> AdminKey:
    """The key that an `Authorization` header carries; Unauthorized for anything but a live one."""
    scheme, _, text = authorization.partition(" ")
    parsed = rules.parse_key(text.strip()) if scheme.lower() == "bearer" else None
    if parsed is None:
        raise Unauthorized("Send an admin key: `Authorization: Bearer till_…`. `make admin-key` creates one.")
    key_id, secret = parsed
    key = store.get_key(key_id)
    if key is None or not key.opens_with(secret):
        raise Unauthorized("That admin key is unknown or revoked.")
    return key
