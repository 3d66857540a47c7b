"""Mail to the owner, by SES."""

from __future__ import annotations

import logging
from email.utils import formataddr
from typing import Any

log = logging.getLogger(__name__)


class SesMailer:
    """Keeps chalicelib.ports.Mailer. `client` is botocore's SESv2 client, `stage` names the shop.

    The owner's address is sender and recipient: one address to verify, and SES's sandbox, which an account
    leaves on request only, delivers to verified addresses.
    """

    def __init__(self, client: Any, *, address: str, stage: str) -> None:  # noqa: ANN401 (botocore makes its clients at run time)
        self._client = client
        self._address = address
        self._sender = formataddr((f"Tillhook {stage}", address))

    def send(self, subject: str, text: str) -> None:
        refusals = self._client.exceptions
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [self._address]},
                Content={"Simple": {"Subject": _utf8(subject), "Body": {"Text": _utf8(text)}}},
            )
        except (refusals.MessageRejected, refusals.MailFromDomainNotVerifiedException) as refusal:
            # There is nothing to trace, and whoever calls logs the refusal itself.
            log.error("SES does not send the owner's alert: %s", _what_to_do(refusal))  # noqa: TRY400
            raise


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _what_to_do(refusal: Exception) -> str:
    if "verified" not in str(refusal):
        return str(refusal)
    return (
        "the alert address is not verified. Click the link that AWS has mailed to it;"
        " `make deploy STAGE=…` has a new one sent"
    )
