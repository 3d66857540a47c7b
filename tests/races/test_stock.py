from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from chalicelib.domain.errors import Conflict, OutOfStock
from chalicelib.services.checkout import Checkout
from chalicelib.services.stock import adjust_stock
from tests.fakes import NOW
from tests.races.shop import CUP, POT, TEA, Shop, at_once, refusals


def adjust(shop: Shop, by: int, key: object) -> int:
    return adjust_stock("tea", by, key=str(key), stock=shop.stock, now=NOW).available


def test_a_hundred_buyers_of_ten_pieces_make_ten_orders_and_ninety_clear_refusals(shop: Shop) -> None:
    shop.stock.set_stock("tea", 10)
    carts = [shop.cart({"tea": 1}, seed=number) for number in range(100)]
    outcomes = at_once([partial(shop.check_out, cart) for cart in carts])
    assert refusals(outcomes) == {OutOfStock: 90}
    assert (shop.stock_of(TEA), len(shop.stories()), len(shop.provider.sessions)) == (0, 10, 10)


def test_carts_of_several_lines_take_all_of_their_lines_or_nothing(shop: Shop) -> None:
    for product in (TEA, POT, CUP):
        shop.stock.set_stock(product.sku, 10)
    wishes = [{"tea": 1, "pot": 2}, {"pot": 1, "tea": 2}, {"cup": 2, "tea": 1}, {"pot": 1, "cup": 1}] * 6
    carts = [shop.cart(wish, seed=number) for number, wish in enumerate(wishes)]
    outcomes = at_once([partial(shop.check_out, cart) for cart in carts])
    left = shop.stock.get_stock(["tea", "pot", "cup"])
    assert {sku: left[sku] + shop.held()[sku] for sku in left} == {"tea": 10, "pot": 10, "cup": 10}
    assert set(refusals(outcomes)) == {OutOfStock}
    # Nothing has come back meanwhile, so whoever was refused could not be served now either.
    for wish, outcome in zip(wishes, outcomes, strict=True):
        assert isinstance(outcome, Checkout) or any(left[sku] < pieces for sku, pieces in wish.items())


def test_an_adjustment_under_one_key_counts_once(shop: Shop) -> None:
    shop.stock.set_stock("tea", 3)
    assert at_once([partial(adjust, shop, 5, "a")] * 20) == [8] * 20
    assert shop.stock_of(TEA) == 8


def test_adjustments_under_keys_of_their_own_all_count(shop: Shop) -> None:
    shop.stock.set_stock("tea", 3)
    outcomes = at_once([partial(adjust, shop, 5, key) for key in range(20)])
    assert refusals(outcomes) == {}
    assert shop.stock_of(TEA) == 103


def test_no_adjustments_at_once_leave_less_than_nothing(shop: Shop) -> None:
    shop.stock.set_stock("tea", 10)
    outcomes = at_once([partial(adjust, shop, -1, key) for key in range(20)])
    assert refusals(outcomes) == {Conflict: 10}
    assert shop.stock_of(TEA) == 0


def test_sales_and_adjustments_beside_each_other_lose_no_piece(shop: Shop) -> None:
    shop.stock.set_stock("tea", 5)
    carts = [shop.cart({"tea": 1}, seed=number) for number in range(15)]
    buying = [partial(shop.check_out, cart) for cart in carts]
    adjusting = [partial(adjust, shop, 1, key) for key in range(10)]
    outcomes = at_once([*buying, *adjusting])
    assert set(refusals(outcomes)) <= {OutOfStock}
    assert shop.stock_of(TEA) + shop.held()["tea"] == 15


def test_a_hundred_buyers_of_ten_pieces_in_four_rows_make_ten_orders(shop: Shop) -> None:
    hot = replace(TEA, stock_shards=4)
    shop.catalog.put_products([hot])
    shop.stock.set_stock("tea", 10, shards=4)
    carts = [shop.cart({"tea": 1}, seed=number) for number in range(100)]
    outcomes = at_once([partial(shop.check_out, cart) for cart in carts])
    assert refusals(outcomes) == {OutOfStock: 90}
    assert (shop.stock_of(TEA), len(shop.stories())) == (0, 10)
