"""Stripe's own SDK judges: what it signs we accept, what it accepts or refuses we do too."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.stripe.callbacks import KINDS, TOLERANCE_SECONDS, parse, verify
from chalicelib.domain.disputes import DisputeFact
from chalicelib.domain.errors import InvalidRequest, InvalidSignature
from chalicelib.domain.orders import DisputeStatus
from chalicelib.domain.payments import PaymentFact
from chalicelib.domain.refunds import RefundFact, RefundState
from tests.unit.adapters.stripe.notices import (
    NOW,
    OTHER_SECRET,
    SECRET,
    a_dispute,
    a_refund,
    encode,
    notice,
    notice_about,
    signed,
)

PAYLOAD = encode(notice())
TOLERANCE = timedelta(seconds=TOLERANCE_SECONDS)
SECOND = timedelta(seconds=1)


def accepts(payload: bytes, signature: str, *, secrets: list[str] | None = None, now: datetime = NOW) -> bool:
    try:
        verify(payload, signature, secrets=secrets or [SECRET], now=now)
    except InvalidSignature:
        return False
    return True


def test_what_stripe_signs_is_accepted() -> None:
    assert accepts(PAYLOAD, signed(PAYLOAD))


@pytest.mark.parametrize("age", [TOLERANCE, -TOLERANCE, timedelta(0)])
def test_clocks_may_differ_by_the_tolerance(age: timedelta) -> None:
    assert accepts(PAYLOAD, signed(PAYLOAD, at=NOW - age))


@pytest.mark.parametrize("age", [TOLERANCE + SECOND, timedelta(days=400)])
def test_an_old_signature_is_refused(age: timedelta) -> None:
    assert not accepts(PAYLOAD, signed(PAYLOAD, at=NOW - age))


@pytest.mark.parametrize("ahead", [TOLERANCE + SECOND, timedelta(days=400)])
def test_a_signature_from_the_future_is_refused(ahead: timedelta) -> None:
    assert not accepts(PAYLOAD, signed(PAYLOAD, at=NOW + ahead))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=,v1=",
        "t=1",
        "v1=00",
        f"t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},v0=00",
        f"t={int(NOW.timestamp())},v1=",
        f"t={int(NOW.timestamp())},t=1,v1=00",
        "t=-1,v1=00",
        "t=1e9,v1=00",
        f"t={'9' * 5000},v1=00",
        "t=NaN,v1=00",
    ],
)
def test_a_header_that_is_none_is_refused(header: str) -> None:
    assert not accepts(PAYLOAD, header)


def test_a_signature_of_somebody_else_is_refused() -> None:
    assert not accepts(PAYLOAD, signed(PAYLOAD, secret=OTHER_SECRET))


def test_an_altered_body_is_refused() -> None:
    assert not accepts(PAYLOAD.replace(b"1999", b"1"), signed(PAYLOAD))
    assert not accepts(PAYLOAD + b" ", signed(PAYLOAD))


def test_an_altered_time_is_refused() -> None:
    header = signed(PAYLOAD).replace(f"t={int(NOW.timestamp())}", f"t={int(NOW.timestamp()) + 1}")
    assert not accepts(PAYLOAD, header)


def test_the_old_scheme_alone_is_refused() -> None:
    assert not accepts(PAYLOAD, signed(PAYLOAD).replace("v1=", "v0="))


def test_one_right_signature_among_several_is_enough() -> None:
    time, right = signed(PAYLOAD).split(",")
    wrong = signed(PAYLOAD, secret=OTHER_SECRET).split(",")[1]
    for header in (f"{time},{wrong},{right},v0=ab", f"{time},{right},{wrong}", f"{right},{time}"):
        assert accepts(PAYLOAD, header)
    assert not accepts(PAYLOAD, f"{time},{wrong},{wrong}")


def test_each_of_several_secrets_counts_so_that_they_can_rotate() -> None:
    for secrets in ([SECRET, OTHER_SECRET], [OTHER_SECRET, SECRET]):
        assert accepts(PAYLOAD, signed(PAYLOAD), secrets=secrets)
        assert accepts(PAYLOAD, signed(PAYLOAD, secret=OTHER_SECRET), secrets=secrets)
        assert not accepts(PAYLOAD, signed(PAYLOAD, secret="whsec_third"), secrets=secrets)


@given(payload=st.text().map(str.encode), secret=st.text(min_size=1), other=st.text(min_size=1))
def test_we_accept_what_the_sdk_accepts(payload: bytes, secret: str, other: str) -> None:
    header = signed(payload, secret=other)
    try:
        stripe.WebhookSignature.verify_header(payload, header, secret)
        judged = True
    except stripe.SignatureVerificationError:
        judged = False
    assert accepts(payload, header, secrets=[secret]) == judged == (secret == other)


@given(payload=st.binary(), header=st.text() | st.from_regex(r"t=\d{1,13},v1=[0-9a-f]{0,64}", fullmatch=True))
def test_a_made_up_signature_is_refused_and_never_an_exception(payload: bytes, header: str) -> None:
    assert not accepts(payload, header)


def fact_of(event: dict[str, Any]) -> PaymentFact | None:
    fact = parse(encode(event))
    assert fact is None or isinstance(fact, PaymentFact)
    return fact


def test_a_payment_that_succeeded_tells_what_was_received() -> None:
    assert fact_of(notice(amount=2500, amount_received=1999)) == PaymentFact(
        provider="stripe",
        key="evt_stripe_1",
        kind="succeeded",
        reference="pi_1",
        object_id="pi_1",
        order_id="ord_1",
        shop="prod",
        amount=1999,
        currency="eur",
        livemode=False,
        occurred_at=NOW,
    )


def test_a_payment_that_failed_tells_why_and_is_about_its_charge() -> None:
    error = {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "charge": "ch_1",
        "type": "card_error",
    }
    fact = fact_of(notice("payment_intent.payment_failed", last_payment_error=error))
    assert fact is not None
    assert (fact.kind, fact.failure, fact.object_id, fact.amount) == (
        "failed",
        "insufficient_funds",
        "ch_1",
        1999,
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [({"code": "expired_card"}, "expired_card"), ({}, "declined"), (None, "declined")],
)
def test_a_failure_without_a_charge_is_about_its_notice(error: dict[str, str] | None, words: str) -> None:
    fact = fact_of(notice("payment_intent.payment_failed", last_payment_error=error))
    assert fact is not None
    assert (fact.failure, fact.object_id) == (words, "evt_stripe_1")


def test_a_payment_under_way_is_told_as_such() -> None:
    fact = fact_of(notice("payment_intent.processing"))
    assert fact is not None
    assert (fact.kind, fact.amount, fact.failure) == ("processing", 1999, "")


@pytest.mark.parametrize("reason", ["abandoned", None])
def test_a_payment_that_was_canceled_tells_why(reason: str | None) -> None:
    fact = fact_of(notice("payment_intent.canceled", cancellation_reason=reason, status="canceled"))
    assert fact is not None
    assert (fact.kind, fact.object_id, fact.amount, fact.failure) == ("canceled", "pi_1", 1999, reason or "")


def test_a_payment_under_way_is_about_its_charge() -> None:
    fact = fact_of(notice("payment_intent.processing", latest_charge="ch_1"))
    assert fact is not None
    assert fact.object_id == "ch_1"


OUR_REFUND = {"tillhook_order": "ord_1", "tillhook_shop": "prod", "tillhook_refund": "rf_1"}


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", "succeeded"),
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("failed", "failed"),
        ("canceled", "failed"),
        (None, "pending"),
    ],
)
def test_a_refund_tells_its_own_state_whatever_its_notice_is_called(
    kind: str, status: str | None, state: RefundState
) -> None:
    assert parse(encode(notice_about(kind, a_refund(status=status)))) == RefundFact(
        provider="stripe",
        key="evt_stripe_1",
        state=state,
        reference="pi_1",
        object_id="re_1",
        amount=500,
        currency="eur",
        livemode=False,
        occurred_at=NOW,
    )


def test_a_refund_of_ours_leads_back_to_its_order_and_its_row() -> None:
    refund = a_refund(metadata=OUR_REFUND, status="failed", failure_reason="expired_or_canceled_card")
    fact = parse(encode(notice_about("refund.failed", refund)))
    assert isinstance(fact, RefundFact)
    assert (fact.order_id, fact.shop, fact.refund_id) == ("ord_1", "prod", "rf_1")
    assert (fact.state, fact.failure) == ("failed", "expired_or_canceled_card")


@pytest.mark.parametrize("changes", [{"metadata": None}, {"payment_intent": None}, {"charge": None}])
def test_a_refund_that_says_little_is_read_all_the_same(changes: dict[str, None]) -> None:
    fact = parse(encode(notice_about("refund.created", a_refund(**changes))))
    assert isinstance(fact, RefundFact)
    assert (fact.order_id, fact.refund_id, fact.object_id) == ("", "", "re_1")


@pytest.mark.parametrize(
    "kind", ["charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"]
)
@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("needs_response", "opened"),
        ("under_review", "opened"),
        ("warning_needs_response", "opened"),
        ("warning_under_review", "opened"),
        ("warning_closed", "won"),
        ("prevented", "won"),
        ("won", "won"),
        ("lost", "lost"),
        ("of tomorrow", "opened"),
    ],
)
def test_a_dispute_tells_its_own_status_whatever_its_notice_is_called(
    kind: str, status: str, told: DisputeStatus
) -> None:
    assert parse(encode(notice_about(kind, a_dispute(status=status)))) == DisputeFact(
        provider="stripe",
        key="evt_stripe_1",
        status=told,
        reference="pi_1",
        object_id="du_1",
        amount=1999,
        currency="eur",
        reason="fraudulent",
        livemode=False,
        occurred_at=NOW,
    )


@pytest.mark.parametrize("kind", ["charge.dispute.funds_withdrawn", "charge.refunded", "refund.unheard_of"])
def test_what_is_told_by_another_notice_is_told_once(kind: str) -> None:
    assert parse(encode(notice_about(kind, a_dispute()))) is None


def test_a_webhook_endpoint_is_subscribed_to_all_that_is_read() -> None:
    assert len(set(KINDS)) == len(KINDS)
    for kind in KINDS:
        assert parse(encode(notice(kind) | {"data": {"object": whatever(kind)}})) is not None


def whatever(kind: str) -> dict[str, Any]:
    """An object of the form that such an event is about."""
    if "dispute" in kind:
        return a_dispute()
    if "refund" in kind:
        return a_refund()
    item: dict[str, Any] = notice(kind)["data"]["object"]
    return item


@pytest.mark.parametrize(
    "event",
    [
        notice_about("refund.created", a_refund(amount="500")),
        notice_about("refund.created", a_refund(metadata=[])),
        notice_about("charge.dispute.created", a_dispute(status=None)),
        notice_about("charge.dispute.created", {}),
    ],
)
def test_what_is_no_refund_or_dispute_of_stripes_is_an_invalid_request(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        parse(encode(event))


def test_live_mode_is_the_events() -> None:
    fact = fact_of(notice() | {"livemode": True})
    assert fact is not None
    assert fact.livemode


@pytest.mark.parametrize(
    "kind", ["payment_intent.created", "charge.succeeded", "customer.created", "v2.core.event", ""]
)
def test_an_event_of_another_type_is_none_of_ours(kind: str) -> None:
    assert fact_of(notice(kind)) is None


def test_an_event_of_another_type_may_have_any_form() -> None:
    assert parse(encode(notice("balance.available") | {"data": {"object": [1, None]}})) is None


def test_an_event_of_a_connected_account_is_none_of_ours() -> None:
    assert fact_of(notice() | {"account": "acct_1"}) is None


@pytest.mark.parametrize("metadata", [{}, {"order_id": "ord_1"}, {"tillhook_shop": "prod"}])
def test_an_intent_without_our_metadata_is_none_of_ours(metadata: dict[str, str]) -> None:
    assert fact_of(notice(metadata=metadata)) is None


def test_an_intent_without_any_metadata_is_none_of_ours() -> None:
    event = notice()
    del event["data"]["object"]["metadata"]
    assert fact_of(event) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        b"\xff\xfe",
        b'{"id": "\xff", "type": "x", "livemode": true, "data": {"object": {}}}',
        b'{"id": "x", "type": "' + b"\xed\xa0\x80" + b'", "livemode": true, "data": {"object": {}}}',
        b'{"unknown":' + b"[" * 20_000,
        b'{"unknown":' + b'{"a":' * 20_000,
        encode(notice(amount="1999")),
        encode(notice(amount=19.99)),
        encode(notice(amount=None)),
        encode(notice(metadata=[])),
        encode(notice() | {"livemode": "false"}),
        encode(notice() | {"data": None}),
        encode(notice() | {"created": -1}),
        encode(notice() | {"created": 10**15}),
    ],
    ids=range(19),
)
def test_what_is_no_event_of_stripes_is_an_invalid_request(payload: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=10,
)


@given(payload=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_at_all_are_a_fact_or_nothing_or_an_invalid_request(payload: bytes) -> None:
    with suppress(InvalidRequest):
        assert parse(payload) is None


fields = st.sampled_from(["id", "amount", "amount_received", "currency", "metadata", "last_payment_error"])


@given(
    changes=st.dictionaries(fields, json_values, max_size=3),
    kind=st.sampled_from(["succeeded", "payment_failed"]),
)
def test_an_intent_of_any_form_is_a_fact_or_nothing_or_an_invalid_request(
    changes: dict[str, Any], kind: str
) -> None:
    try:
        fact = fact_of(notice(f"payment_intent.{kind}", **changes))
    except InvalidRequest:
        return
    assert fact is None or type(fact.amount) is int
