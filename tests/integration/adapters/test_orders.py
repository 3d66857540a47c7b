from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain import orders as rules
from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.limits import tally
from chalicelib.domain.orders import Address, Contact, Order, OrderChange, OrderSummary
from chalicelib.ports import AlreadyPlaced, CartSpent, LimitReached, Moved, StockShort
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_cart, a_fact, a_product, an_id, an_order

MUG, TEA = a_product("mug", tracked=True), a_product("tea", tracked=True)
LATER = NOW + timedelta(minutes=1)


def placed(stores: Stores, *, seed: object = 0, now: datetime = NOW) -> Order:
    """A pending order of one mug, in the store."""
    cart = a_cart(MUG, seed=seed, now=now)
    order = an_order(MUG, seed=seed, now=now)
    stores.carts.create_cart(cart)
    stores.orders.place_order(order, cart=cart, reserve={})
    return order


def change_of(order: Order, *args: object, **kwargs: object) -> OrderChange:
    change = rules.apply(order, a_fact(order, *args, **kwargs), ledger=(), now=LATER)  # type: ignore[arg-type]
    assert change is not None
    return change


def test_an_order_is_read_as_it_was_placed(stores: Stores) -> None:
    address = Address(line1="1 Rue X", city="Paris", country="FR")
    contact = Contact(email="ada@example.com", name="Ada", shipping_address=address)
    cart, order = a_cart(MUG, TEA), an_order(MUG, TEA, contact=contact)
    stores.carts.create_cart(cart)
    stores.orders.place_order(order, cart=cart, reserve={})
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order, story.ledger) == (order, [])


def test_an_order_that_nobody_placed_is_none(stores: Stores) -> None:
    assert stores.orders.get_order(an_id("ord")) is None


def test_placing_an_order_takes_its_stock(stores: Stores) -> None:
    cart = a_cart(MUG, TEA)
    stores.carts.create_cart(cart)
    stores.stock.set_stock("mug", 3)
    stores.stock.set_stock("tea", 1)
    stores.orders.place_order(an_order(MUG, TEA), cart=cart, reserve={"mug": 2, "tea": 1})
    assert stores.stock.get_stock(["mug", "tea"]) == {"mug": 1, "tea": 0}


def test_placing_an_order_leaves_the_cart_as_it_was_but_counts_in_it(stores: Stores) -> None:
    order = placed(stores)
    assert stores.carts.get_cart(order.cart_id) == replace(a_cart(MUG), checkouts=1)


def test_a_cart_that_was_checked_out_meanwhile_is_not_replaced(stores: Stores) -> None:
    placed(stores)
    with pytest.raises(Moved):
        stores.carts.replace_cart(a_cart(MUG, TEA))
    stores.carts.replace_cart(replace(a_cart(MUG, TEA), checkouts=1))
    assert stores.carts.get_cart(an_id("cart")) == replace(a_cart(MUG, TEA), checkouts=1)


def changed_and_placed(stores: Stores, quantity: int, *, most_per_cart: int = 0, most: int = 9) -> None:
    """The cart, if it is there, with so many mugs, becomes an order."""
    cart = a_cart(MUG, quantity=quantity)
    there = stores.carts.get_cart(cart.id)
    cart = replace(cart, version=quantity, checkouts=there.checkouts if there else 0)
    stores.carts.create_cart(cart)
    order = replace(an_order(MUG, quantity=quantity), id=rules.order_id_for(cart), cart_version=cart.version)
    one_more = tally("orders", an_id("vis"), most=most, now=NOW)
    stores.orders.place_order(order, cart=cart, reserve={}, tally=one_more, most_per_cart=most_per_cart)


def test_a_cart_becomes_as_many_orders_as_are_allowed(stores: Stores) -> None:
    changed_and_placed(stores, 1, most_per_cart=2)
    changed_and_placed(stores, 2, most_per_cart=2)
    with pytest.raises(CartSpent):
        changed_and_placed(stores, 3, most_per_cart=2)
    changed_and_placed(stores, 3)


def test_a_cart_that_is_spent_and_has_changed_reads_again(stores: Stores) -> None:
    order = placed(stores)
    stores.carts.create_cart(replace(a_cart(MUG), version=7, checkouts=3))
    with pytest.raises(Moved):
        stores.orders.place_order(
            replace(order, id=an_id("ord", "another")), cart=a_cart(MUG), reserve={}, most_per_cart=3
        )


def test_a_visitor_orders_as_often_as_is_allowed_and_a_refusal_writes_nothing(stores: Stores) -> None:
    changed_and_placed(stores, 1, most=2)
    changed_and_placed(stores, 2, most=2)
    with pytest.raises(LimitReached) as refusal:
        changed_and_placed(stores, 3, most=2)
    assert (refusal.value.tally.what, refusal.value.tally.most) == ("orders", 2)
    cart = stores.carts.get_cart(an_id("cart"))
    assert cart is not None
    assert cart.checkouts == 2
    assert len(stores.orders.list_orders("2026-11", limit=9, cursor=None).items) == 2


