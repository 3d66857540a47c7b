from __future__ import annotations

from msgspec.structs import replace

from chalicelib.domain.carts import Cart, with_coupon
from chalicelib.domain.coupons import CouponTerms, UsedCoupon
from chalicelib.domain.destinations import Destination
from chalicelib.domain.shipping import Band, Shipping, ShippingRate
from chalicelib.domain.taxes import RegionRates, Tax, Taxes, TaxQuestion
from chalicelib.domain.totals import PricedCart, PriceList, price
from tests.fakes import NOW
from tests.making import a_cart, a_coupon, a_product, priced_by

MUG = a_product("mug", amount=1200, weight_grams=400)
TEA = a_product("tea", amount=700, weight_grams=100, tax_code="food")
BOOK = a_product("book", amount=900, shippable=False)
PRODUCTS = {product.sku: product for product in (MUG, TEA, BOOK)}
BERLIN = Destination(country="DE", postal_code="10115")

BY_WEIGHT = Shipping(
    rates=[
        ShippingRate(
            name="Parcel",
            currency="eur",
            countries=["DE"],
            by="weight",
            bands=[Band(up_to=1000, amount=490), Band(up_to=5000, amount=990)],
        )
    ]
)
GERMAN = [RegionRates(country="DE", default=190_000, by_code={"food": 70_000})]
EXCLUSIVE = Taxes(prices="exclusive", home="DE", regions=GERMAN)
INCLUSIVE = Taxes(prices="inclusive", home="DE", regions=GERMAN)
TENTH = a_coupon(CouponTerms(basis_points=1000))


def coded(cart: Cart) -> Cart:
    return with_coupon(cart, "CODE", now=NOW)


def sums(cart: PricedCart) -> tuple[int, ...]:
    return cart.subtotal, cart.discount, cart.shipping, cart.tax, cart.rounding, cart.amount


def test_the_catalogue_alone_knows_prices() -> None:
    known = {"mug": a_product("mug", amount=1, name="Now"), "tea": TEA}
    priced = priced_by(a_cart(MUG, TEA, quantity=2), PriceList(products=known))
    assert [(line.name, line.unit_amount, line.amount, line.total) for line in priced.lines] == [
        ("Now", 1, 2, 2),
        ("A mug", 700, 1400, 1400),
    ]
    assert sums(priced) == (1402, 0, 0, 0, 0, 1402)
    assert (priced.computed_for, priced.destination_problem) == (None, None)


def test_what_is_no_longer_sold_or_sold_in_another_currency_counts_nothing() -> None:
    known = {"tea": a_product("tea", currency="usd", name="Tea")}
    priced = priced_by(a_cart(MUG, TEA), PriceList(products=known, shipping=BY_WEIGHT, taxes=EXCLUSIVE))
    assert [(line.name, line.amount, line.total, line.purchasable) for line in priced.lines] == [
        ("mug", 0, 0, False),
        ("Tea", 0, 0, False),
    ]
    assert sums(priced) == (0, 0, 0, 0, 0, 0)


def test_exclusive_tax_is_added_to_what_is_discounted_and_to_shipping() -> None:
    prices = PriceList(products=PRODUCTS, coupon=TENTH, shipping=BY_WEIGHT, taxes=EXCLUSIVE)
    priced = priced_by(coded(a_cart(MUG, TEA)), prices, destination=BERLIN)
    assert [(line.amount, line.discount, line.tax, line.total) for line in priced.lines] == [
        (1200, 120, 205, 1285),
        (700, 70, 44, 674),
    ]
    assert sums(priced) == (1900, 190, 490, 342, 0, 2542)
    assert (priced.shipping_tax, priced.tax_inclusive, priced.shipping_rate) == (93, False, "Parcel")
    assert priced.coupon == UsedCoupon(code="CODE", amount=190)
    assert priced.computed_for == Destination(country="DE")


def test_inclusive_tax_is_shown_and_changes_no_total() -> None:
    prices = PriceList(products=PRODUCTS, shipping=BY_WEIGHT, taxes=INCLUSIVE)
    priced = priced_by(a_cart(MUG, TEA), prices, destination=BERLIN)
    assert [(line.tax, line.total) for line in priced.lines] == [(192, 1200), (46, 700)]
    assert sums(priced) == (1900, 0, 490, 316, 0, 2390)
    assert (priced.shipping_tax, priced.tax_inclusive) == (78, True)


def test_only_what_is_sent_weighs_and_costs_shipping() -> None:
    prices = PriceList(products=PRODUCTS, shipping=BY_WEIGHT)
    assert priced_by(a_cart(BOOK), prices).shipping == 0
    assert priced_by(a_cart(BOOK), prices).destination_problem is None
    assert priced_by(a_cart(MUG, BOOK, quantity=2), prices, destination=BERLIN).shipping == 490
    assert priced_by(a_cart(MUG, BOOK, quantity=3), prices, destination=BERLIN).shipping == 990


