"""What an owner is told by mail: in plain text, with all that is needed to do the work by hand.

What shoppers and receivers wrote is quoted on one line each, without characters that are not printed, so
that none of it passes for a line, or a header, of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from .event_types import DeadDelivery, DeliveryDead, DisabledEndpoint, EndpointDisabled
from .events import Event
from .money import display
from .orders import Address, Contact, LineItem, OrderPicture

MAX_SUBJECT = 150
"""Characters."""

MAX_TEXT_BYTES = 200_000
"""Far below SES's 40 MB, and more than anybody reads; a usual order is a hundredth of it."""

_MAX_QUOTED = 2048  # characters: an endpoint's longest URL


class Mail(Struct, frozen=True, kw_only=True):
    """`subject` is one line of printable characters, `text` plain text of at most MAX_TEXT_BYTES."""

    subject: str
    text: str


def alert_mail(event: Event) -> Mail:
    """What a `delivery.dead` or `endpoint.disabled` tells the owner; ValidationError for any other event."""
    told = msgspec.json.decode(event.payload, type=EndpointDisabled | DeliveryDead)
    if isinstance(told, EndpointDisabled):
        return _endpoint_disabled(told.data.endpoint)
    return _not_delivered(told.data.delivery, told.data.event, notice_id=told.id)


def _not_delivered(dead: DeadDelivery, content: dict[str, Any], *, notice_id: str) -> Mail:
    about = f" of order {dead.order_id}" if dead.order_id else ""
    text = [
        "Tillhook could not deliver an event of your shop, and has given up.",
        "What the receiver should have done with it has not been done.",
        "",
        *_table(
            ("Event", f"{dead.event_type} ({dead.event_id})"),
            ("Happened", str(content.get("timestamp", ""))),
            ("Order", dead.order_id),
            ("Endpoint", f"{_without_query(dead.endpoint_url)} ({dead.endpoint_id})"),
            ("Tried", _times(dead.attempts)),
            ("At last", dead.last_outcome),
        ),
        *_heading("What to do"),
        "Do by hand what the receiver should have done, with what follows.",
        "Or mend the receiver, then have the event sent there again:",
        "",
        # The notice's own id is the key: the command sends once, however often it is run.
        *_command(f"/deliveries/{dead.id}/resend", f"Idempotency-Key: {notice_id}"),
        *_order_told(content),
        *_heading("The whole event"),
        _readable(content),
    ]
    rest = f"GET /admin/orders/{dead.order_id} shows the whole order." if dead.order_id else ""
    subject = f"Not delivered: {dead.event_type}{about} to {_host(dead.endpoint_url)}"
    return Mail(subject=_one_line(subject, MAX_SUBJECT), text=_bounded("\n".join(text) + "\n", rest=rest))


def _endpoint_disabled(endpoint: DisabledEndpoint) -> Mail:
    text = [
        "Tillhook has disabled an endpoint of your shop: nothing is sent there any more.",
        "",
        *_table(
            ("Endpoint", f"{_without_query(endpoint.url)} ({endpoint.id})"),
            ("What for", endpoint.description),
            ("Why", endpoint.reason),
        ),
        *_heading("What to do"),
        "Nothing that happens from now on is lost: it is held for this endpoint.",
        "Mend the receiver, then enable the endpoint and release what is held:",
        "",
        *_command(f"/endpoints/{endpoint.id}/resume"),
        "",
        "What was given up before is not among it: each such event was mailed by itself.",
    ]
    return Mail(
        subject=_one_line(f"Endpoint disabled: {_host(endpoint.url)}", MAX_SUBJECT),
        text=_bounded("\n".join(text) + "\n", rest=""),
    )


def _order_told(content: dict[str, Any]) -> list[str]:
    """The order of an event in a few lines; none if the event has no order, or one of another form."""
    try:
        order = msgspec.convert(content["data"]["order"], OrderPicture)
    except (LookupError, TypeError, msgspec.ValidationError):
        return []
    return [
        *_heading("The order"),
        *_table(
            ("Number", order.id),
            ("Buyer", _buyer(order.contact)),
            ("Ship to", _place(order.contact.shipping_address)),
            ("Placed", f"{order.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
            ("Status", order.status),
            *(("Item", _item(line, order.currency)) for line in order.lines),
            *_between(order),
            ("Total", display(order.amount, order.currency)),
            ("Payment", f"{order.payment.provider} {order.payment.reference}"),
            ("Mode", "" if order.livemode else "test: no real money has moved"),
        ),
    ]


def _item(line: LineItem, currency: str) -> str:
    return f"{line.quantity} x {line.name} ({line.sku}), {display(line.amount, currency)}"


def _between(order: OrderPicture) -> list[tuple[str, str]]:
    """What stands between the items and the total."""
    code = order.coupon.code if order.coupon else ""
    tax = f"{display(order.tax, order.currency)}{' (in the prices)' if order.tax_inclusive else ''}"
    return [
        ("Discount", f"{display(-order.discount, order.currency)} ({code})" if order.discount else ""),
        ("Shipping", display(order.shipping, order.currency) if order.shipping else ""),
        ("Tax", tax if order.tax else ""),
        ("Rounding", display(order.rounding, order.currency) if order.rounding else ""),
    ]


def _buyer(contact: Contact) -> str:
    return f"{contact.name} <{contact.email}>" if contact.name else contact.email


def _place(address: Address | None) -> str:
    if address is None:
        return ""
    parts = (
        address.line1,
        address.line2,
        f"{address.postal_code} {address.city}".strip(),
        address.state,
        address.country,
    )
    return ", ".join(part for part in parts if part)


def _times(attempts: int) -> str:
    return "once" if attempts == 1 else f"{attempts} times"


def _heading(words: str) -> list[str]:
    return ["", words.upper(), ""]


def _table(*rows: tuple[str, str]) -> Iterable[str]:
    """A line for each row that says something."""
    quoted = ((label, _one_line(said, _MAX_QUOTED)) for label, said in rows)
    return [f"{label:<10}{said}" for label, said in quoted if said]


def _command(path: str, *headers: str) -> list[str]:
    """What to type for a POST to the admin API."""
    more = [f'    -H "{header}"' for header in headers]
    lines = [f"  curl -X POST $API/admin{path}", '    -H "Authorization: Bearer $KEY"', *more]
    return [" \\\n".join(lines), "", "$API is the shop's ApiUrl, $KEY an admin key."]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _without_query(url: str) -> str:
    """Queries often carry somebody's token, and mail is read by more eyes than the admin API."""
    address, mark, _ = url.partition("?")
    return f"{address}?…" if mark else address


def _one_line(text: str, most: int) -> str:
    """The text's printable characters, at most so many: no line break, nothing that turns its direction."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _readable(content: object) -> str:
    """Indented JSON of the same meaning, in which whatever is not printed is written as its number."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1]


def _bounded(text: str, *, rest: str) -> str:
    """The text, cut where it is too long; `rest` says where to read on."""
    whole = text.encode()
    if len(whole) <= MAX_TEXT_BYTES:
        return text
    note = f"\n\n… Cut here: it has {len(whole) // 1000} KB, too much for a mail. {rest}".rstrip() + "\n"
    return whole[: MAX_TEXT_BYTES - len(note.encode())].decode(errors="ignore") + note
