from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from msgspec.structs import replace

from chalicelib.domain.carts import LIFETIME, MAX_SKUS
from chalicelib.domain.errors import (
    Busy,
    CartFull,
    CartNotFound,
    CurrencyMixed,
    ItemNotInCart,
    ProductNotFound,
    TooManyRequests,
)
from chalicelib.ports import Moved
from chalicelib.services.contention import TRIES, until_settled
from tests.fakes import NOW, interrupt
from tests.making import a_product, an_id
from tests.unit.services.shop import MUG, TEA, Shop

FOREIGN_IDS = [
    "",
    "cart_",
    "cart_short",
    an_id("ord"),
    an_id("cart").upper(),
    f"{an_id('cart')}x",
    "cart_../../x",
]


def test_a_new_cart_is_empty_and_nobody_elses(shop: Shop) -> None:
    one, other = shop.cart(), shop.cart()
    assert one.id != other.id
    assert (one.lines, one.amount, one.currency, one.version) == ([], 0, None, 0)
    assert shop.read_cart(one.id) == one


def test_quantities_are_set_and_not_added(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    shop.set_quantity(cart.id, "mug", 3)
    found = shop.set_quantity(cart.id, "mug", 2)
    assert [(line.sku, line.quantity, line.amount) for line in found.lines] == [
        ("mug", 2, 2400),
        ("tea", 1, 700),
    ]
    assert (found.amount, found.currency) == (3100, "eur")
    assert shop.read_cart(cart.id) == found


def test_zero_takes_the_item_out(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    found = shop.set_quantity(cart.id, "mug", 0)
    assert [line.sku for line in found.lines] == ["tea"]
    assert shop.read_cart(cart.id) == found


@pytest.mark.parametrize("sku", ["tea", "never-sold"])
def test_zero_of_what_is_not_in_the_cart_is_refused_by_name(shop: Shop, sku: str) -> None:
    cart = shop.cart("mug")
    with pytest.raises(ItemNotInCart) as refusal:
        shop.set_quantity(cart.id, sku, 0)
    assert refusal.value.details == {"sku": sku}
    assert shop.read_cart(cart.id) == cart


@pytest.mark.parametrize("sku", ["tea", "never-sold"])
def test_removing_what_is_not_in_the_cart_is_no_error_and_changes_nothing(shop: Shop, sku: str) -> None:
    cart = shop.cart("mug")
    assert shop.remove_item(cart.id, sku) == cart
    assert shop.read_cart(cart.id).version == cart.version


def test_removing_the_last_item_frees_the_currency(shop: Shop) -> None:
    shop.sell(a_product("pot", currency="usd"))
    cart = shop.cart("mug")
    assert shop.remove_item(cart.id, "mug").currency is None
    assert shop.set_quantity(cart.id, "pot", 1).currency == "usd"


def test_what_is_no_longer_sold_can_still_be_taken_out(shop: Shop) -> None:
    cart = shop.cart("mug", "tea")
    shop.world.delete_products(["mug"])
    shown = shop.read_cart(cart.id)
    assert [(line.sku, line.purchasable, line.amount) for line in shown.lines] == [
        ("mug", False, 0),
        ("tea", True, 700),
    ]
    assert shop.remove_item(cart.id, "mug").amount == 700


def test_a_cart_shows_todays_prices(shop: Shop) -> None:
    cart = shop.cart("mug")
    shop.sell(a_product("mug", amount=1500))
    assert (shop.read_cart(cart.id).amount, shop.read_cart(cart.id).version) == (1500, cart.version)


def test_an_unknown_product_is_refused_by_name(shop: Shop) -> None:
    cart = shop.cart()
    with pytest.raises(ProductNotFound, match="'pot'") as refusal:
        shop.set_quantity(cart.id, "pot", 1)
    assert refusal.value.details == {"sku": "pot"}
    assert shop.read_cart(cart.id) == cart


def test_a_second_currency_is_refused_and_changes_nothing(shop: Shop) -> None:
    shop.sell(a_product("pot", currency="usd"))
    cart = shop.cart("mug")
    with pytest.raises(CurrencyMixed) as refusal:
        shop.set_quantity(cart.id, "pot", 1)
    assert refusal.value.details == {"cart_currency": "eur", "product_currency": "usd"}
    assert shop.read_cart(cart.id) == cart


def test_the_51st_product_is_refused_and_the_50_stay_changeable(shop: Shop) -> None:
    products = [a_product(f"sku-{number}") for number in range(MAX_SKUS + 1)]
    shop.world.put_products(products)
    cart = shop.cart(*(product.sku for product in products[:MAX_SKUS]))
    with pytest.raises(CartFull) as refusal:
        shop.set_quantity(cart.id, products[-1].sku, 1)
    assert refusal.value.details == {"limit": 50}
    assert shop.read_cart(cart.id) == cart
    assert shop.set_quantity(cart.id, "sku-7", 9).lines[7].quantity == 9
    shop.remove_item(cart.id, "sku-0")
    assert len(shop.set_quantity(cart.id, products[-1].sku, 1).lines) == MAX_SKUS


def test_a_cart_lives_seven_days_from_its_last_change(shop: Shop) -> None:
    cart = shop.cart("mug")
    almost = NOW + LIFETIME - timedelta(seconds=1)
    shop.set_quantity(cart.id, "mug", 2, now=almost)
    assert shop.read_cart(cart.id, now=almost + LIFETIME - timedelta(seconds=1)).amount == 2400
    with pytest.raises(CartNotFound):
        shop.read_cart(cart.id, now=almost + LIFETIME)


def test_an_expired_cart_is_gone_for_every_use(shop: Shop) -> None:
    cart = shop.cart("mug")
    late = NOW + LIFETIME
    with pytest.raises(CartNotFound):
        shop.read_cart(cart.id, now=late)
    with pytest.raises(CartNotFound):
        shop.set_quantity(cart.id, "mug", 2, now=late)
    with pytest.raises(CartNotFound):
        shop.remove_item(cart.id, "mug", now=late)
    with pytest.raises(CartNotFound):
        shop.check_out(cart.id, total=1200, now=late)


@pytest.mark.parametrize("cart_id", [*FOREIGN_IDS, an_id("cart", "nobody's")])
def test_a_foreign_or_malformed_id_is_no_cart(shop: Shop, cart_id: str) -> None:
    shop.cart("mug")
    with pytest.raises(CartNotFound):
        shop.read_cart(cart_id)
    with pytest.raises(CartNotFound):
        shop.set_quantity(cart_id, "mug", 1)
    with pytest.raises(CartNotFound):
        shop.set_quantity(cart_id, "mug", 0)
    with pytest.raises(CartNotFound):
        shop.remove_item(cart_id, "mug")
    with pytest.raises(CartNotFound):
        shop.check_out(cart_id, total=1200)


@pytest.mark.parametrize("cart_id", FOREIGN_IDS)
def test_what_cannot_be_an_id_never_reaches_the_table(shop: Shop, cart_id: str) -> None:
    interrupt(shop.world, "get_cart", AssertionError("asked the table"))
    with pytest.raises(CartNotFound):
        shop.read_cart(cart_id)


def test_a_change_is_tried_again_when_somebody_was_faster(shop: Shop) -> None:
    cart = shop.cart()
    interrupt(shop.world, "replace_cart", *[Moved()] * (TRIES - 1))
    assert shop.set_quantity(cart.id, "mug", 1).amount == 1200


def test_a_change_that_never_gets_through_says_busy_and_changed_nothing(shop: Shop) -> None:
    cart = shop.cart()
    interrupt(shop.world, "replace_cart", *[Moved()] * TRIES)
    with pytest.raises(Busy):
        shop.set_quantity(cart.id, "mug", 1)
    assert shop.read_cart(cart.id) == cart


def test_what_came_in_between_is_kept(shop: Shop) -> None:
    cart = shop.cart()
    interrupt(shop.world, "replace_cart", lambda: shop.set_quantity(cart.id, "tea", 2))
    found = shop.set_quantity(cart.id, "mug", 1)
    assert {line.sku: line.quantity for line in found.lines} == {"mug": 1, "tea": 2}


def test_a_cart_that_expired_between_the_tries_is_gone(shop: Shop) -> None:
    cart = shop.cart()
    interrupt(shop.world, "replace_cart", shop.world.carts.clear)
    with pytest.raises(CartNotFound):
        shop.set_quantity(cart.id, "mug", 1)


def test_a_failure_of_the_world_is_not_taken_for_contention() -> None:
    tries = []

    def change() -> None:
        tries.append(1)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 (this very one)
        until_settled(change)
    assert len(tries) == 1


def test_changes_at_the_same_time_lose_no_item(shop: Shop) -> None:
    """All read the same version first, so that all but one must try again."""
    skus = [f"sku-{number}" for number in range(12)]
    shop.world.put_products(a_product(sku) for sku in skus)
    cart = shop.cart()
    interrupt(shop.world, "replace_cart", *[Barrier(len(skus)).wait] * len(skus))
    with ThreadPoolExecutor(len(skus)) as pool:
        list(pool.map(lambda sku: shop.set_quantity(cart.id, sku, 1), skus))
    found = shop.read_cart(cart.id)
    assert sorted(line.sku for line in found.lines) == sorted(skus)
    assert found.version == len(skus)


def test_a_change_needs_two_round_trips(shop: Shop) -> None:
    """One read of cart and product, then the write beside the read of the other prices."""
    cart = shop.cart("tea")
    interrupt(shop.world, "get_cart", AssertionError("a third round trip"))
    assert shop.set_quantity(cart.id, "mug", 1).amount == MUG.amount + TEA.amount


def test_a_visitor_creates_as_many_carts_as_are_allowed_in_an_hour(shop: Shop) -> None:
    shop.limits = replace(shop.limits, carts_per_address=2)
    first, _ = shop.cart(), shop.cart()
    with pytest.raises(TooManyRequests, match="Too many carts") as refusal:
        shop.cart()
    assert refusal.value.details == {"retry_after_seconds": 3600}
    assert len(shop.world.carts) == 2
    assert shop.set_quantity(first.id, "mug", 1).amount == 1200
    shop.cart(now=NOW + timedelta(hours=1))
    shop.visitor = an_id("vis", "another")
    shop.cart()
