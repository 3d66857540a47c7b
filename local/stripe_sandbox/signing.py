"""Stripe's webhook signatures (https://docs.stripe.com/webhooks#verify-manually)."""

import hashlib
import hmac


def signature_header(payload: bytes, *, secret: str, timestamp: int) -> str:
    """``t=…,v1=…``: HMAC-SHA256 over ``t.payload``, keyed with the whole secret, ``whsec_`` and all."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
