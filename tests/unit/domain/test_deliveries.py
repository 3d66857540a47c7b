from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from chalicelib.domain.deliveries import delivery_id, parse_delivery_id
from chalicelib.domain.errors import DeliveryNotFound
from chalicelib.domain.retries import RETRY_DELAYS, Decision, asked_delay, decide
from tests.fakes import NOW
from tests.making import a_delivery, an_endpoint, an_event, an_id

EVENT, HOOK = an_event(), an_endpoint()


def test_the_policy_is_what_standard_webhooks_advises() -> None:
    minutes = [delay / timedelta(minutes=1) for delay in RETRY_DELAYS]
    assert minutes == [5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440]


def test_jitter_spreads_a_delay_by_a_fifth_either_way() -> None:
    waits = [decide(status=500, attempt=4, spread=spread).retry_in for spread in (-1, 0, 1)]
    assert waits == [timedelta(minutes=96), timedelta(minutes=120), timedelta(minutes=144)]


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [
        (429, timedelta(hours=1), timedelta(hours=1)),
        (503, timedelta(hours=1), timedelta(hours=1)),
        (503, timedelta(seconds=1), timedelta(seconds=5)),
        (503, timedelta(days=9), timedelta(hours=24)),
        (500, timedelta(hours=1), timedelta(seconds=5)),
        (None, timedelta(hours=1), timedelta(seconds=5)),
    ],
)
def test_a_receiver_may_ask_for_more_time_but_not_for_less(
    status: int | None, asked: timedelta, wait: timedelta
) -> None:
    assert decide(status=status, attempt=1, asked=asked).retry_in == wait


def test_410_is_the_end_for_the_endpoint_too() -> None:
    assert decide(status=410, attempt=1) == Decision(status="dead", endpoint_gone=True)


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("", None),
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        ("9" * 400, timedelta(seconds=999_999_999)),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("soon", None),
        (format_datetime(NOW + timedelta(hours=3), usegmt=True), timedelta(hours=3)),
        (format_datetime(NOW - timedelta(hours=3), usegmt=True), timedelta()),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, asked: timedelta | None) -> None:
    assert asked_delay(header, now=NOW) == asked


@pytest.mark.parametrize("attempt", [1, 2, len(RETRY_DELAYS)])
def test_a_failure_waits_as_long_as_the_policy_says(attempt: int) -> None:
    assert decide(status=500, attempt=attempt) == Decision(
        status="failing", retry_in=RETRY_DELAYS[attempt - 1]
    )


def test_the_failure_after_the_last_delay_is_the_end() -> None:
    assert decide(status=500, attempt=len(RETRY_DELAYS) + 1) == Decision(status="dead")


@pytest.mark.parametrize("attempt", [1, len(RETRY_DELAYS), len(RETRY_DELAYS) + 1])
@pytest.mark.parametrize(
    ("status", "delivered"), [(199, False), (200, True), (299, True), (300, False), (None, False)]
)
def test_2xx_is_success_at_any_attempt(attempt: int, status: int | None, delivered: bool) -> None:  # noqa: FBT001 (a case)
    assert (decide(status=status, attempt=attempt).status == "delivered") == delivered


def test_a_delivery_grows_by_its_attempts() -> None:
    delivery = a_delivery(EVENT, HOOK, 500, None, 200)
    assert [(attempt.number, attempt.status) for attempt in delivery.attempts] == [
        (1, 500),
        (2, None),
        (3, 200),
    ]
    assert (delivery.id, delivery.status, delivery.attempt) == (
        delivery_id(EVENT.id, HOOK.id),
        "delivered",
        3,
    )
    assert (delivery.created_at, delivery.updated_at) == (NOW, NOW + timedelta(seconds=2))


def test_a_deliverys_id_names_event_and_endpoint() -> None:
    text = delivery_id(EVENT.id, HOOK.id)
    assert text == f"dlv_{EVENT.id.removeprefix('evt_')}_{HOOK.id.removeprefix('ep_')}"
    assert parse_delivery_id(text) == (EVENT.id, HOOK.id)


A, B = an_id("evt").removeprefix("evt_"), an_id("ep").removeprefix("ep_")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dlv",
        "dlv_",
        f"dlv_{A}",
        f"dlv_{A}_",
        f"dlv__{B}",
        f"dlv_{A}_{B}_",
        f"dlv_{A}_{B}_{B}",
        f"evt_{A}_{B}",
        f"dlv_{A.upper()}_{B}",
        f"dlv_{A}{B}",
        f"dlv_{A}_{B}x",
        f" dlv_{A}_{B}",
        f"dlv_{A}_{B}\n",
        f"dlv_evt_{A}_{B}",
    ],
)
def test_what_is_no_deliverys_id_is_not_found(text: str) -> None:
    with pytest.raises(DeliveryNotFound):
        parse_delivery_id(text)
