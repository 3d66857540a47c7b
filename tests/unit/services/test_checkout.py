from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier

import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import (
    AmountRefused,
    Busy,
    CartEmpty,
    OrderNotPayable,
    OutOfStock,
    ProductUnavailable,
    ProviderUnavailable,
    TooManyRequests,
    TotalChanged,
)
from chalicelib.domain.money import MAX_AMOUNT
from chalicelib.domain.orders import RESERVED_FOR, Contact, Order
from chalicelib.domain.payments import FactKind
from chalicelib.ports import Moved
from chalicelib.services.checkout import TIME_TO_PAY, Checkout
from chalicelib.services.contention import TRIES
from tests.fakes import NOW, interrupt
from tests.making import ADA, a_fact, a_product
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
    interrupt(shop.world, "get_stock_rows", lambda: shop.world.set_stock("tea", 5))
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
        (100, "isk", 1, True),
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


def ordered(shop: Shop, quantity: int = 1) -> tuple[str, Order]:
    """A cart of so much tea that has become an order, whose payment has begun."""
    cart = shop.cart()
    cart = shop.set_quantity(cart.id, "tea", quantity)
    return cart.id, shop.check_out(cart.id, total=cart.amount).order


def void_of(shop: Shop, order: Order) -> str | None:
    """What has become of the order's payment at the provider's."""
    return shop.provider.states.get(f"pay_{order.id}")


@pytest.mark.parametrize("quantity", [1, 2, 3])
def test_a_changed_cart_takes_over_what_it_had_reserved(shop: Shop, quantity: int) -> None:
    cart_id, earlier = ordered(shop, 2)
    shop.set_quantity(cart_id, "tea", quantity)
    shop.set_quantity(cart_id, "mug", 1)
    done = shop.check_out(cart_id, total=700 * quantity + 1200)
    assert (done.order.id != earlier.id, done.order.status) == (True, "pending")
    assert (shop.world.stock, shop.stored(done.order.id).reserved) == (
        {"tea": 3 - quantity},
        {"tea": quantity},
    )
    replaced = shop.stored(earlier.id)
    assert (replaced.status, replaced.reserved, replaced.check_at) == ("canceled", {}, None)
    assert (void_of(shop, earlier), void_of(shop, done.order)) == ("canceled", None)
    assert shop.told() == {"order.canceled": 1}


def test_a_cart_of_other_things_gives_its_reservation_back(shop: Shop) -> None:
    shop.sell(a_product("pot", tracked=True))
    shop.world.set_stock("pot", 1)
    cart_id, earlier = ordered(shop, 3)
    shop.remove_item(cart_id, "tea")
    cart = shop.set_quantity(cart_id, "pot", 1)
    assert shop.check_out(cart_id, total=cart.amount).order.reserved == {"pot": 1}
    assert (shop.world.stock, shop.stored(earlier.id).status) == ({"tea": 3, "pot": 0}, "canceled")


