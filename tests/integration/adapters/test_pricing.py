from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.adapters.dynamodb.carts import DynamoCarts
from chalicelib.adapters.dynamodb.orders import DynamoOrders
from chalicelib.adapters.dynamodb.pricing import DynamoPricing, counting_action
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain import orders as rules
from chalicelib.domain.carts import Cart, with_coupon, with_quantity
from chalicelib.domain.coupons import Coupon, CouponTerms, UsedCoupon
from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.orders import Order, OrderChange
from chalicelib.domain.payments import apply
from chalicelib.domain.reviews import accept
from chalicelib.domain.shipping import Band, Shipping, ShippingRate
from chalicelib.domain.taxes import RegionRates, Taxes
from chalicelib.domain.totals import PriceList
from chalicelib.ports import AlreadyPlaced, CouponSpent, Moved, StockShort
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import ADA, a_cart, a_fact, a_product, priced_by

MUG, TEA = a_product("mug"), a_product("tea", tracked=True, tax_code="food", weight_grams=70)
TENTH = CouponTerms(basis_points=1000)
LATER = NOW + timedelta(minutes=1)
FULL_TERMS = CouponTerms(
    amount_off=500,
    currency="eur",
    skus=["mug", "A.b~c"],
    minimum_spend=1000,
    max_uses=7,
    max_discount=10**12,
    starts_at=NOW - timedelta(microseconds=1),
    ends_at=NOW + timedelta(days=1),
)
SHIPPING = Shipping(
    rates=[
        ShippingRate(
            name="Päckchen",
            currency="eur",
            countries=["DE", "AT"],
            by="weight",
            bands=[Band(up_to=500, amount=190), Band(amount=0)],
        )
    ]
)
TAXES = Taxes(
    prices="exclusive",
    home="DE",
    regions=[RegionRates(country="US", state="NY", default=88_750, by_code={"food": 0, "shipping": 5})],
)


def ordered(stores: Stores, coupon: Coupon, *, seed: object = 0) -> tuple[Cart, Order]:
    """A cart with the code, in its store, and the order that it comes to."""
    cart = with_coupon(a_cart(MUG, seed=seed), coupon.code, now=NOW)
    stores.carts.create_cart(cart)
    priced = priced_by(cart, PriceList(products={"mug": MUG}, coupon=coupon))
    return cart, rules.place(cart, priced, ADA, takes={}, livemode=False, now=NOW)


def place(stores: Stores, coupon: Coupon, *, seed: object = 0) -> Order:
    cart, order = ordered(stores, coupon, seed=seed)
    stores.orders.place_order(order, cart=cart, coupon=coupon)
    return order


def use_of(stores: Stores, code: str = "CODE") -> tuple[int, dict[str, int]]:
    found = stores.prices.get_coupon(code)
    assert found is not None
    return found.times_used, found.discount_given


def test_a_price_list_of_nothing_is_empty(stores: Stores) -> None:
    assert stores.prices.get_price_list(["mug"], coupon="CODE") == PriceList()
    assert stores.prices.get_price_list([], coupon="") == PriceList()


def test_all_that_a_total_comes_from_is_read_together(stores: Stores) -> None:
    stores.catalog.put_products([MUG, TEA])
    stores.prices.put_shipping(SHIPPING)
    stores.prices.put_taxes(TAXES)
    coupon = stores.prices.put_coupon("CODE", FULL_TERMS)
    stores.prices.put_coupon("OTHER", TENTH)
    expected = PriceList(products={"mug": MUG, "tea": TEA}, coupon=coupon, shipping=SHIPPING, taxes=TAXES)
    assert stores.prices.get_price_list(["mug", "tea", "pot"], coupon="CODE") == expected
    without = stores.prices.get_price_list([], coupon="")
    assert without == replace(expected, products={}, coupon=None)


def test_the_documents_are_replaced_whole(stores: Stores) -> None:
    stores.prices.put_shipping(SHIPPING)
    stores.prices.put_shipping(Shipping())
    stores.prices.put_taxes(TAXES)
    stores.prices.put_taxes(Taxes(mode="stripe"))
    known = stores.prices.get_price_list([], coupon="")
    assert (known.shipping, known.taxes) == (Shipping(), Taxes(mode="stripe"))


