from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chalicelib.domain.errors import (
    AmountRefused,
    Busy,
    CartEmpty,
    OrderNotPayable,
    OutOfStock,
    ProductUnavailable,
    ProviderUnavailable,
    TotalChanged,
)
from chalicelib.domain.money import MAX_AMOUNT
from chalicelib.domain.orders import Contact
from chalicelib.ports import Moved
from chalicelib.services.checkout import Checkout
from chalicelib.services.contention import TRIES
from tests.fakes import interrupt
from tests.making import ADA, a_product
from tests.unit.services.shop import Shop

CORRECTED = Contact(email="ada@example.org", name="Ada King")


def reference_of(done: Checkout) -> str:
    assert done.session is not None
    return done.session.reference


def nothing_was_ordered(shop: Shop) -> bool:
    return not shop.world.orders and not shop.provider.sessions and shop.world.stock == {"tea": 3}


def test_a_checkout_freezes_the_cart_reserves_its_stock_and_begins_the_payment(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    cart = shop.set_quantity(cart.id, "tea", 2)
    done = shop.check_out(cart.id, total=cart.amount)
    assert [(line.sku, line.quantity, line.amount) for line in done.order.lines] == [
        ("mug", 1, 1200),
        ("tea", 2, 1400),
    ]
    assert (done.order.amount, done.order.currency, done.order.status) == (2600, "eur", "pending")
    assert (done.order.contact, done.order.livemode) == (ADA, False)
    assert shop.world.stock == {"tea": 1}
    stored = shop.stored(done.order.id)
    assert stored.payment.reference == reference_of(done)
    assert shop.world.find_order_id(provider="fake", reference=reference_of(done)) == done.order.id


def test_what_is_sold_without_limit_touches_no_stock(shop: Shop) -> None:
    shop.order("mug")
    assert shop.world.stock == {"tea": 3}


def test_the_cart_survives_its_checkout(shop: Shop) -> None:
    cart = shop.cart("mug")
    shop.check_out(cart.id, total=1200)
    assert shop.read_cart(cart.id) == cart


def test_an_order_of_a_changed_cart_is_another_order(shop: Shop) -> None:
    cart = shop.cart("mug")
    first = shop.check_out(cart.id, total=1200)
    shop.set_quantity(cart.id, "mug", 2)
    second = shop.check_out(cart.id, total=2400)
    assert first.order.id != second.order.id
    assert first.token != second.token


def test_a_repeated_checkout_is_the_same_order_and_payment_and_reserves_once(shop: Shop) -> None:
    cart = shop.cart("tea")
    first, second = shop.check_out(cart.id, total=700), shop.check_out(cart.id, total=700)
    assert (first.order.id, first.token, first.session) == (second.order.id, second.token, second.session)
    assert (shop.world.stock, len(shop.world.orders), len(shop.provider.sessions)) == ({"tea": 2}, 1, 1)
    assert shop.stored(first.order.id).version == 1


def test_parallel_checkouts_are_one_order_and_one_payment(shop: Shop) -> None:
    cart = shop.cart("tea")
    together = Barrier(8)
    interrupt(shop.world, "place_order", *[together.wait] * 8)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: shop.check_out(cart.id, total=700), range(8)))
    assert len({(done.order.id, reference_of(done)) for done in results}) == 1
    assert (shop.world.stock, len(shop.world.orders), len(shop.provider.sessions)) == ({"tea": 2}, 1, 1)


def test_parallel_checkouts_of_the_last_piece_are_one_sale(shop: Shop) -> None:
    shop.world.set_stock("tea", 1)
    carts = [shop.cart("tea") for _ in range(6)]
    interrupt(shop.world, "place_order", *[Barrier(6).wait] * 6)

    def try_it(cart_id: str) -> str:
        try:
            return shop.check_out(cart_id, total=700).order.id
        except OutOfStock:
            return ""

    with ThreadPoolExecutor(6) as pool:
        sold = [order_id for order_id in pool.map(try_it, [cart.id for cart in carts]) if order_id]
    assert (len(sold), shop.world.stock) == (1, {"tea": 0})


