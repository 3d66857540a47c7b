"""Identifiers: random where a thing is new, derived where doing a thing twice must be doing it once."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Callable

Entropy = Callable[[int], bytes]
"""Give `n` random bytes fit for secrets (`secrets.token_bytes`; a fixed sequence in tests)."""

_BYTES = 16  # 128 bits: unguessable, and 26 characters of base32


def new_id(prefix: str, entropy: Entropy) -> str:
    """`prefix_` and 26 characters of a-z2-7, 128 random bits."""
    return f"{prefix}_{_text(entropy(_BYTES))}"


def derived_id(prefix: str, *parts: object) -> str:
    """The same parts give the same id; 128 bits of SHA-256 over them."""
    # A part may hold any character, so its length goes with it: ("a", "bc") is not ("ab", "c").
    joined = "".join(f"{len(str(part))}:{part}" for part in parts)
    return f"{prefix}_{_text(hashlib.sha256(f'{prefix}/{joined}'.encode()).digest()[:_BYTES])}"


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` has the form of an id of this kind, so that nothing else reaches a key."""
    body = text.removeprefix(f"{prefix}_")
    return body != text and len(body) == 26 and not set(body) - set("abcdefghijklmnopqrstuvwxyz234567")  # noqa: PLR2004 (128 bits in base32)


def _text(value: bytes) -> str:
    return b32encode(value).decode().rstrip("=").lower()
