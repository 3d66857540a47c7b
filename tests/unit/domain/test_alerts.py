from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain.alerts import MAX_SUBJECT, MAX_TEXT_BYTES, Mail, alert_mail
from chalicelib.domain.endpoints import Endpoint, disabled
from chalicelib.domain.event_types import example_of
from chalicelib.domain.events import Event, announce
from chalicelib.domain.obituaries import farewell, obituary
from chalicelib.domain.orders import Address, Contact
from chalicelib.domain.payments import apply
from tests.fakes import NOW
from tests.making import a_delivery, a_fact, a_product, an_endpoint, an_event, an_id, an_order

ENDPOINT = an_endpoint(url="https://hooks.example.com/till")
ADA = Contact(
    email="ada@example.com",
    name="Ada Lovelace",
    shipping_address=Address(
        line1="1 Analytical Row", line2="Attic", city="London", country="GB", postal_code="W1"
    ),
)
ORDER = an_order(
    a_product("mug", amount=1500, name="Mug"), a_product("tea", amount=700), quantity=2, contact=ADA
)


def paid() -> Event:
    change = apply(ORDER, a_fact(ORDER), ledger=(), now=NOW)
    assert change is not None
    assert change.event is not None
    return change.event


def death(event: Event, *statuses: int | None, endpoint: Endpoint = ENDPOINT) -> Event:
    """The notice that the event never came to the endpoint, which answered so."""
    notice = obituary(a_delivery(event, endpoint, *(statuses or (500,))), endpoint, event.payload, now=NOW)
    assert notice is not None
    return notice


def about(content: object) -> Event:
    """An event with this payload."""
    return replace(an_event(), payload=json.dumps(content))


def order_event(**changes: object) -> Event:
    """An `order.paid` whose order differs in these fields from what it should be."""
    payload: dict[str, Any] = msgspec.json.decode(paid().payload)
    payload["data"]["order"] |= changes
    return about(payload)


def told(mail: Mail, label: str) -> list[str]:
    """What the lines with this label say."""
    return [line[10:] for line in mail.text.splitlines() if line.startswith(f"{label:<10}")]


def whole_event(mail: Mail) -> object:
    _, heading, content = mail.text.partition("\nTHE WHOLE EVENT\n")
    assert heading
    return json.loads(content)


def test_a_dead_delivery_is_told_by_its_type_its_order_and_where_it_was_to_go() -> None:
    event = paid()
    mail = alert_mail(death(event, 500, 503))
    assert mail.subject == f"Not delivered: order.paid of order {ORDER.id} to hooks.example.com"
    assert told(mail, "Event") == [f"order.paid ({event.id})"]
    assert told(mail, "Order") == [ORDER.id]
    assert told(mail, "Endpoint") == [f"https://hooks.example.com/till ({ENDPOINT.id})"]


@pytest.mark.parametrize(
    ("statuses", "tried", "last"),
    [
        ((503,), "once", "It answered 503."),
        ((500, 500, 404), "3 times", "It answered 404."),
        ((500, None), "2 times", "Nobody answered."),
    ],
)
def test_a_dead_delivery_says_how_often_it_was_tried_and_how_that_ended(
    statuses: tuple[int | None, ...], tried: str, last: str
) -> None:
    mail = alert_mail(death(paid(), *statuses))
    assert (told(mail, "Tried"), told(mail, "At last")) == ([tried], [last])


def test_a_dead_delivery_says_how_to_send_it_again_which_repeating_does_once() -> None:
    event = paid()
    notice = death(event)
    delivery = a_delivery(event, ENDPOINT)
    assert f"curl -X POST $API/admin/deliveries/{delivery.id}/resend" in alert_mail(notice).text
    assert f'-H "Idempotency-Key: {notice.id}"' in alert_mail(notice).text


def test_an_order_is_told_so_that_its_work_can_be_done_by_hand() -> None:
    mail = alert_mail(death(paid()))
    assert told(mail, "Number") == [ORDER.id]
    assert told(mail, "Buyer") == ["Ada Lovelace <ada@example.com>"]
    assert told(mail, "Ship to") == ["1 Analytical Row, Attic, W1 London, GB"]
    assert told(mail, "Item") == ["2 x Mug (mug), 30.00 EUR", "2 x A mug (tea), 14.00 EUR"]
    assert told(mail, "Total") == ["44.00 EUR"]
    assert told(mail, "Payment") == [f"fake pay_{ORDER.id}"]


def test_what_is_no_real_money_is_called_so() -> None:
    assert told(alert_mail(death(order_event(livemode=False))), "Mode") == ["test: no real money has moved"]
    assert told(alert_mail(death(order_event(livemode=True))), "Mode") == []


def test_what_an_order_does_not_have_leaves_no_empty_line() -> None:
    mail = alert_mail(death(order_event(lines=[], contact={"email": "ada@example.com"})))
    assert told(mail, "Buyer") == ["ada@example.com"]
    assert told(mail, "Ship to") == told(mail, "Item") == []
    assert told(mail, "Total") == ["44.00 EUR"]


def test_the_whole_event_follows_as_it_should_have_arrived() -> None:
    event = paid()
    assert whole_event(alert_mail(death(event))) == msgspec.json.decode(event.payload)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": {"order": {"id": "ord_1"}}},
        {"type": "stock.low", "data": {"sku": "mug"}},
        msgspec.json.decode(order_event(amount="12").payload),
    ],
)
def test_content_of_another_form_comes_as_it_is(content: object) -> None:
    mail = alert_mail(death(about(content)))
    assert "THE ORDER" not in mail.text
    assert whole_event(mail) == content


