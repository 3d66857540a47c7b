"""What came in, and whether the official `standardwebhooks` library vouches for it."""

import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

KEPT = 200


class Received(Struct, frozen=True, kw_only=True):
    """One request to the hook. `problem` is empty if it was verified; only then is `payload` trusted.

    `repeat` says that the same webhook was verified before: delivery is at least once, so a receiver
    keeps the ids that it has seen and does nothing the second time.
    """

    at: datetime
    webhook_id: str
    problem: str
    repeat: bool
    payload: dict[str, Any]

    @property
    def verified(self) -> bool:
        return not self.problem


class Unverified(Exception):
    """The request is not, or not provably, from the shop; the text says why."""


class Inbox:
    """The last requests, newest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secret = ""
        self._received: deque[Received] = deque(maxlen=KEPT)

    @property
    def has_secret(self) -> bool:
        return bool(self._secret)

    def use_secret(self, secret: str) -> None:
        """Verify with this `whsec_…` from now on. Raises `Unverified` if it can't be one."""
        verifier(secret)
        self._secret = secret

    def take(self, body: bytes, headers: Mapping[str, str]) -> Received:
        """Keep what was sent, verified or not."""
        payload: dict[str, Any] = {}
        problem = ""
        try:
            payload = verify(body, headers, secret=self._secret)
        except Unverified as why:
            problem = str(why)
        webhook_id = headers.get("webhook-id", "")
        with self._lock:
            received = Received(
                at=datetime.now(UTC),
                webhook_id=webhook_id,
                problem=problem,
                repeat=not problem and any(self._is_verified(old, webhook_id) for old in self._received),
                payload=payload,
            )
            self._received.appendleft(received)
        return received

    def newest(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    @staticmethod
    def _is_verified(received: Received, webhook_id: str) -> bool:
        return received.verified and received.webhook_id == webhook_id


def verify(body: bytes, headers: Mapping[str, str], *, secret: str) -> dict[str, Any]:
    """The payload of a webhook that was signed with `secret`. Raises `Unverified`."""
    if not secret:
        raise Unverified("It came before the receiver had a secret to verify it with")
    try:
        payload = verifier(secret).verify(body, dict(headers))
    except WebhookVerificationError as error:
        raise Unverified(str(error)) from None
    except (ValueError, OverflowError):  # what the library lets through when headers are nonsense
        raise Unverified("The headers or the body can't be read") from None
    if not isinstance(payload, dict):
        raise Unverified("The payload is not a JSON object")
    return payload


def verifier(secret: str) -> Webhook:
    """The library's verifier. Raises `Unverified` for what is no secret."""
    useless = Unverified("That is not a signing secret: it should be whsec_ and base64")
    if not secret.startswith("whsec_"):
        raise useless
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError):
        raise useless from None