def test_shipping_by_total_goes_by_what_is_sent_after_the_discount() -> None:
    rate = ShippingRate(
        name="Free", currency="eur", by="total", bands=[Band(up_to=1199, amount=500), Band(amount=0)]
    )
    prices = PriceList(products=PRODUCTS, coupon=TENTH, shipping=Shipping(rates=[rate]))
    cart = a_cart(MUG, BOOK)
    assert priced_by(cart, prices, destination=BERLIN).shipping == 0
    assert priced_by(coded(cart), prices, destination=BERLIN).shipping == 500


def test_a_cart_without_a_destination_says_that_one_is_needed_and_shows_the_rest() -> None:
    prices = PriceList(products=PRODUCTS, shipping=BY_WEIGHT, taxes=EXCLUSIVE)
    priced = priced_by(a_cart(MUG), prices)
    assert priced.destination_problem is not None
    assert priced.destination_problem.type == "DestinationNeeded"
    assert sums(priced) == (1200, 0, 0, 228, 0, 1428)


def test_a_place_that_nothing_is_sent_to_is_told() -> None:
    prices = PriceList(products=PRODUCTS, shipping=BY_WEIGHT)
    priced = priced_by(a_cart(MUG), prices, destination=Destination(country="FR"))
    assert priced.destination_problem is not None
    assert priced.destination_problem.type == "DestinationNotServed"
    assert "FR" in priced.destination_problem.message


def test_a_coupon_that_is_gone_or_takes_nothing_off_is_told_and_not_discounted() -> None:
    cart = coded(a_cart(MUG))
    gone = priced_by(cart, PriceList(products=PRODUCTS))
    spent = a_coupon(CouponTerms(basis_points=1000, max_uses=1), times_used=1)
    used_up = priced_by(cart, PriceList(products=PRODUCTS, coupon=spent))
    found = [shown.coupon_problem and shown.coupon_problem.type for shown in (gone, used_up)]
    assert found == ["CouponNotFound", "CouponUsedUp"]
    assert [(shown.amount, shown.coupon, shown.coupon_code) for shown in (gone, used_up)] == [
        (1200, None, "CODE")
    ] * 2


def test_who_holds_the_last_use_keeps_seeing_the_discount() -> None:
    spent = a_coupon(CouponTerms(basis_points=1000, max_uses=1), times_used=1)
    cart = replace(coded(a_cart(MUG)), coupon_counted=True)
    assert priced_by(cart, PriceList(products=PRODUCTS, coupon=spent)).amount == 1080


def test_an_empty_cart_costs_nothing_and_has_no_problem() -> None:
    prices = PriceList(shipping=BY_WEIGHT, taxes=EXCLUSIVE)
    priced = priced_by(coded(a_cart()), prices)
    assert sums(priced) == (0, 0, 0, 0, 0, 0)
    assert (priced.coupon_problem, priced.destination_problem, priced.currency) == (None, None, None)


def test_all_can_be_free() -> None:
    free = a_coupon(CouponTerms(basis_points=10_000))
    prices = PriceList(products=PRODUCTS, coupon=free, taxes=EXCLUSIVE)
    priced = priced_by(coded(a_cart(MUG, TEA)), prices)
    assert sums(priced) == (1900, 1900, 0, 0, 0, 0)


def test_a_total_that_can_not_be_charged_is_rounded_and_says_so() -> None:
    pot = a_product("pot", amount=99_000, currency="isk")
    taxes = Taxes(
        prices="exclusive", home="IS", regions=[RegionRates(country="IS", default=240_000)]
    )  # 237.60
    up = priced_by(a_cart(pot), PriceList(products={"pot": pot}, taxes=taxes))
    assert sums(up) == (99_000, 0, 0, 23_760, 40, 122_800)
    dinar = replace(pot, amount=1010, currency="kwd")
    down = priced_by(a_cart(dinar), PriceList(products={"pot": dinar}, taxes=taxes))
    assert sums(down) == (1010, 0, 0, 242, -2, 1250)


def test_stripe_is_asked_for_what_is_sold_once_a_destination_is_known() -> None:
    asked: list[TaxQuestion] = []

    def ask(question: TaxQuestion) -> Tax:
        asked.append(question)
        return Tax(goods=(100, 7), shipping=3)

    taxes = Taxes(mode="stripe", prices="exclusive")
    prices = PriceList(products=PRODUCTS, shipping=BY_WEIGHT, taxes=taxes)
    priced = price(a_cart(MUG, TEA), prices, destination=BERLIN, ask=ask, now=NOW)
    assert (priced.tax, priced.shipping_tax, priced.amount) == (110, 3, 1900 + 490 + 110)
    (question,) = asked
    assert [(item.amount, item.code) for item in question.goods] == [(1200, ""), (700, "food")]
    assert (question.shipping, question.destination, question.currency) == (490, BERLIN, "eur")
    assert priced.computed_for == BERLIN


def test_stripe_is_asked_nothing_without_a_destination() -> None:
    prices = PriceList(products=PRODUCTS, taxes=Taxes(mode="stripe"))
    priced = priced_by(a_cart(BOOK), prices)
    assert priced.destination_problem is not None
    assert priced.destination_problem.type == "DestinationNeeded"
    assert priced_by(a_cart(), prices).destination_problem is None
