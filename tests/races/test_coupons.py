from __future__ import annotations

from functools import partial

from chalicelib.domain.carts import Cart, with_coupon
from chalicelib.domain.coupons import CouponTerms
from chalicelib.domain.errors import CouponUsedUp, TotalChanged
from chalicelib.services.checkout import Checkout
from tests.fakes import NOW
from tests.making import a_fact
from tests.races.shop import Shop, at_once, refusals


def coded(shop: Shop, seed: object) -> Cart:
    """A cart of one packet of tea, at 10 % off."""
    cart = with_coupon(shop.cart({"tea": 1}, seed=seed), "CODE", now=NOW)
    shop.carts.replace_cart(cart)
    return cart


def use_of(shop: Shop) -> tuple[int, dict[str, int]]:
    coupon = shop.prices.get_coupon("CODE")
    assert coupon is not None
    return coupon.times_used, coupon.discount_given


def test_many_buyers_with_one_code_use_it_as_often_as_it_may_be(shop: Shop) -> None:
    shop.stock.set_stock("tea", 100)
    shop.prices.put_coupon("CODE", CouponTerms(basis_points=1000, max_uses=3))
    carts = [coded(shop, number) for number in range(20)]
    outcomes = at_once([partial(shop.check_out_at, cart, 630) for cart in carts])
    refused = refusals(outcomes)
    assert (refused.keys() <= {CouponUsedUp, TotalChanged}, refused.total()) == (True, 17)
    assert use_of(shop) == (3, {"eur": 210})
    assert shop.stock.get_stock(["tea"]) == {"tea": 97}


def test_a_budget_is_never_exceeded(shop: Shop) -> None:
    shop.stock.set_stock("tea", 100)
    shop.prices.put_coupon("CODE", CouponTerms(basis_points=1000, currency="eur", max_discount=300))
    carts = [coded(shop, number) for number in range(20)]
    outcomes = at_once([partial(shop.check_out_at, cart, 630) for cart in carts])
    assert refusals(outcomes).total() == 16
    assert use_of(shop) == (4, {"eur": 280})


def test_uses_that_are_given_back_at_once_are_all_given_back_once(shop: Shop) -> None:
    shop.stock.set_stock("tea", 100)
    shop.prices.put_coupon("CODE", CouponTerms(basis_points=1000))
    carts = [coded(shop, number) for number in range(8)]
    done = at_once([partial(shop.check_out_at, cart, 630) for cart in carts])
    orders = [outcome.order for outcome in done if isinstance(outcome, Checkout)]
    facts = [a_fact(order, "canceled", key=key) for order in orders for key in "ab"]
    at_once([partial(shop.record, fact) for fact in facts])
    assert use_of(shop) == (0, {"eur": 0})
    assert shop.stock.get_stock(["tea"]) == {"tea": 100}
