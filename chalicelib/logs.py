"""One JSON object a line, with the ids that lead through the story, and without people in it.

Only fields that are named here get out, so that a new `extra` can't leak by accident; texts that must
quote what came in (messages, tracebacks) lose whatever looks like an address or a secret.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

import msgspec

FIELDS = (
    "request_id", "route", "order_id", "event_id", "delivery_id", "endpoint_id", "message_id", "attempt",
    "status", "http_status", "duration_ms", "endpoints", "stripe_code", "stripe_request", "error", "key_id",
    "job_id", "sent",
)  # fmt: skip

# Possessive, and begun only where a word begins: a text of any length is read once.
_REDACTED = (
    (re.compile(r"(?<![^\s@\"<>,;])[^\s@\"<>,;]++@(?=[^\s@\"'<>,;]*\.)[^\s@\"'<>,;]+"), "[e-mail]"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]+"), "whsec_[redacted]"),
    (re.compile(r"\b([sr]k_(?:live|test)_|till_|tok_|cart_)\w+"), r"\1[redacted]"),
    (re.compile(r"\b(pi_[A-Za-z0-9]+_secret_)\w+"), r"\1[redacted]"),
)


def redact(text: str) -> str:
    for pattern, replacement in _REDACTED:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure() -> None:
    """Make every handler write so; Lambda has put its own in place before our code runs."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in root.handlers:
        if not isinstance(handler.formatter, JsonFormatter):
            handler.setFormatter(JsonFormatter())
    logging.getLogger("chalicelib").setLevel(logging.INFO)
