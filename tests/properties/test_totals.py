"""What no total does, in any currency and up to the largest amounts."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.carts import Cart, CartLine
from chalicelib.domain.destinations import Destination
from chalicelib.domain.money import smallest_step
from chalicelib.domain.orders import Order, place
from chalicelib.domain.taxes import RegionRates, Taxable, Taxes, TaxQuestion, by_table
from chalicelib.domain.totals import Breakdown, PricedCart, PriceList, breakdown_of
from tests.fakes import NOW
from tests.making import ADA, a_cart, priced_by
from tests.strategies import amounts, destinations, price_lists

QUANTITIES = st.lists(st.integers(1, 1000), min_size=8, max_size=8)
PLACES = st.none() | destinations


def cart_of(prices: PriceList, quantities: list[int]) -> Cart:
    """Of all that is sold, with the code."""
    lines = [
        CartLine(sku=sku, quantity=count) for sku, count in zip(prices.products, quantities, strict=False)
    ]
    currency = next(iter(prices.products.values())).currency
    return replace(a_cart(), lines=tuple(lines), currency=currency, coupon_code="CODE")


def sums_of(priced: Breakdown) -> int:
    added = 0 if priced.tax_inclusive else priced.tax
    return priced.subtotal - priced.discount + priced.shipping + added + priced.rounding


@given(price_lists(), QUANTITIES, PLACES)
def test_the_parts_sum_to_the_total_and_so_do_the_lines(
    prices: PriceList, quantities: list[int], destination: Destination | None
) -> None:
    priced = priced_by(cart_of(prices, quantities), prices, destination=destination)
    assert priced.amount == sums_of(priced)
    assert priced.subtotal == sum(line.amount for line in priced.lines)
    assert priced.discount == sum(line.discount for line in priced.lines)
    assert priced.tax == sum(line.tax for line in priced.lines) + priced.shipping_tax
    for line in priced.lines:
        assert line.total == line.amount - line.discount + (0 if priced.tax_inclusive else line.tax)
    shipped = priced.shipping + (0 if priced.tax_inclusive else priced.shipping_tax)
    assert sum(line.total for line in priced.lines) + shipped + priced.rounding == priced.amount


@given(price_lists(), QUANTITIES, PLACES)
def test_nothing_is_negative_and_no_discount_or_inclusive_tax_is_more_than_it_is_of(
    prices: PriceList, quantities: list[int], destination: Destination | None
) -> None:
    priced = priced_by(cart_of(prices, quantities), prices, destination=destination)
    sums = (priced.subtotal, priced.discount, priced.shipping, priced.tax, priced.shipping_tax, priced.amount)
    assert min(sums) >= 0
    for line in priced.lines:
        assert min(line.discount, line.tax, line.total) >= 0
        assert line.discount <= line.amount
        assert not priced.tax_inclusive or line.tax <= line.total


@given(price_lists(), QUANTITIES, PLACES)
def test_a_total_can_be_charged_and_is_rounded_by_less_than_a_step_if_at_all(
    prices: PriceList, quantities: list[int], destination: Destination | None
) -> None:
    cart = cart_of(prices, quantities)
    priced = priced_by(cart, prices, destination=destination)
    step = smallest_step(cart.currency or "")
    assert priced.amount % step == 0
    assert abs(2 * priced.rounding) <= step
    assert priced.rounding == 0 or not priced.tax_inclusive
    assert priced.rounding == 0 or step > 1


@given(price_lists(), QUANTITIES, PLACES)
def test_inclusive_tax_never_changes_the_total(
    prices: PriceList, quantities: list[int], destination: Destination | None
) -> None:
    cart = cart_of(prices, quantities)
    taxed = replace(prices, taxes=replace(prices.taxes, prices="inclusive"))
    untaxed = replace(prices, taxes=Taxes())
    with_tax, without = (priced_by(cart, known, destination=destination) for known in (taxed, untaxed))
    assert with_tax.amount == without.amount


@given(price_lists(), QUANTITIES, PLACES)
def test_a_coupon_never_makes_what_is_bought_dearer(
    prices: PriceList, quantities: list[int], destination: Destination | None
) -> None:
    cart = cart_of(prices, quantities)
    known = replace(prices, shipping=replace(prices.shipping, rates=()))
    with_it = priced_by(cart, known, destination=destination)
    without = priced_by(replace(cart, coupon_code=""), known, destination=destination)
    assert with_it.amount <= without.amount
    assert (with_it.coupon is None) == (with_it.coupon_problem is not None) == (with_it.discount == 0)


@given(price_lists(), QUANTITIES, PLACES)
def test_an_order_has_the_carts_breakdown(
    prices: PriceList, quantities: list[int], destination: Destination | None
) -> None:
    cart = cart_of(prices, quantities)
    priced = priced_by(cart, prices, destination=destination)
    if priced.destination_problem is None:
        assert frozen(priced) == frozen(place(cart, priced, ADA, takes={}, livemode=False, now=NOW))


def frozen(record: PricedCart | Order) -> tuple[object, ...]:
    lines = [(line.sku, line.amount, line.discount, line.tax, line.total) for line in record.lines]
    return breakdown_of(record), record.computed_for, lines


@given(st.integers(0, 1_000_000), st.lists(amounts, max_size=50), amounts, st.booleans())
def test_the_tax_of_a_rate_is_the_nearest_to_what_it_comes_to_in_all(
    rate: int,
    prices: list[int],
    shipping: int,
    inclusive: bool,  # noqa: FBT001 (a case)
) -> None:
    taxes = Taxes(home="DE", regions=[RegionRates(country="DE", default=rate)])
    question = TaxQuestion(
        currency="eur",
        inclusive=inclusive,
        destination=None,
        goods=tuple(Taxable(amount=amount, code="") for amount in prices),
        shipping=shipping,
    )
    tax, base = by_table(taxes, question), sum(prices) + shipping
    exact = Fraction(base * rate, 1_000_000 + (rate if inclusive else 0))
    assert abs(sum(tax.goods) + tax.shipping - exact) <= Fraction(1, 2)