def test_an_order_that_is_placed_already_says_so_whatever_is_spent(stores: Stores) -> None:
    changed_and_placed(stores, 1)
    with pytest.raises(AlreadyPlaced):
        changed_and_placed(stores, 1, most=1, most_per_cart=1)


def test_an_order_that_was_refused_for_its_stock_counts_nowhere(stores: Stores) -> None:
    cart = a_cart(MUG)
    stores.carts.create_cart(cart)
    one_more = tally("orders", an_id("vis"), most=1, now=NOW)
    with pytest.raises(StockShort):
        stores.orders.place_order(an_order(MUG), cart=cart, reserve={"mug": 1}, tally=one_more)
    stores.stock.set_stock("mug", 1)
    stores.orders.place_order(an_order(MUG), cart=cart, reserve={"mug": 1}, tally=one_more)


def test_an_order_is_placed_once(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    order = placed(stores)
    with pytest.raises(AlreadyPlaced):
        stores.orders.place_order(order, cart=a_cart(MUG), reserve={"mug": 1})
    assert stores.stock.get_stock(["mug"]) == {"mug": 3}


def test_an_order_already_placed_says_so_even_if_stock_and_cart_are_gone(stores: Stores) -> None:
    order = placed(stores)
    stores.carts.replace_cart(replace(a_cart(MUG, TEA), checkouts=1))
    with pytest.raises(AlreadyPlaced):
        stores.orders.place_order(order, cart=a_cart(MUG), reserve={"mug": 1})


@pytest.mark.parametrize("available", [{}, {"mug": 3}, {"mug": 3, "tea": 1}, {"tea": 9}])
def test_an_order_takes_no_stock_unless_there_is_enough_of_everything(
    stores: Stores, available: dict[str, int]
) -> None:
    cart = a_cart(MUG, TEA)
    stores.carts.create_cart(cart)
    for sku, count in available.items():
        stores.stock.set_stock(sku, count)
    with pytest.raises(StockShort):
        stores.orders.place_order(an_order(MUG, TEA), cart=cart, reserve={"mug": 2, "tea": 2})
    assert stores.stock.get_stock(["mug", "tea"]) == available
    assert stores.orders.get_order(an_order(MUG, TEA).id) is None


def test_an_order_of_a_cart_that_changed_since_it_was_read_is_not_placed(stores: Stores) -> None:
    stores.carts.create_cart(a_cart(MUG, TEA))
    with pytest.raises(Moved):
        stores.orders.place_order(an_order(MUG), cart=a_cart(MUG), reserve={"mug": 1})
    assert stores.orders.get_order(an_order(MUG).id) is None


def test_an_order_of_a_cart_that_is_gone_is_not_placed(stores: Stores) -> None:
    with pytest.raises(Moved):
        stores.orders.place_order(an_order(MUG), cart=a_cart(MUG), reserve={})


def test_the_largest_order_fits_into_one_transaction(stores: Stores) -> None:
    products = [a_product(f"sku-{number}", tracked=True, name="n" * 250) for number in range(50)]
    cart, order = a_cart(*products, quantity=2), an_order(*products, quantity=2)
    stores.carts.create_cart(cart)
    for product in products:
        stores.stock.set_stock(product.sku, 2)
    stores.orders.place_order(order, cart=cart, reserve={product.sku: 2 for product in products})
    assert set(stores.stock.get_stock(cart.skus()).values()) == {0}
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == order


def test_a_reference_leads_to_its_order_and_is_read_with_it(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.save_reference(order.id, provider="fake", reference="pay_1")
    assert stores.orders.find_order_id(provider="fake", reference="pay_1") == order.id
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order.payment.provider, story.order.payment.reference) == ("fake", "pay_1")
    assert story.order.version == order.version


def test_saving_the_same_reference_again_is_the_same(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.save_reference(order.id, provider="fake", reference="pay_1")
    before = stores.orders.get_order(order.id)
    stores.orders.save_reference(order.id, provider="fake", reference="pay_1")
    assert stores.orders.get_order(order.id) == before


def test_a_reference_of_another_provider_leads_nowhere(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.save_reference(order.id, provider="fake", reference="pay_1")
    assert stores.orders.find_order_id(provider="other", reference="pay_1") is None
    assert stores.orders.find_order_id(provider="fake", reference="pay_2") is None


def test_a_reference_that_comes_late_does_not_overwrite_what_a_notice_said(stores: Stores) -> None:
    order = placed(stores)
    change = change_of(order)
    stores.orders.commit(change)
    stores.orders.save_reference(order.id, provider="fake", reference=change.order.payment.reference)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == change.order


def test_a_contact_is_saved_over_the_version_before(stores: Stores) -> None:
    order = placed(stores)
    changed = rules.with_contact(order, Contact(email="ada@example.org"), now=LATER)
    stores.orders.save_contact(changed)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == changed


def test_a_contact_is_not_saved_over_any_other_version(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order))
    with pytest.raises(Moved):
        stores.orders.save_contact(rules.with_contact(order, Contact(email="ada@example.org"), now=LATER))
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order.contact, story.order.status) == (order.contact, "paid")


def test_a_change_writes_order_ledger_and_event_together(stores: Stores) -> None:
    order = placed(stores)
    change = change_of(order)
    stores.orders.commit(change)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order, story.ledger) == (change.order, [change.entry])
    assert change.event is not None
    assert stores.events.get_event(change.event.id) == change.event


