from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.coupons import CouponTerms, discount_lines, normal_code, require_sound
from chalicelib.domain.errors import (
    CouponExpired,
    CouponNotApplicable,
    CouponUnavailable,
    CouponUsedUp,
    InvalidRequest,
)
from tests.fakes import NOW
from tests.making import a_coupon

LINES = [("mug", 2400), ("tea", 700)]


def discounts(
    terms: CouponTerms,
    lines: list[tuple[str, int]] = LINES,
    *,
    currency: str = "eur",
    used: int = 0,
    given: int = 0,
    is_counted: bool = False,
) -> list[int]:
    coupon = a_coupon(terms, times_used=used, discount_given={"eur": given} if given else {})
    return discount_lines(coupon, lines, currency=currency, is_counted=is_counted, now=NOW)


def in_eur(amount_off: int) -> CouponTerms:
    return CouponTerms(amount_off=amount_off, currency="eur")


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (CouponTerms(basis_points=1000), [240, 70]),
        (CouponTerms(basis_points=10_000), [2400, 700]),
        (CouponTerms(basis_points=1250), [300, 88]),  # 387.5 of the whole
        (CouponTerms(basis_points=1000, skus=["tea"]), [0, 70]),
        (in_eur(500), [387, 113]),
        (in_eur(99_999), [2400, 700]),
        (CouponTerms(amount_off=500, currency="eur", skus=["tea", "pot"]), [0, 500]),
        (CouponTerms(amount_off=900, currency="eur", skus=["tea"]), [0, 700]),
    ],
    ids=str,
)
def test_a_coupon_takes_off_what_its_terms_say(terms: CouponTerms, expected: list[int]) -> None:
    assert discounts(terms) == expected


@pytest.mark.parametrize(("currency", "expected"), [("isk", 400), ("kwd", 350), ("eur", 354), ("jpy", 354)])
def test_a_percentage_is_rounded_once_to_what_can_be_charged(currency: str, expected: int) -> None:
    lines = [("mug", 2360)] if currency != "isk" else [("mug", 2400)]
    assert discounts(CouponTerms(basis_points=1500), lines, currency=currency) == [expected]


@pytest.mark.parametrize(
    ("starts", "ends", "in_force"),
    [(0, 1, True), (-1, 1, True), (1, 2, False), (-2, 0, False), (-2, -1, False)],
)
def test_a_coupon_counts_from_its_start_until_before_its_end(
    starts: int, ends: int, *, in_force: bool
) -> None:
    terms = CouponTerms(
        basis_points=1000, starts_at=NOW + timedelta(days=starts), ends_at=NOW + timedelta(days=ends)
    )
    if in_force:
        assert discounts(terms)
        return
    with pytest.raises(CouponExpired, match="not valid yet" if starts > 0 else "has expired"):
        discounts(terms)


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (CouponTerms(basis_points=1000, skus=["pot"]), "takes nothing off"),
        (CouponTerms(basis_points=1000, currency="usd"), "in usd, not in eur"),
        (CouponTerms(basis_points=1000, currency="eur", minimum_spend=3101), r"at least 31\.01 EUR"),
    ],
)
def test_a_coupon_that_is_for_something_else_says_what_it_is_for(terms: CouponTerms, why: str) -> None:
    with pytest.raises(CouponNotApplicable, match=why) as refusal:
        discounts(terms)
    assert refusal.value.details == {"code": "CODE"}


def test_what_comes_to_nothing_is_no_discount() -> None:
    with pytest.raises(CouponNotApplicable):
        discounts(CouponTerms(basis_points=1), [("mug", 100)])
    with pytest.raises(CouponNotApplicable):
        discounts(CouponTerms(basis_points=10_000), [("mug", 0)])


def test_the_minimum_is_what_is_bought_and_not_what_the_coupon_is_for() -> None:
    terms = CouponTerms(basis_points=1000, currency="eur", minimum_spend=3100, skus=["tea"])
    assert discounts(terms) == [0, 70]


def test_a_coupon_is_used_up_by_uses_or_by_what_it_gave() -> None:
    by_uses = CouponTerms(basis_points=1000, max_uses=3)
    by_money = CouponTerms(basis_points=1000, currency="eur", max_discount=1000)
    assert discounts(by_uses, used=2)
    assert discounts(by_money, given=690)
    with pytest.raises(CouponUsedUp):
        discounts(by_uses, used=3)
    with pytest.raises(CouponUsedUp, match="not enough for this cart"):
        discounts(by_money, given=691)


def test_limits_do_not_stand_against_who_holds_a_use() -> None:
    assert discounts(CouponTerms(basis_points=1000, max_uses=1), used=1, is_counted=True)
    with pytest.raises(CouponUnavailable):
        discounts(CouponTerms(basis_points=1000, ends_at=NOW), is_counted=True)


@pytest.mark.parametrize(
    "terms",
    [
        CouponTerms(),
        CouponTerms(basis_points=5, amount_off=5, currency="eur"),
        CouponTerms(amount_off=5),
        CouponTerms(basis_points=5, minimum_spend=5),
        CouponTerms(basis_points=5, max_discount=5),
        CouponTerms(basis_points=5, currency="xyz"),
        CouponTerms(amount_off=105, currency="kwd"),
        CouponTerms(basis_points=5, starts_at=NOW, ends_at=NOW),
    ],
    ids=str,
)
def test_terms_that_contradict_themselves_are_refused(terms: CouponTerms) -> None:
    with pytest.raises(InvalidRequest):
        require_sound(terms)


@pytest.mark.parametrize(
    "terms",
    [
        CouponTerms(basis_points=5),
        CouponTerms(amount_off=110, currency="kwd", max_discount=111, minimum_spend=3),
        CouponTerms(basis_points=5, starts_at=NOW),
        CouponTerms(basis_points=5, ends_at=NOW, max_uses=1, skus=["mug"]),
    ],
    ids=str,
)
def test_sound_terms_pass(terms: CouponTerms) -> None:
    require_sound(terms)


def test_a_code_is_kept_in_capitals() -> None:
    assert normal_code(" xmas-26_a ") == "XMAS-26_A"
    for wrong in ("", "-A", "A B", "Ä", "A" * 41, "A\n\nB", "A/B"):
        with pytest.raises(InvalidRequest):
            normal_code(wrong)