def test_a_price_that_changed_since_the_shopper_saw_it_is_refused_with_both(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    shop.sell(a_product("mug", amount=1500))
    with pytest.raises(TotalChanged, match=r"22\.00 EUR now, not 19\.00 EUR") as refusal:
        shop.check_out(cart.id, total=1900)
    assert refusal.value.details == {"expected_total": 1900, "total": 2200, "currency": "eur"}
    assert nothing_was_ordered(shop)


def test_a_price_that_changed_after_the_order_was_placed_leaves_the_order_as_it_was(shop: Shop) -> None:
    cart = shop.cart("mug")
    first = shop.check_out(cart.id, total=1200)
    shop.sell(a_product("mug", amount=1500))
    again = shop.check_out(cart.id, total=1200)
    assert (again.order.id, again.order.amount, again.session) == (first.order.id, 1200, first.session)


def test_a_shopper_who_expects_another_total_than_her_order_has_is_told(shop: Shop) -> None:
    cart = shop.cart("mug")
    shop.check_out(cart.id, total=1200)
    shop.sell(a_product("mug", amount=1500))
    with pytest.raises(TotalChanged) as refusal:
        shop.check_out(cart.id, total=1500)
    assert refusal.value.details == {"expected_total": 1500, "total": 1200, "currency": "eur"}


def test_a_product_that_went_after_the_order_was_placed_leaves_the_order_payable(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    first = shop.check_out(cart.id, total=1900)
    shop.world.delete_products(["mug"])
    assert shop.check_out(cart.id, total=1900).order.id == first.order.id


def test_stock_that_went_after_the_order_was_placed_leaves_the_order_payable(shop: Shop) -> None:
    shop.world.set_stock("tea", 1)
    cart = shop.cart("tea")
    first = shop.check_out(cart.id, total=700)
    assert shop.world.stock == {"tea": 0}
    assert shop.check_out(cart.id, total=700).order.id == first.order.id


def test_a_corrected_contact_is_kept_with_the_order(shop: Shop) -> None:
    cart = shop.cart("tea")
    first = shop.check_out(cart.id, total=700)
    second = shop.check_out(cart.id, total=700, contact=CORRECTED)
    stored = shop.stored(first.order.id)
    assert second.order.id == first.order.id
    assert (second.order.contact, second.order.version) == (CORRECTED, 2)
    assert (stored.contact, stored.version, stored.amount) == (CORRECTED, 2, 700)
    assert (second.session, shop.world.stock) == (first.session, {"tea": 2})


def test_a_contact_is_not_corrected_once_the_order_is_paid(shop: Shop) -> None:
    cart = shop.cart("mug")
    order = shop.check_out(cart.id, total=1200).order
    shop.tell(order, "succeeded", key="a")
    with pytest.raises(OrderNotPayable):
        shop.check_out(cart.id, total=1200, contact=CORRECTED)
    assert shop.stored(order.id).contact == ADA


def test_a_payment_that_arrives_while_the_contact_is_corrected_wins(shop: Shop) -> None:
    cart = shop.cart("mug")
    order = shop.check_out(cart.id, total=1200).order
    interrupt(shop.world, "commit", lambda: shop.tell(order, "succeeded", key="a"))
    with pytest.raises(OrderNotPayable):
        shop.check_out(cart.id, total=1200, contact=CORRECTED)
    stored = shop.stored(order.id)
    assert (stored.status, stored.contact) == ("paid", ADA)


def test_a_failed_payment_that_arrives_while_the_contact_is_corrected_is_kept(shop: Shop) -> None:
    cart = shop.cart("mug")
    order = shop.check_out(cart.id, total=1200).order
    interrupt(shop.world, "commit", lambda: shop.tell(order, "failed", key="a"))
    shop.check_out(cart.id, total=1200, contact=CORRECTED)
    stored = shop.stored(order.id)
    assert (stored.status, stored.contact) == ("failed", CORRECTED)


def test_out_of_stock_names_each_sku_and_what_is_left(shop: Shop) -> None:
    shop.world.put_products([a_product("pot", tracked=True), a_product("jar", tracked=True)])
    shop.world.set_stock("pot", 2)
    cart = shop.cart("mug", "tea", "pot", "jar")
    shop.set_quantity(cart.id, "tea", 4)
    cart = shop.set_quantity(cart.id, "pot", 2)
    with pytest.raises(OutOfStock, match=r"tea \(3 left\), jar \(0 left\)") as refusal:
        shop.check_out(cart.id, total=cart.amount)
    assert refusal.value.details == {
        "items": [{"sku": "tea", "wanted": 4, "left": 3}, {"sku": "jar", "wanted": 1, "left": 0}]
    }
    assert (shop.world.stock, shop.world.orders) == ({"tea": 3, "pot": 2}, {})


def test_stock_that_comes_back_while_it_was_missed_is_sold(shop: Shop) -> None:
    shop.world.set_stock("tea", 0)
    cart = shop.cart("tea")
    interrupt(shop.world, "get_stock", lambda: shop.world.set_stock("tea", 5))
    assert shop.check_out(cart.id, total=700).order.status == "pending"
    assert shop.world.stock == {"tea": 4}


def test_what_is_no_longer_sold_is_refused_by_name(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    shop.world.delete_products(["mug"])
    with pytest.raises(ProductUnavailable, match="No longer sold: mug") as refusal:
        shop.check_out(cart.id, total=700)
    assert refusal.value.details == {"skus": ["mug"]}
    assert nothing_was_ordered(shop)


def test_what_changed_its_currency_is_refused_by_name(shop: Shop) -> None:
    cart = shop.cart("mug")
    shop.sell(a_product("mug", currency="usd"))
    with pytest.raises(ProductUnavailable):
        shop.check_out(cart.id, total=1200)
    assert nothing_was_ordered(shop)


def test_an_empty_cart_cannot_be_checked_out(shop: Shop) -> None:
    with pytest.raises(CartEmpty):
        shop.check_out(shop.cart().id, total=0)
    emptied = shop.cart("mug")
    shop.remove_item(emptied.id, "mug")
    with pytest.raises(CartEmpty):
        shop.check_out(emptied.id, total=0)
    assert nothing_was_ordered(shop)


@pytest.mark.parametrize(
    ("amount", "currency", "quantity", "chargeable"),
    [
        (1, "eur", 1, False),
        (49, "eur", 1, False),
        (50, "eur", 1, True),
        (17_499, "huf", 1, False),
        (1, "isk", 1, True),
        (MAX_AMOUNT, "usd", 1, True),
        (MAX_AMOUNT // 2 + 1, "usd", 2, False),
    ],
)
def test_only_what_can_be_charged_becomes_an_order(
    shop: Shop,
    amount: int,
    currency: str,
    quantity: int,
    chargeable: bool,  # noqa: FBT001 (a case)
) -> None:
    shop.sell(a_product("pot", amount=amount, currency=currency))
    cart = shop.set_quantity(shop.cart().id, "pot", quantity)
    if chargeable:
        assert shop.check_out(cart.id, total=cart.amount).order.amount == amount * quantity
        return
    with pytest.raises(AmountRefused) as refusal:
        shop.check_out(cart.id, total=cart.amount)
    assert refusal.value.details == {"amount": amount * quantity, "currency": currency}
    assert nothing_was_ordered(shop)


def test_what_costs_nothing_is_paid_when_it_is_ordered_and_asks_no_provider(shop: Shop) -> None:
    shop.sell(a_product("pot", amount=0))
    cart = shop.cart("pot")
    done = shop.check_out(cart.id, total=0)
    assert (done.session, done.order.status, shop.provider.sessions) == (None, "paid", {})
    assert [event.type for event in shop.world.events.values()] == ["order.paid"]
    again = shop.check_out(cart.id, total=0)
    assert (again.order, again.session) == (done.order, None)
    story = shop.world.get_order(done.order.id)
    assert story is not None
    assert [entry.what for entry in story.ledger] == ["order.placed", "payment.succeeded"]


@pytest.mark.parametrize("kind", ["succeeded", "processing"])
def test_an_order_that_is_paid_or_about_to_be_is_not_payable_again(shop: Shop, kind: str) -> None:
    cart = shop.cart("tea")
    done = shop.check_out(cart.id, total=700)
    shop.tell(done.order, kind, key="a")  # type: ignore[arg-type]
    with pytest.raises(OrderNotPayable) as refusal:
        shop.check_out(cart.id, total=700)
    status = "paid" if kind == "succeeded" else "processing"
    assert refusal.value.details == {"order_id": done.order.id, "order_token": done.token, "status": status}
    assert shop.world.stock == {"tea": 2}


def test_an_order_whose_payment_failed_is_payable_again_with_the_same_payment(shop: Shop) -> None:
    cart = shop.cart("tea")
    first = shop.check_out(cart.id, total=700)
    shop.tell(first.order, "failed", key="a")
    second = shop.check_out(cart.id, total=700)
    assert (second.order.status, second.session) == ("failed", first.session)
    assert shop.world.stock == {"tea": 2}


@pytest.mark.parametrize("quantity", [1, 2])
def test_a_second_try_that_is_under_way_before_we_hear_of_it_is_not_payable_again(
    shop: Shop, quantity: int
) -> None:
    """Its notice is still on its way, and what the provider says when asked is older than the failure."""
    cart = shop.cart("mug")
    order = shop.check_out(cart.id, total=1200).order
    shop.tell(order, "failed", key="evt_1")
    shop.provider.states[f"pay_{order.id}"] = "processing"
    if quantity != 1:
        shop.set_quantity(cart.id, "mug", quantity)
    with pytest.raises(OrderNotPayable) as refusal:
        shop.check_out(cart.id, total=1200 * quantity)
    assert refusal.value.details["status"] == "processing"


def test_a_provider_that_fails_leaves_an_order_that_the_next_checkout_goes_on_with(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.provider, "open_payment", ProviderUnavailable("down"))
    with pytest.raises(ProviderUnavailable):
        shop.check_out(cart.id, total=700)
    assert [order.status for order in shop.world.orders.values()] == ["pending"]
    assert shop.check_out(cart.id, total=700).order.status == "pending"
    assert (len(shop.world.orders), shop.world.stock) == (1, {"tea": 2})


def test_a_provider_whose_answer_is_lost_opened_one_payment_all_the_same(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.provider, "open_payment", ProviderUnavailable("lost"), after=True)
    with pytest.raises(ProviderUnavailable):
        shop.check_out(cart.id, total=700)
    done = shop.check_out(cart.id, total=700)
    assert list(shop.provider.sessions.values()) == [done.session]


def test_a_crash_before_the_reference_is_stored_does_no_harm(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.world, "save_reference", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        shop.check_out(cart.id, total=700)
    done = shop.check_out(cart.id, total=700)
    assert shop.stored(done.order.id).payment.reference == reference_of(done)
    assert (len(shop.provider.sessions), shop.world.stock) == (1, {"tea": 2})


def test_a_lost_answer_of_the_transaction_neither_orders_nor_reserves_twice(shop: Shop) -> None:
    """The SDK asks again, and finds its own order there."""
    cart = shop.cart("tea")
    interrupt(shop.world, "place_order", OSError("the answer is lost"), after=True)
    with pytest.raises(OSError, match="lost"):
        shop.check_out(cart.id, total=700)
    assert shop.check_out(cart.id, total=700).order.status == "pending"
    assert (len(shop.world.orders), shop.world.stock) == (1, {"tea": 2})


def test_a_transaction_that_was_done_but_reported_as_conflicting_is_found(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.world, "place_order", Moved(), after=True)
    assert shop.check_out(cart.id, total=700).order.status == "pending"
    assert (len(shop.world.orders), shop.world.stock) == (1, {"tea": 2})


def test_a_cart_that_changes_during_its_checkout_is_checked_out_as_it_became(shop: Shop) -> None:
    cart = shop.cart("mug")
    interrupt(shop.world, "place_order", lambda: shop.set_quantity(cart.id, "tea", 1))
    with pytest.raises(TotalChanged) as refusal:
        shop.check_out(cart.id, total=1200)
    assert refusal.value.details["total"] == 1900
    assert nothing_was_ordered(shop)


def test_a_checkout_that_never_gets_through_says_busy_and_ordered_nothing(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.world, "place_order", *[Moved()] * TRIES)
    with pytest.raises(Busy):
        shop.check_out(cart.id, total=700)
    assert nothing_was_ordered(shop)


def test_live_and_test_mode_are_frozen_with_the_order(shop: Shop) -> None:
    shop.provider.livemode = True
    assert shop.order("mug").livemode