def test_a_change_without_an_event_is_written_too(stores: Stores) -> None:
    order = placed(stores)
    change = change_of(order, "processing")
    assert change.event is None
    stores.orders.commit(change)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order, story.ledger) == (change.order, [change.entry])


def test_a_change_of_a_version_that_is_gone_writes_nothing(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order, "processing", key="first"))
    late = change_of(order, key="second")
    with pytest.raises(Moved):
        stores.orders.commit(late)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order.status, len(story.ledger)) == ("processing", 1)
    assert late.event is not None
    assert stores.events.get_event(late.event.id) is None


def test_a_notice_that_is_in_the_ledger_writes_nothing(stores: Stores) -> None:
    order = placed(stores)
    first = change_of(order, "failed", key="same", about="charge_1")
    stores.orders.commit(first)
    with pytest.raises(Moved):
        stores.orders.commit(change_of(first.order, "succeeded", key="same"))
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == first.order


def test_an_event_that_exists_is_not_written_again(stores: Stores) -> None:
    order = placed(stores)
    first = change_of(order, "failed", key="first", about="charge_1")
    stores.orders.commit(first)
    with pytest.raises(Moved):
        stores.orders.commit(change_of(first.order, "failed", key="second", about="charge_1"))
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == first.order


def test_a_change_of_an_order_that_is_gone_writes_nothing(stores: Stores) -> None:
    change = change_of(an_order())
    with pytest.raises(Moved):
        stores.orders.commit(change)
    assert stores.orders.get_order(change.order.id) is None
    assert change.event is not None
    assert stores.events.get_event(change.event.id) is None


def test_the_ledger_is_told_from_its_oldest_entry(stores: Stores) -> None:
    order = placed(stores)
    for number, key in enumerate(["z", "a", "m"]):
        change = rules.apply(
            order, a_fact(order, "failed", key=key), ledger=(), now=NOW + timedelta(seconds=number)
        )
        assert change is not None
        stores.orders.commit(change)
        order = change.order
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert [entry.key for entry in story.ledger] == ["fake#z", "fake#a", "fake#m"]


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_the_orders_of_a_month_are_paged_newest_first(stores: Stores, limit: int) -> None:
    times = [NOW + timedelta(hours=hours, microseconds=hours) for hours in (3, 1, 2, 5, 4)]
    orders = [placed(stores, seed=number, now=at) for number, at in enumerate(times)]
    placed(stores, seed="october", now=datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    placed(stores, seed="december", now=datetime(2026, 12, 1, tzinfo=UTC))
    seen: list[str] = []
    cursor = None
    while True:
        page = stores.orders.list_orders("2026-11", limit=limit, cursor=cursor)
        seen += [summary.id for summary in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [order.id for order in sorted(orders, key=lambda order: order.created_at, reverse=True)]


def test_orders_of_one_moment_are_all_listed_once(stores: Stores) -> None:
    orders = {placed(stores, seed=number).id for number in range(5)}
    first = stores.orders.list_orders("2026-11", limit=3, cursor=None)
    rest = stores.orders.list_orders("2026-11", limit=3, cursor=first.cursor)
    assert sorted(summary.id for summary in (*first.items, *rest.items)) == sorted(orders)


def test_the_list_shows_what_an_order_has_become(stores: Stores) -> None:
    order = placed(stores)
    change = change_of(order)
    stores.orders.commit(change)
    page = stores.orders.list_orders("2026-11", limit=5, cursor=None)
    assert page.items == [
        OrderSummary(
            id=order.id,
            status="paid",
            amount=order.amount,
            currency=order.currency,
            created_at=order.created_at,
            updated_at=LATER,
        )
    ]


def test_a_month_without_orders_is_an_empty_page(stores: Stores) -> None:
    page = stores.orders.list_orders("2020-01", limit=5, cursor=None)
    assert (page.items, page.cursor) == ([], None)


@pytest.mark.parametrize("cursor", ["", "x", "%", "e30"])
def test_a_broken_cursor_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        stores.orders.list_orders("2026-11", limit=5, cursor=cursor)


def test_an_order_and_its_lines_are_not_shared_with_another(stores: Stores) -> None:
    one, other = placed(stores, seed=1), placed(stores, seed=2)
    stores.orders.commit(change_of(one))
    story = stores.orders.get_order(other.id)
    assert story is not None
    assert story == replace(story, order=other, ledger=[])
