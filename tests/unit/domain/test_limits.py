from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.limits import Tally, tally, too_many, visitor_of
from tests.fakes import NOW
from tests.making import an_id

VISITOR = an_id("vis")


def one_more(now: datetime, what: str = "orders") -> Tally:
    found = tally(what, VISITOR, most=3, now=now)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("not-an-address", "not-an-address"),
    ],
)
def test_one_customer_is_one_visitor(one: str, other: str) -> None:
    assert visitor_of(one, shop="a") == visitor_of(other, shop="a")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("203.0.113.7", "203.0.113.8"),
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("203.0.113.7", ""),
    ],
)
def test_other_customers_are_other_visitors(one: str, other: str) -> None:
    assert visitor_of(one, shop="a") != visitor_of(other, shop="a")


def test_a_visitor_tells_neither_her_address_nor_that_she_visits_another_shop() -> None:
    assert "203" not in visitor_of("203.0.113.7", shop="a")
    assert visitor_of("203.0.113.7", shop="a") != visitor_of("203.0.113.7", shop="b")


def test_without_a_limit_nothing_is_counted() -> None:
    assert tally("carts", VISITOR, most=0, now=NOW) is None


@pytest.mark.parametrize("passed", [timedelta(), timedelta(minutes=59, seconds=59, microseconds=999_999)])
def test_all_of_an_hour_is_one_tally(passed: timedelta) -> None:
    begun = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert one_more(begun + passed).ends_at == begun + timedelta(hours=1)


def test_counting_begins_anew_with_the_next_hour() -> None:
    assert one_more(NOW) != one_more(NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("passed", "seconds", "minutes"),
    [(timedelta(), 3600, 60), (timedelta(minutes=50), 600, 10), (timedelta(minutes=59, seconds=59.5), 1, 1)],
)
def test_who_is_refused_is_told_when_to_come_again(passed: timedelta, seconds: int, minutes: int) -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC) + passed
    refusal = too_many(one_more(now), now=now)
    assert refusal.details == {"retry_after_seconds": seconds}
    assert str(refusal) == (
        f"Too many orders from your network within an hour. Nothing was charged. Try again in {minutes} min."
    )


def test_who_has_too_many_carts_is_told_that_one_is_enough() -> None:
    assert "A cart that you have already still works." in str(too_many(one_more(NOW, "carts"), now=NOW))