def test_a_cart_is_read_with_the_documents(stores: Stores) -> None:
    stores.prices.put_shipping(SHIPPING)
    _, prices = stores.carts.get_cart_and_prices(a_cart().id, "mug")
    assert prices == PriceList(shipping=SHIPPING)


def test_a_cart_keeps_its_code_and_destination(stores: Stores) -> None:
    destination = Destination(country="US", state="NY", postal_code="10001")
    cart = replace(with_coupon(a_cart(MUG), "CODE", now=NOW), destination=destination)
    stores.carts.create_cart(cart)
    assert stores.carts.get_cart(cart.id) == cart


@pytest.mark.parametrize("terms", [TENTH, FULL_TERMS], ids=["few", "full"])
def test_a_coupon_is_read_as_it_was_written(stores: Stores, terms: CouponTerms) -> None:
    coupon = stores.prices.put_coupon("CODE", terms)
    assert coupon == Coupon(code="CODE", version=1, terms=terms)
    assert stores.prices.get_coupon("CODE") == coupon


def test_each_change_of_the_terms_is_another_version(stores: Stores) -> None:
    stores.prices.put_coupon("CODE", FULL_TERMS)
    changed = stores.prices.put_coupon("CODE", TENTH)
    assert (changed.version, changed.terms) == (2, TENTH)


