"""Have SES send from the owner's alert address: AWS asks whoever reads its mail for consent, once."""

from collections.abc import Callable

from botocore.client import BaseClient


def verify_alert_address(address: str, *, ses: BaseClient, say: Callable[[str], object] = print) -> None:
    """Have AWS mail `address` a link to click, unless that has been done; no alert can be sent before.

    Each time until then it is a new link, since one that is not clicked in time expires. `ses` is a client
    of SES (version 1, whose one call begins a verification as well as it repeats one) in the stack's region.
    """
    if _is_verified(address, ses=ses):
        return
    ses.verify_email_identity(EmailAddress=address)
    if _is_verified(address, ses=ses):  # an embedded AWS asks nobody
        return
    say(f"AWS has mailed {address} a link. Click it within 24 hours: no alert can be sent before.")


def _is_verified(address: str, *, ses: BaseClient) -> bool:
    answer = ses.get_identity_verification_attributes(Identities=[address])
    known = answer["VerificationAttributes"].get(address, {})
    return bool(known.get("VerificationStatus") == "Success")