def test_a_cart_that_became_free_ends_its_earlier_order(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.sell(a_product("pot", amount=0))
    shop.remove_item(cart_id, "tea")
    shop.set_quantity(cart_id, "pot", 1)
    assert shop.check_out(cart_id, total=0).order.status == "paid"
    assert (shop.world.stock, shop.stored(earlier.id).status) == ({"tea": 3}, "canceled")


def test_a_change_that_the_stock_does_not_allow_leaves_the_earlier_order_payable(shop: Shop) -> None:
    cart_id, earlier = ordered(shop, 2)
    shop.set_quantity(cart_id, "tea", 4)
    with pytest.raises(OutOfStock) as refusal:
        shop.check_out(cart_id, total=2800)
    assert refusal.value.details == {"items": [{"sku": "tea", "wanted": 4, "left": 3}]}
    assert (shop.stored(earlier.id).status, void_of(shop, earlier)) == ("pending", None)
    assert shop.world.stock == {"tea": 1}


@pytest.mark.parametrize("total", [1, 2100])
def test_a_change_that_is_refused_leaves_the_earlier_order_payable(shop: Shop, total: int) -> None:
    cart_id, earlier = ordered(shop)
    shop.set_quantity(cart_id, "tea", 2)
    with pytest.raises(TotalChanged):
        shop.check_out(cart_id, total=total)
    assert (shop.stored(earlier.id).status, void_of(shop, earlier)) == ("pending", None)


def test_stock_that_goes_during_a_takeover_ends_the_earlier_order_and_strands_nothing(shop: Shop) -> None:
    """Its payment can't be made any more by then."""
    cart_id, earlier = ordered(shop, 1)
    shop.set_quantity(cart_id, "tea", 3)
    interrupt(shop.world, "place_order", lambda: shop.world.set_stock("tea", 1))
    with pytest.raises(OutOfStock) as refusal:
        shop.check_out(cart_id, total=2100)
    assert refusal.value.details == {"items": [{"sku": "tea", "wanted": 3, "left": 2}]}
    assert (shop.stored(earlier.id).status, shop.world.stock) == ("canceled", {"tea": 2})


@pytest.mark.parametrize("kind", ["succeeded", "processing"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_cart_whose_order_is_paid_or_about_to_be_makes_no_second_one(
    shop: Shop,
    kind: FactKind,
    is_known: bool,  # noqa: FBT001 (a case)
) -> None:
    cart_id, earlier = ordered(shop)
    shop.provider.states[f"pay_{earlier.id}"] = kind
    if is_known:
        shop.tell(earlier, kind, key="a")
    shop.set_quantity(cart_id, "tea", 2)
    with pytest.raises(OrderNotPayable) as refusal:
        shop.check_out(cart_id, total=1400)
    status = "paid" if kind == "succeeded" else "processing"
    assert (refusal.value.details["status"], refusal.value.details["order_id"]) == (status, earlier.id)
    assert (shop.stored(earlier.id).status, shop.world.stock) == (status, {"tea": 2})


def test_a_cart_whose_payment_failed_takes_over_its_reservation(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.tell(earlier, "failed", key="a")
    shop.set_quantity(cart_id, "tea", 3)
    assert shop.check_out(cart_id, total=2100).order.status == "pending"
    assert (shop.stored(earlier.id).status, shop.world.stock) == ("canceled", {"tea": 0})


def test_a_cart_whose_order_was_canceled_is_ordered_anew(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.tell(earlier, "canceled", key="a")
    shop.set_quantity(cart_id, "tea", 3)
    assert shop.check_out(cart_id, total=2100).order.status == "pending"
    assert shop.world.stock == {"tea": 0}


def test_a_payment_that_cannot_be_called_off_now_changes_nothing(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.set_quantity(cart_id, "tea", 2)
    interrupt(shop.provider, "void_payment", ProviderUnavailable("down"))
    with pytest.raises(ProviderUnavailable):
        shop.check_out(cart_id, total=1400)
    assert (shop.stored(earlier.id), shop.world.stock) == (earlier_of(shop, earlier), {"tea": 2})
    assert len(shop.world.orders) == 1
    assert shop.check_out(cart_id, total=1400).order.status == "pending"


def earlier_of(shop: Shop, order: Order) -> Order:
    """The order as it was read when its payment had begun."""
    payment = replace(order.payment, provider="fake", reference=f"pay_{order.id}")
    return replace(order, payment=payment)


@pytest.mark.parametrize("step", ["place_order", "commit", "get_order"])
def test_a_takeover_that_crashed_half_way_is_gone_on_with(shop: Shop, step: str) -> None:
    cart_id, earlier = ordered(shop)
    shop.set_quantity(cart_id, "tea", 2)
    for after in (False, True):
        interrupt(shop.world, step, OSError("crash"), after=after)
        with suppress(OSError):
            shop.check_out(cart_id, total=1400)
    assert shop.check_out(cart_id, total=1400).order.status == "pending"
    assert (shop.stored(earlier.id).status, shop.world.stock) == ("canceled", {"tea": 1})
    assert shop.told() == {"order.canceled": 1}


def test_a_takeover_that_crashed_is_finished_by_housekeeping_if_the_shopper_left(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.set_quantity(cart_id, "tea", 2)
    interrupt(shop.world, "place_order", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        shop.check_out(cart_id, total=1400)
    assert shop.settle(earlier, now=NOW + RESERVED_FOR).status == "canceled"
    assert shop.world.stock == {"tea": 3}


def test_the_notice_of_a_takeovers_cancellation_may_come_first(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.set_quantity(cart_id, "tea", 2)
    interrupt(shop.world, "place_order", lambda: shop.tell(earlier, "canceled", key="notice"))
    assert shop.check_out(cart_id, total=1400).order.status == "pending"
    assert (shop.world.stock, shop.told()) == ({"tea": 1}, {"order.canceled": 1})


def test_an_order_that_took_too_long_is_ordered_anew(shop: Shop) -> None:
    cart_id, late = ordered(shop)
    shop.settle(late, now=NOW + RESERVED_FOR)
    assert shop.world.stock == {"tea": 3}
    done = shop.check_out(cart_id, total=700, now=NOW + RESERVED_FOR)
    assert (done.order.id != late.id, done.order.status, shop.world.stock) == (True, "pending", {"tea": 2})
    assert void_of(shop, done.order) is None
    assert shop.check_out(cart_id, total=700, now=NOW + RESERVED_FOR).order.id == done.order.id


def test_an_order_that_took_too_long_is_ordered_anew_at_todays_price(shop: Shop) -> None:
    cart_id, late = ordered(shop)
    shop.settle(late, now=NOW + RESERVED_FOR)
    shop.sell(a_product("tea", amount=900, tracked=True))
    with pytest.raises(TotalChanged):
        shop.check_out(cart_id, total=700, now=NOW + RESERVED_FOR)
    assert shop.check_out(cart_id, total=900, now=NOW + RESERVED_FOR).order.amount == 900


def test_an_order_that_took_too_long_is_ordered_anew_once_however_many_ask(shop: Shop) -> None:
    cart_id, late = ordered(shop)
    shop.settle(late, now=NOW + RESERVED_FOR)
    interrupt(shop.world, "replace_cart", *[Barrier(4).wait] * 4)
    with ThreadPoolExecutor(4) as pool:
        orders = set(pool.map(lambda _: shop.check_out(cart_id, total=700).order.id, range(4)))
    assert (len(orders), shop.world.stock) == (1, {"tea": 2})


def test_whoever_comes_back_has_time_to_pay(shop: Shop) -> None:
    cart_id, order = ordered(shop)
    nearly = NOW + RESERVED_FOR - timedelta(minutes=1)
    shop.check_out(cart_id, total=700, now=NOW + timedelta(minutes=1))
    assert shop.stored(order.id).check_at == NOW + RESERVED_FOR
    shop.check_out(cart_id, total=700, now=nearly)
    stored = shop.stored(order.id)
    assert (stored.check_at, stored.version) == (nearly + TIME_TO_PAY, 2)
    assert shop.settle(order, now=NOW + RESERVED_FOR).status == "pending"
    assert (len(shop.story(order.id).ledger), shop.told()) == (1, {})


def test_an_order_that_is_voided_while_its_shopper_comes_back_is_ordered_anew(shop: Shop) -> None:
    cart_id, late = ordered(shop)
    now = NOW + RESERVED_FOR
    interrupt(shop.world, "save_order", lambda: shop.settle(late, now=now))
    done = shop.check_out(cart_id, total=700, now=now)
    assert (done.order.id != late.id, shop.world.stock) == (True, {"tea": 2})


def test_an_order_whose_payment_was_canceled_at_the_providers_is_ordered_anew(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.provider.void_payment(f"pay_{earlier.id}")
    done = shop.check_out(cart_id, total=700)
    assert (done.order.id != earlier.id, shop.stored(earlier.id).status) == (True, "canceled")
    assert shop.world.stock == {"tea": 2}


@pytest.mark.parametrize(("kind", "status"), [("succeeded", "paid"), ("processing", "processing")])
def test_an_order_that_was_paid_while_no_notice_came_is_not_paid_again(
    shop: Shop, kind: FactKind, status: str
) -> None:
    cart_id, order = ordered(shop)
    shop.provider.states[f"pay_{order.id}"] = kind
    with pytest.raises(OrderNotPayable):
        shop.check_out(cart_id, total=700)
    assert shop.stored(order.id).status == status


@pytest.mark.parametrize("quantity", [1, 2])
def test_a_second_try_that_is_under_way_while_no_notice_came_is_not_paid_again(
    shop: Shop, quantity: int
) -> None:
    """What the provider says of it when asked looks older than the first try's failure."""
    cart_id, order = ordered(shop)
    shop.record(a_fact(order, "failed", key="first", occurred_at=NOW + timedelta(minutes=1)))
    shop.provider.states[f"pay_{order.id}"] = "processing"
    shop.set_quantity(cart_id, "tea", quantity)
    with pytest.raises(OrderNotPayable) as refusal:
        shop.check_out(cart_id, total=700 * quantity)
    assert refusal.value.details["order_id"] == order.id


def test_two_tabs_with_different_versions_of_a_cart_leave_one_payable_order(shop: Shop) -> None:
    cart = shop.cart("tea")

    def other_tab() -> None:
        shop.set_quantity(cart.id, "tea", 2)
        shop.check_out(cart.id, total=1400)

    interrupt(shop.provider, "open_payment", other_tab)
    shop.check_out(cart.id, total=700)
    payable = [order for order in shop.world.orders.values() if order.is_payable]
    assert [(order.amount, void_of(shop, order)) for order in payable] == [(1400, None)]
    assert [void_of(shop, order) for order in shop.world.orders.values()] == ["canceled", None]
    assert shop.world.stock == {"tea": 1}


def test_two_tabs_that_both_take_over_make_one_order(shop: Shop) -> None:
    cart_id, earlier = ordered(shop)
    shop.set_quantity(cart_id, "tea", 2)
    interrupt(shop.world, "place_order", *[Barrier(4).wait] * 4)
    with ThreadPoolExecutor(4) as pool:
        orders = set(pool.map(lambda _: shop.check_out(cart_id, total=1400).order.id, range(4)))
    assert (len(orders), shop.world.stock) == (1, {"tea": 1})
    assert (shop.stored(earlier.id).status, shop.told()) == ("canceled", {"order.canceled": 1})


def test_an_order_whose_reference_was_never_stored_is_taken_over(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.world, "save_reference", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        shop.check_out(cart.id, total=700)
    (earlier,) = shop.world.orders.values()
    shop.set_quantity(cart.id, "tea", 2)
    assert shop.check_out(cart.id, total=1400).order.status == "pending"
    assert (void_of(shop, earlier), shop.stored(earlier.id).status) == ("canceled", "canceled")
    assert (shop.world.stock, len(shop.provider.sessions)) == ({"tea": 1}, 2)


def test_an_order_that_the_provider_will_not_charge_can_be_changed(shop: Shop) -> None:
    """The least that an account can charge may be more than we know of: it depends on its own currency."""
    cart = shop.cart("tea")
    interrupt(shop.provider, "open_payment", *[AmountRefused("too little")] * 2)
    with pytest.raises(AmountRefused):
        shop.check_out(cart.id, total=700)
    (earlier,) = shop.world.orders.values()
    shop.set_quantity(cart.id, "tea", 2)
    assert shop.check_out(cart.id, total=1400).order.status == "pending"
    assert (shop.stored(earlier.id).status, shop.world.stock) == ("canceled", {"tea": 1})


def test_an_order_of_test_mode_is_not_charged_once_the_shop_is_live(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.provider, "open_payment", ProviderUnavailable("down"))
    with pytest.raises(ProviderUnavailable):
        shop.check_out(cart.id, total=700)
    shop.provider.livemode = True
    assert shop.check_out(cart.id, total=700).order.livemode


def test_a_visitor_orders_as_often_as_is_allowed_in_an_hour(shop: Shop) -> None:
    shop.limits = replace(shop.limits, orders_per_address=2)
    carts = [shop.cart("tea").id for _ in range(3)]
    for cart_id in carts[:2]:
        shop.check_out(cart_id, total=700)
    with pytest.raises(TooManyRequests, match="Too many orders") as refusal:
        shop.check_out(carts[2], total=700)
    assert refusal.value.details == {"retry_after_seconds": 3600}
    assert (shop.world.stock, len(shop.world.orders), len(shop.provider.sessions)) == ({"tea": 1}, 2, 2)
    shop.check_out(carts[2], total=700, now=NOW + timedelta(hours=1))


def test_a_repeated_checkout_is_not_counted_and_works_beyond_the_limit(shop: Shop) -> None:
    shop.limits = replace(shop.limits, orders_per_address=1, orders_per_cart=1)
    cart = shop.cart("tea")
    first = shop.check_out(cart.id, total=700)
    assert shop.check_out(cart.id, total=700, contact=CORRECTED).order.id == first.order.id
    assert list(shop.world.tallies.values()) == [1]


def test_a_cart_becomes_as_many_orders_as_are_allowed(shop: Shop) -> None:
    shop.limits = replace(shop.limits, orders_per_cart=2)
    cart = shop.cart("mug")
    for quantity in (1, 2):
        shop.set_quantity(cart.id, "mug", quantity)
        shop.check_out(cart.id, total=quantity * 1200)
    shop.set_quantity(cart.id, "mug", 3)
    with pytest.raises(TooManyRequests, match="become 2 orders already") as refusal:
        shop.check_out(cart.id, total=3600)
    assert refusal.value.details == {"retry_after_seconds": 7 * 24 * 3600}
    assert (len(shop.world.orders), len(shop.provider.sessions)) == (2, 2)


def test_what_was_refused_is_not_counted(shop: Shop) -> None:
    shop.limits = replace(shop.limits, orders_per_address=1, orders_per_cart=1)
    cart = shop.set_quantity(shop.cart().id, "tea", 4)
    with pytest.raises(OutOfStock):
        shop.check_out(cart.id, total=cart.amount)
    shop.set_quantity(cart.id, "tea", 3)
    assert shop.check_out(cart.id, total=2100).order.amount == 2100


def sharded(shop: Shop, available: int, *, shards: int = 4) -> None:
    """So much tea, spread over so many rows."""
    shop.sell(a_product("tea", amount=700, tracked=True, shards=shards))
    shop.world.set_stock("tea", available, shards=shards)


def sell(shop: Shop, quantity: int) -> Order:
    cart = shop.set_quantity(shop.cart().id, "tea", quantity)
    return shop.check_out(cart.id, total=cart.amount).order


def test_orders_of_a_hot_product_spread_over_the_rows_of_its_stock(shop: Shop) -> None:
    sharded(shop, 400)
    interrupt(shop.world, "get_stock_rows", AssertionError("a round trip for nothing"))
    for _ in range(40):
        sell(shop, 1)
    assert sum(shop.world.stock.values()) == 360
    assert all(60 <= available < 100 for available in shop.world.stock.values())


def test_a_hot_product_is_sold_to_the_last_piece_wherever_it_is(shop: Shop) -> None:
    sharded(shop, 10)
    for _ in range(10):
        sell(shop, 1)
    with pytest.raises(OutOfStock, match=r"tea \(0 left\)"):
        sell(shop, 1)
    assert set(shop.world.stock.values()) == {0}


def test_an_order_takes_from_several_rows_if_it_must(shop: Shop) -> None:
    sharded(shop, 10)
    with pytest.raises(OutOfStock) as refusal:
        sell(shop, 11)
    assert refusal.value.details == {"items": [{"sku": "tea", "wanted": 11, "left": 10}]}
    sell(shop, 9)
    assert sorted(shop.world.stock.values()) == [0, 0, 0, 1]


def test_a_sale_that_was_faster_at_the_row_leaves_the_others(shop: Shop) -> None:
    sharded(shop, 4)
    interrupt(shop.world, "place_order", lambda: sell(shop, 3))
    sell(shop, 1)
    assert set(shop.world.stock.values()) == {0}


def test_more_shards_than_the_stock_has_rows_for_lose_no_sale(shop: Shop) -> None:
    shop.sell(a_product("tea", amount=700, tracked=True, shards=32))
    for _ in range(3):
        sell(shop, 1)
    assert shop.world.stock == {"tea": 0}


def test_fewer_shards_than_the_stock_has_rows_for_lose_no_piece(shop: Shop) -> None:
    sharded(shop, 4)
    shop.sell(a_product("tea", amount=700, tracked=True))
    for _ in range(4):
        sell(shop, 1)
    assert set(shop.world.stock.values()) == {0}


def test_parallel_checkouts_of_the_last_pieces_in_shards_are_as_many_sales(shop: Shop) -> None:
    sharded(shop, 5)
    carts = [shop.cart("tea").id for _ in range(12)]

    def try_it(cart_id: str) -> bool:
        try:
            shop.check_out(cart_id, total=700)
        except OutOfStock:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        sold = list(pool.map(try_it, carts))
    assert (sum(sold), set(shop.world.stock.values())) == (5, {0})