def test_a_deleted_coupon_is_gone_and_comes_back_with_its_count(stores: Stores) -> None:
    place(stores, stores.prices.put_coupon("CODE", TENTH))
    stores.prices.delete_coupon("CODE")
    assert stores.prices.get_coupon("CODE") is None
    assert stores.prices.get_price_list([], coupon="CODE").coupon is None
    assert stores.prices.list_coupons(limit=9, cursor=None).items == []
    back = stores.prices.put_coupon("CODE", TENTH)
    assert (back.version, back.times_used, back.discount_given) == (3, 1, {"eur": 120})


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_coupons_are_paged_by_code(stores: Stores, limit: int) -> None:
    for code in ("C", "A", "D", "B"):
        stores.prices.put_coupon(code, TENTH)
    stores.prices.delete_coupon("B")
    seen: list[str] = []
    cursor = None
    while True:
        page = stores.prices.list_coupons(limit=limit, cursor=cursor)
        seen += [coupon.code for coupon in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == ["A", "C", "D"]


def test_a_broken_cursor_is_refused(stores: Stores) -> None:
    with pytest.raises(InvalidCursor):
        stores.prices.list_coupons(limit=5, cursor="x")


def test_placing_an_order_counts_its_use_and_the_cart_remembers(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    orders = [place(stores, coupon, seed=seed) for seed in range(3)]
    assert use_of(stores) == (3, {"eur": 360})
    story = stores.orders.get_order(orders[0].id)
    assert story is not None
    assert story.order == orders[0]
    assert story.order.coupon == UsedCoupon(code="CODE", amount=120)
    cart = stores.carts.get_cart(orders[0].cart_id)
    assert cart is not None
    assert cart.coupon_counted


def test_an_order_without_a_coupon_counts_none(stores: Stores) -> None:
    stores.prices.put_coupon("CODE", TENTH)
    cart = a_cart(MUG)
    stores.carts.create_cart(cart)
    order = rules.place(
        cart, priced_by(cart, PriceList(products={"mug": MUG})), ADA, takes={}, livemode=False, now=NOW
    )
    stores.orders.place_order(order, cart=cart)
    assert use_of(stores) == (0, {})
    assert stores.carts.get_cart(cart.id) == replace(cart, order_id=order.id, checkouts=1)


@pytest.mark.parametrize(
    ("terms", "most"),
    [
        (CouponTerms(basis_points=1000, max_uses=2), 2),
        (CouponTerms(basis_points=1000, currency="eur", max_discount=359), 2),
        (CouponTerms(basis_points=1000, currency="eur", max_discount=360), 3),
        (CouponTerms(basis_points=1000, currency="eur", max_discount=119), 0),
    ],
)
def test_limits_are_held_by_the_order_that_counts(stores: Stores, terms: CouponTerms, most: int) -> None:
    as_read = stores.prices.put_coupon("CODE", terms)
    unlimited = replace(as_read, terms=TENTH)
    placed = 0
    for seed in range(4):
        cart, order = ordered(stores, unlimited, seed=seed)
        if placed < most:
            stores.orders.place_order(order, cart=cart, coupon=as_read)
            placed += 1
            continue
        with pytest.raises(CouponSpent):
            stores.orders.place_order(order, cart=cart, coupon=as_read)
        assert stores.orders.get_order(order.id) is None
    assert use_of(stores) == (most, {"eur": most * 120} if most else {})


def test_a_coupon_that_changed_or_went_since_it_was_read_is_not_used(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    stores.prices.put_coupon("CODE", TENTH)
    with pytest.raises(CouponSpent):
        place(stores, coupon)
    current = stores.prices.get_coupon("CODE")
    assert current is not None
    stores.prices.delete_coupon("CODE")
    with pytest.raises(CouponSpent):
        place(stores, current, seed=1)


def test_what_else_stands_against_an_order_is_told_as_before(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    cart, order = ordered(stores, coupon)
    short = replace(order, takes={"mug": 1}, reserved={"mug": 1})
    with pytest.raises(StockShort):
        stores.orders.place_order(short, cart=cart, coupon=coupon)
    with pytest.raises(Moved):
        stores.orders.place_order(order, cart=replace(cart, version=99), coupon=coupon)
    assert use_of(stores) == (0, {})
    stores.orders.place_order(order, cart=cart, coupon=coupon)
    with pytest.raises(AlreadyPlaced):
        stores.orders.place_order(order, cart=cart, coupon=coupon)
    assert use_of(stores) == (1, {"eur": 120})


def test_uses_in_several_currencies_are_summed_apart(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    place(stores, coupon)
    dollars = a_product("pot", currency="usd")
    cart = with_coupon(a_cart(dollars, seed=1), "CODE", now=NOW)
    stores.carts.create_cart(cart)
    priced = priced_by(cart, PriceList(products={"pot": dollars}, coupon=coupon))
    order = rules.place(cart, priced, ADA, takes={}, livemode=False, now=NOW)
    stores.orders.place_order(order, cart=cart, coupon=coupon)
    assert use_of(stores) == (2, {"eur": 120, "usd": 120})


def test_a_header_stays_small_whatever_the_breakdown(table: Table) -> None:
    """It is written again with each change, what is frozen is not."""
    prices, carts = DynamoPricing(table), DynamoCarts(table)
    coupon = prices.put_coupon("CODE", TENTH)
    cart = with_coupon(a_cart(MUG), "CODE", now=NOW)
    carts.create_cart(cart)
    priced = priced_by(cart, PriceList(products={"mug": MUG}, coupon=coupon))
    order = rules.place(cart, priced, ADA, takes={}, livemode=False, now=NOW)
    DynamoOrders(table).place_order(order, cart=cart, coupon=coupon)
    header, lines = table.get((f"ORDER#{order.id}", "ORDER")), table.get((f"ORDER#{order.id}", "LINES"))
    assert header is not None
    assert lines is not None
    assert {"discount", "coupon", "subtotal", "lines", "tax"}.isdisjoint(header)
    assert {"discount", "coupon", "subtotal", "lines", "tax"} < lines.keys()
    assert header["amount"] == {"N": "1080"}


@pytest.mark.parametrize("deleted", [True, False])
def test_a_use_is_given_back_whatever_became_of_the_coupon(table: Table, *, deleted: bool) -> None:
    prices, carts = DynamoPricing(table), DynamoCarts(table)
    coupon = prices.put_coupon("CODE", CouponTerms(basis_points=1000, max_uses=1))
    cart = with_coupon(a_cart(MUG), "CODE", now=NOW)
    carts.create_cart(cart)
    priced = priced_by(cart, PriceList(products={"mug": MUG}, coupon=coupon))
    order = rules.place(cart, priced, ADA, takes={}, livemode=False, now=NOW)
    DynamoOrders(table).place_order(order, cart=cart, coupon=coupon)
    if deleted:
        prices.delete_coupon("CODE")
    assert order.coupon is not None
    table.transact([counting_action(table, order.coupon, uses=-1, currency=order.currency)])
    back = prices.put_coupon("CODE", TENTH)
    assert (back.times_used, back.discount_given) == (0, {"eur": 0})


def canceled(order: Order) -> OrderChange:
    change = apply(order, a_fact(order, "canceled"), ledger=(), now=LATER)
    assert change is not None
    return change


def test_an_order_that_is_canceled_gives_its_use_back(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", CouponTerms(basis_points=1000, max_uses=1))
    stores.orders.commit(canceled(place(stores, coupon)))
    assert use_of(stores) == (0, {"eur": 0})
    place(stores, coupon, seed=1)
    assert use_of(stores) == (1, {"eur": 120})


def test_what_was_paid_all_the_same_counts_again(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    over = canceled(place(stores, coupon))
    stores.orders.commit(over)
    paid = apply(over.order, a_fact(over.order, key="late"), ledger=[over.entry], now=LATER)
    assert paid is not None
    stores.orders.commit(paid)
    taken = accept(paid.order, takes={}, backordered={}, by="owner", check_at=None, now=LATER)
    stores.orders.commit(taken)
    assert use_of(stores) == (1, {"eur": 120})


def changed(stores: Stores, order: Order, coupon: Coupon, quantity: int) -> tuple[Cart, Order]:
    """The order's cart with another quantity, and the order that it becomes."""
    cart = stores.carts.get_cart(order.cart_id)
    assert cart is not None
    cart = with_quantity(cart, MUG, quantity, now=NOW)
    stores.carts.replace_cart(cart)
    prices = PriceList(products={"mug": MUG}, coupon=coupon)
    return cart, rules.place(cart, priced_by(cart, prices), ADA, takes={}, livemode=False, now=NOW)


def test_an_order_takes_over_the_use_of_the_one_that_it_replaces(stores: Stores) -> None:
    terms = CouponTerms(basis_points=1000, currency="eur", max_uses=1, max_discount=240)
    coupon = stores.prices.put_coupon("CODE", terms)
    first = place(stores, coupon)
    cart, second = changed(stores, first, coupon, 2)
    assert cart.coupon_counted
    stores.orders.place_order(second, cart=cart, coupon=coupon, replaces=canceled(first))
    assert use_of(stores) == (1, {"eur": 240})
    cart, third = changed(stores, second, coupon, 3)
    too_much = replace(third, coupon=UsedCoupon(code="CODE", amount=360))
    with pytest.raises(CouponSpent):
        stores.orders.place_order(too_much, cart=cart, coupon=coupon, replaces=canceled(second))
    assert use_of(stores) == (1, {"eur": 240})
    fewer, last = changed(stores, second, coupon, 1)
    stores.orders.place_order(last, cart=fewer, coupon=coupon, replaces=canceled(second))
    assert use_of(stores) == (1, {"eur": 120})


def test_an_order_without_a_coupon_gives_back_the_use_of_the_one_that_it_replaces(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    first = place(stores, coupon)
    cart, second = changed(stores, first, coupon, 2)
    plain = replace(second, coupon=None)
    stores.orders.place_order(plain, cart=cart, replaces=canceled(first))
    assert use_of(stores) == (0, {"eur": 0})


def test_another_code_is_counted_and_the_one_before_given_back(stores: Stores) -> None:
    coupon = stores.prices.put_coupon("CODE", TENTH)
    other = stores.prices.put_coupon("OTHER", TENTH)
    first = place(stores, coupon)
    cart, second = changed(stores, first, other, 1)
    by_other = replace(second, coupon=UsedCoupon(code="OTHER", amount=120))
    stores.orders.place_order(by_other, cart=cart, coupon=other, replaces=canceled(first))
    found = stores.prices.get_coupon("OTHER")
    assert found is not None
    assert (use_of(stores), found.times_used) == ((0, {"eur": 0}), 1)
