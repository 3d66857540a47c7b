"""What a means of payment does with money, apart from what it looks like."""

from dataclasses import dataclass
from typing import Literal

SettlesRefund = Literal["at once", "later", "fails later"]


@dataclass(frozen=True, kw_only=True)
class Decline:
    """Why a bank said no, as Stripe tells it."""

    code: str = "card_declined"
    decline_code: str | None = None
    message: str = "Your card was declined."


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    decline: Decline | None = None
    challenge: bool = False  # asks its holder before paying: 3-D Secure
    later: bool = False  # the bank takes days; the control API says how it ended
    dispute: str | None = None  # the reason its holder will give
    refund: SettlesRefund = "at once"