def test_an_event_about_no_order_names_none() -> None:
    event = replace(about({"type": "stock.low", "data": {"sku": "mug"}}), type="stock.low", order_id="")
    mail = alert_mail(death(event))
    assert mail.subject == "Not delivered: stock.low to hooks.example.com"
    assert told(mail, "Order") == []


def test_names_make_no_lines_of_their_own() -> None:
    hostile = "Mug\r\nTotal     0.00 EUR\u2028Tried     once\x85WHAT TO DO\x0bcall +1 \u202e555"
    lines = [msgspec.to_builtins(replace(ORDER.lines[0], name=hostile, quantity=1, amount=1))]
    mail = alert_mail(death(order_event(lines=lines, contact={"email": "a@b.example", "name": hostile})))
    (item,) = told(mail, "Item")
    assert item == "1 x Mug Total 0.00 EUR Tried once WHAT TO DO call +1 555 (mug), 0.01 EUR"
    assert told(mail, "Total") == ["44.00 EUR"]
    assert told(mail, "Tried") == ["once"]


def test_what_stands_between_the_items_and_the_total_is_told() -> None:
    assert [told(alert_mail(death(paid())), label) for label in ("Discount", "Shipping", "Tax")] == [
        [],
        [],
        [],
    ]
    coupon = {"code": "WELCOME", "amount": 440}
    event = order_event(
        discount=440, coupon=coupon, shipping=490, tax=711, tax_inclusive=True, rounding=-2, amount=4448
    )
    mail = alert_mail(death(event))
    assert told(mail, "Discount") == ["-4.40 EUR (WELCOME)"]
    assert told(mail, "Shipping") == ["4.90 EUR"]
    assert told(mail, "Tax") == ["7.11 EUR (in the prices)"]
    assert told(mail, "Rounding") == ["-0.02 EUR"]
    assert told(mail, "Total") == ["44.48 EUR"]


def test_the_content_keeps_its_meaning_but_shows_nothing_that_is_not_printed() -> None:
    hostile = "\u202e\u2028\x85\x00\ufffe\U000e0041é✓𝄞"
    mail = alert_mail(death(about({"note": hostile})))
    assert whole_event(mail) == {"note": hostile}
    assert "é✓𝄞" in mail.text
    assert all(char.isprintable() for line in mail.text.split("\n") for char in line)


@pytest.mark.parametrize(
    "url",
    ["https://x.example/a\r\nBcc: all@shop.example", "https://" + "a" * 3000, "not a URL", "https://[", ""],
)
def test_a_subject_is_one_line_whatever_the_endpoints_url(url: str) -> None:
    for event in (death(paid(), endpoint=an_endpoint(url=url)), farewell(an_endpoint(url=url), now=NOW)):
        subject = alert_mail(event).subject
        assert subject.isprintable()
        assert len(subject) <= MAX_SUBJECT


def test_no_mail_shows_the_query_of_an_endpoints_url() -> None:
    endpoint = an_endpoint(url="https://hooks.example.com/till?token=s3cret")
    for event in (death(paid(), endpoint=endpoint), farewell(endpoint, now=NOW)):
        mail = alert_mail(event)
        assert told(mail, "Endpoint") == [f"https://hooks.example.com/till?… ({endpoint.id})"]
        assert "s3cret" not in mail.subject + mail.text


@pytest.mark.parametrize("letter", ["a", "é", "𝄞", "\u2028"])
def test_huge_content_is_cut_with_word_of_where_the_rest_is(letter: str) -> None:
    event = replace(about({"note": letter * 300_000}), order_id=ORDER.id)
    text = alert_mail(death(event)).text
    assert MAX_TEXT_BYTES - 4 <= len(text.encode()) <= MAX_TEXT_BYTES
    last = text.splitlines()[-1]
    assert last.startswith("… Cut here: ")
    assert last.endswith(f"GET /admin/orders/{ORDER.id} shows the whole order.")
    assert "/resend" in text


def test_huge_content_about_no_order_is_cut_as_well() -> None:
    text = alert_mail(death(replace(about({"note": "a" * 300_000}), order_id=""))).text
    assert text.endswith("too much for a mail.\n")
    assert len(text.encode()) <= MAX_TEXT_BYTES


def test_a_disabled_endpoint_is_told_with_why_and_what_to_do() -> None:
    off = disabled(ENDPOINT, "It has failed for 5 days.", now=NOW)
    mail = alert_mail(farewell(off, now=NOW))
    assert mail.subject == "Endpoint disabled: hooks.example.com"
    assert told(mail, "Endpoint") == [f"https://hooks.example.com/till ({ENDPOINT.id})"]
    assert told(mail, "What for") == ["a test's"]
    assert told(mail, "Why") == ["It has failed for 5 days."]
    assert f"curl -X POST $API/admin/endpoints/{ENDPOINT.id}/resume" in mail.text


@pytest.mark.parametrize("event_type", ["delivery.dead", "endpoint.disabled"])
def test_the_catalogues_example_can_be_told(event_type: str) -> None:
    data = example_of(event_type)["data"]
    event = announce(event_type, order_id=an_id("ord"), about="a", data=data, now=NOW)
    assert "crm.example.com" in alert_mail(event).subject


def test_no_other_event_is_mailed() -> None:
    with pytest.raises(msgspec.ValidationError):
        alert_mail(paid())
