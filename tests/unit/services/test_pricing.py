"""Coupons, shipping and tax between the cart and the order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from chalicelib.domain.coupons import CouponTerms, UsedCoupon
from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import (
    CartNotFound,
    CouponNotFound,
    CouponUsedUp,
    DestinationChanged,
    DestinationNeeded,
    DestinationNotServed,
    InvalidRequest,
    ProviderUnavailable,
    TotalChanged,
)
from chalicelib.domain.orders import Address, Contact
from chalicelib.domain.shipping import Band, Shipping, ShippingRate
from chalicelib.domain.taxes import RegionRates, Taxes
from chalicelib.ports import Moved
from chalicelib.services import pricing
from tests.fakes import NOW, interrupt
from tests.making import a_product, an_id
from tests.unit.services.shop import Shop

TENTH = CouponTerms(basis_points=1000)
TO_GERMANY = Shipping(
    rates=[
        ShippingRate(name="Parcel", currency="eur", countries=["DE"], by="weight", bands=[Band(amount=490)])
    ]
)
GERMAN_TAX = Taxes(
    prices="exclusive",
    home="DE",
    regions=[RegionRates(country="DE", default=190_000), RegionRates(country="FR", default=200_000)],
)


def contact(country: str) -> Contact:
    address = Address(line1="1 Way", city="Town", country=country)
    return Contact(email="ada@example.com", shipping_address=address)


def coupon(shop: Shop, terms: CouponTerms = TENTH, code: str = "CODE") -> None:
    pricing.put_coupon(code, terms, prices=shop.world)


def coded(shop: Shop, *skus: str, code: str = "CODE") -> str:
    cart_id = shop.cart(*(skus or ("mug",))).id
    shop.set_coupon(cart_id, code)
    return cart_id


def use_of(shop: Shop, code: str = "CODE") -> tuple[int, int]:
    found = pricing.read_coupon(code, prices=shop.world)
    return found.times_used, found.discount_given.get("eur", 0)


# Coupons in a cart


def test_a_code_discounts_the_cart_however_it_is_typed(shop: Shop) -> None:
    coupon(shop)
    cart = shop.cart("mug", "tea")
    shown = shop.set_coupon(cart.id, " code ")
    assert (shown.amount, shown.discount, shown.coupon_code) == (1710, 190, "CODE")
    assert shown.coupon == UsedCoupon(code="CODE", amount=190)
    assert shop.read_cart(cart.id) == shown
    assert shop.set_quantity(cart.id, "tea", 2).discount == 260


def test_a_code_that_nobody_made_is_refused_and_changes_nothing(shop: Shop) -> None:
    cart = shop.cart("mug")
    with pytest.raises(CouponNotFound):
        shop.set_coupon(cart.id, "none")
    with pytest.raises(InvalidRequest):
        shop.set_coupon(cart.id, "no/ne")
    assert shop.read_cart(cart.id) == cart


def test_the_same_code_or_destination_again_is_the_same_version_of_the_cart(shop: Shop) -> None:
    coupon(shop)
    cart_id = coded(shop)
    first = shop.send_to(cart_id, "DE")
    assert shop.set_coupon(cart_id, "code") == first
    assert shop.send_to(cart_id, "DE") == first


def test_a_code_is_taken_out_and_twice_is_fine(shop: Shop) -> None:
    coupon(shop)
    cart_id = coded(shop)
    without = shop.remove_coupon(cart_id)
    assert (without.coupon_code, without.amount) == ("", 1200)
    assert shop.remove_coupon(cart_id) == without


def test_a_cart_keeps_a_code_that_does_not_work_and_says_why(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, currency="eur", minimum_spend=2000))
    cart_id = coded(shop)
    shown = shop.read_cart(cart_id)
    assert shown.coupon_problem is not None
    assert (shown.amount, shown.coupon_problem.type) == (1200, "CouponNotApplicable")
    assert shop.set_quantity(cart_id, "mug", 2).amount == 2160


def test_a_code_in_an_empty_cart_waits_for_something_to_buy(shop: Shop) -> None:
    coupon(shop)
    cart = shop.cart()
    assert shop.set_coupon(cart.id, "CODE").coupon_problem is None
    assert shop.set_quantity(cart.id, "mug", 1).amount == 1080


@pytest.mark.parametrize("cart_id", ["cart_x", an_id("cart", "nobody's")])
def test_what_is_no_cart_takes_neither_code_nor_destination(shop: Shop, cart_id: str) -> None:
    coupon(shop)
    with pytest.raises(CartNotFound):
        shop.set_coupon(cart_id, "CODE")
    with pytest.raises(CartNotFound):
        shop.remove_coupon(cart_id)
    with pytest.raises(CartNotFound):
        shop.send_to(cart_id, "DE")


def test_a_code_put_in_while_another_tab_changes_the_cart_keeps_both(shop: Shop) -> None:
    coupon(shop)
    cart = shop.cart("mug")
    interrupt(shop.world, "replace_cart", lambda: shop.set_quantity(cart.id, "tea", 1))
    assert shop.set_coupon(cart.id, "CODE").amount == 1710


# Coupons in an order


def test_an_order_counts_its_use_and_says_what_it_took_off(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, max_uses=5))
    order = shop.check_out(coded(shop, "mug", "tea"), total=1710).order
    assert (order.subtotal, order.discount, order.amount) == (1900, 190, 1710)
    assert [(line.discount, line.total) for line in order.lines] == [(120, 1080), (70, 630)]
    assert shop.stored(order.id).coupon == UsedCoupon(code="CODE", amount=190)
    assert use_of(shop) == (1, 190)


def test_a_repeated_checkout_counts_once_and_the_cart_shows_its_discount_still(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, max_uses=1))
    cart_id = coded(shop)
    first, second = shop.check_out(cart_id, total=1080), shop.check_out(cart_id, total=1080)
    assert first.order.id == second.order.id
    assert use_of(shop) == (1, 120)
    assert (shop.read_cart(cart_id).amount, shop.read_cart(cart_id).coupon_problem) == (1080, None)


def test_a_changed_cart_takes_over_the_use_that_its_order_holds(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, max_uses=1))
    cart_id = coded(shop)
    shop.check_out(cart_id, total=1080)
    shown = shop.set_quantity(cart_id, "mug", 2)
    assert (shown.amount, shown.coupon_problem) == (2160, None)
    assert shop.check_out(cart_id, total=2160).order.coupon is not None
    assert use_of(shop) == (1, 240)


def test_a_use_goes_back_with_the_order_that_is_canceled(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, max_uses=1))
    cart_id, other = coded(shop), coded(shop)
    order = shop.check_out(cart_id, total=1080).order
    shop.tell(order, "canceled", key="a")
    assert use_of(shop) == (0, 0)
    shop.check_out(other, total=1080)
    changed = shop.set_quantity(cart_id, "mug", 2)
    with pytest.raises(TotalChanged) as refusal:
        shop.check_out(cart_id, total=changed.amount)
    assert refusal.value.details["total"] == 2400
    assert use_of(shop) == (1, 120)


def test_a_purchase_that_a_coupon_makes_free_is_paid_at_once(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=10_000))
    done = shop.check_out(coded(shop), total=0)
    assert (done.order.status, done.session, use_of(shop)) == ("paid", None, (1, 1200))


def test_a_coupon_that_ran_out_since_the_shopper_saw_the_cart_changes_the_total(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, max_uses=1))
    late, early = coded(shop), coded(shop)
    shop.check_out(early, total=1080)
    with pytest.raises(TotalChanged) as refusal:
        shop.check_out(late, total=1080)
    assert refusal.value.details["total"] == 1200
    assert shop.check_out(late, total=1200).order.coupon is None
    assert use_of(shop) == (1, 120)


def test_a_coupon_that_expired_since_the_shopper_saw_the_cart_changes_the_total(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, ends_at=NOW + timedelta(hours=1)))
    with pytest.raises(TotalChanged):
        shop.check_out(coded(shop), total=1080, now=NOW + timedelta(hours=1))


def test_a_coupon_that_runs_out_during_the_checkout_is_refused_by_name(shop: Shop) -> None:
    coupon(shop, CouponTerms(basis_points=1000, max_uses=1))
    mine, others = coded(shop, "tea"), coded(shop)
    interrupt(shop.world, "place_order", lambda: shop.check_out(others, total=1080))
    with pytest.raises(CouponUsedUp) as refusal:
        shop.check_out(mine, total=630)
    assert refusal.value.details == {"code": "CODE"}
    assert shop.world.stock == {"tea": 3}


def test_terms_that_change_during_the_checkout_are_read_again(shop: Shop) -> None:
    coupon(shop)
    cart_id = coded(shop)
    interrupt(shop.world, "place_order", lambda: coupon(shop, CouponTerms(basis_points=2000)))
    with pytest.raises(TotalChanged) as refusal:
        shop.check_out(cart_id, total=1080)
    assert refusal.value.details["total"] == 960
    assert use_of(shop) == (0, 0)


def test_a_coupon_that_is_deleted_during_the_checkout_takes_nothing_off(shop: Shop) -> None:
    coupon(shop)
    cart_id = coded(shop)
    interrupt(shop.world, "place_order", lambda: pricing.delete_coupon("code", prices=shop.world))
    with pytest.raises(TotalChanged):
        shop.check_out(cart_id, total=1080)
    shown = shop.read_cart(cart_id)
    assert shown.coupon_problem is not None
    assert shown.coupon_problem.type == "CouponNotFound"


@pytest.mark.parametrize(
    ("terms", "most"),
    [
        (CouponTerms(basis_points=1000, max_uses=2), 2),
        (CouponTerms(basis_points=1000, currency="eur", max_discount=380), 3),
    ],
    ids=["uses", "money"],
)
def test_limits_hold_however_many_check_out_at_once(shop: Shop, terms: CouponTerms, most: int) -> None:
    coupon(shop, terms)
    carts = [coded(shop) for _ in range(6)]
    interrupt(shop.world, "place_order", *[Barrier(6).wait] * 6)

    def try_it(cart_id: str) -> bool:
        try:
            return shop.check_out(cart_id, total=1080).order.coupon is not None
        except (CouponUsedUp, TotalChanged):
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(try_it, carts)) == most
    assert use_of(shop) == (most, most * 120)


# The owner's part


def test_a_code_keeps_its_count_when_its_terms_change_or_it_comes_back(shop: Shop) -> None:
    coupon(shop)
    shop.check_out(coded(shop), total=1080)
    coupon(shop, CouponTerms(basis_points=2000, max_uses=9))
    assert use_of(shop) == (1, 120)
    pricing.delete_coupon("CODE", prices=shop.world)
    with pytest.raises(CouponNotFound):
        pricing.read_coupon("code", prices=shop.world)
    with pytest.raises(CouponNotFound):
        pricing.delete_coupon("CODE", prices=shop.world)
    coupon(shop)
    assert use_of(shop) == (1, 120)


def test_putting_a_coupon_waits_for_sales_in_its_way(shop: Shop) -> None:
    interrupt(shop.world, "put_coupon", Moved(), Moved())
    coupon(shop)
    interrupt(shop.world, "delete_coupon", Moved())
    pricing.delete_coupon("CODE", prices=shop.world)


def test_what_contradicts_itself_is_not_kept(shop: Shop) -> None:
    with pytest.raises(InvalidRequest):
        pricing.put_coupon("CODE", CouponTerms(), prices=shop.world)
    with pytest.raises(InvalidRequest):
        pricing.put_shipping(Shipping(rates=[*TO_GERMANY.rates] * 2), prices=shop.world)
    with pytest.raises(InvalidRequest):
        pricing.put_taxes(Taxes(mode="stripe", home="DE"), prices=shop.world)
    assert pricing.read_shipping(prices=shop.world) == Shipping()
    assert pricing.read_taxes(prices=shop.world) == Taxes()


# Shipping and tax


def test_what_the_cart_shows_is_what_is_charged(shop: Shop) -> None:
    coupon(shop)
    pricing.put_shipping(TO_GERMANY, prices=shop.world)
    pricing.put_taxes(GERMAN_TAX, prices=shop.world)
    cart_id = coded(shop, "mug", "tea")
    shown = shop.send_to(cart_id, "DE")
    order = shop.check_out(cart_id, total=shown.amount).order
    assert shown.amount == 1710 + 490 + 418
    assert (order.amount, order.tax, order.shipping, order.shipping_rate) == (2618, 418, 490, "Parcel")
    assert order.computed_for == shown.computed_for == Destination(country="DE")


def test_a_cart_that_must_be_sent_is_not_checked_out_without_a_destination(shop: Shop) -> None:
    pricing.put_shipping(TO_GERMANY, prices=shop.world)
    cart = shop.cart("mug")
    with pytest.raises(DestinationNeeded):
        shop.check_out(cart.id, total=1200)
    assert shop.check_out(cart.id, total=1690, contact=contact("DE")).order.shipping == 490


def test_what_is_not_sent_needs_no_destination(shop: Shop) -> None:
    shop.sell(a_product("course", shippable=False))
    pricing.put_shipping(TO_GERMANY, prices=shop.world)
    pricing.put_taxes(GERMAN_TAX, prices=shop.world)
    assert shop.order("course").tax == 228


def test_a_country_that_is_not_served_is_refused(shop: Shop) -> None:
    pricing.put_shipping(TO_GERMANY, prices=shop.world)
    cart = shop.cart("mug")
    shown = shop.send_to(cart.id, "FR")
    assert shown.destination_problem is not None
    with pytest.raises(DestinationNotServed) as refusal:
        shop.check_out(cart.id, total=1200)
    assert str(refusal.value) == shown.destination_problem.message
    assert not shop.world.orders


def test_the_address_of_the_checkout_outranks_the_carts_destination(shop: Shop) -> None:
    pricing.put_taxes(GERMAN_TAX, prices=shop.world)
    cart = shop.send_to(shop.cart("mug").id, "DE")
    with pytest.raises(TotalChanged) as refusal:
        shop.check_out(cart.id, total=cart.amount, contact=contact("FR"))
    assert (cart.amount, refusal.value.details["total"]) == (1428, 1440)
    order = shop.check_out(cart.id, total=1440, contact=contact("FR")).order
    assert order.computed_for == Destination(country="FR")


def test_an_order_is_not_sent_to_where_it_was_not_computed_for(shop: Shop) -> None:
    pricing.put_taxes(GERMAN_TAX, prices=shop.world)
    cart = shop.send_to(shop.cart("mug").id, "DE")
    first = shop.check_out(cart.id, total=1428).order
    with pytest.raises(DestinationChanged):
        shop.check_out(cart.id, total=1428, contact=contact("FR"))
    assert shop.check_out(cart.id, total=1428, contact=contact("DE")).order.id == first.id
    moved = shop.send_to(cart.id, "FR")
    assert shop.check_out(cart.id, total=moved.amount, contact=contact("FR")).order.id != first.id


def test_without_rates_and_taxes_an_address_can_be_corrected_to_anywhere(shop: Shop) -> None:
    cart = shop.cart("mug")
    first = shop.check_out(cart.id, total=1200, contact=contact("DE")).order
    assert shop.check_out(cart.id, total=1200, contact=contact("FR")).order.id == first.id


# Tax by the provider


def test_the_provider_is_asked_for_tax_once_a_destination_is_known(shop: Shop) -> None:
    pricing.put_taxes(Taxes(mode="stripe", prices="exclusive"), prices=shop.world)
    cart = shop.cart("mug")
    assert cart.destination_problem is not None
    assert shop.provider.tax_questions == []
    with pytest.raises(DestinationNeeded):
        shop.check_out(cart.id, total=1200)
    shown = shop.send_to(cart.id, "FR")
    assert (shown.tax, shown.amount) == (120, 1320)
    assert shop.check_out(cart.id, total=1320).order.tax == 120


def test_a_provider_that_can_not_be_asked_leaves_no_order(shop: Shop) -> None:
    pricing.put_taxes(Taxes(mode="stripe"), prices=shop.world)
    cart = shop.send_to(shop.cart("mug").id, "FR")
    interrupt(shop.provider, "ask_tax", ProviderUnavailable("down"), ProviderUnavailable("down"))
    with pytest.raises(ProviderUnavailable):
        shop.check_out(cart.id, total=cart.amount)
    with pytest.raises(ProviderUnavailable):
        shop.read_cart(cart.id)
    assert not shop.world.orders
