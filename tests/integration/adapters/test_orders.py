from __future__ import annotations

from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain import disputes, fulfilments, payments, refunds, reviews
from chalicelib.domain import orders as rules
from chalicelib.domain.carts import Cart, restarted
from chalicelib.domain.destinations import Destination
from chalicelib.domain.errors import InvalidCursor
from chalicelib.domain.limits import tally
from chalicelib.domain.orders import (
    Address,
    Contact,
    Fulfilment,
    LedgerEntry,
    Order,
    OrderChange,
    OrderSummary,
    Refund,
)
from chalicelib.domain.persons import person_id, without_person
from chalicelib.domain.refunds import WantedRefund
from chalicelib.domain.totals import PriceList
from chalicelib.ports import AlreadyPlaced, CartSpent, LimitReached, Moved, OrderAge, OrderStory, StockShort
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import (
    ADA,
    a_cart,
    a_dispute_fact,
    a_fact,
    a_product,
    a_refund_fact,
    an_id,
    an_order,
    priced_by,
)

MUG, TEA = a_product("mug", tracked=True), a_product("tea", tracked=True)
LATER = NOW + timedelta(minutes=1)


def placed(stores: Stores, *, seed: object = 0, now: datetime = NOW) -> Order:
    """A pending order of one mug, in the store."""
    cart = a_cart(MUG, seed=seed, now=now)
    order = reserving(an_order(MUG, seed=seed, now=now), {})
    stores.carts.create_cart(cart)
    stores.orders.place_order(order, cart=cart)
    return order


def reserving(order: Order, pieces: dict[str, int]) -> Order:
    """The order, if this is what it takes from the stock."""
    return replace(order, takes=pieces, reserved=pieces)


def change_of(order: Order, *args: object, **kwargs: object) -> OrderChange:
    change = payments.apply(order, a_fact(order, *args, **kwargs), ledger=(), now=LATER)  # type: ignore[arg-type]
    assert change is not None
    return change


def test_an_order_is_read_as_it_was_placed(stores: Stores) -> None:
    address = Address(line1="1 Rue X", city="Paris", country="FR")
    contact = Contact(email="ada@example.com", name="Ada", shipping_address=address)
    cart, order = a_cart(MUG, TEA), an_order(MUG, TEA, contact=contact)
    stores.carts.create_cart(cart)
    stores.stock.set_stock("mug", 1)
    stores.stock.set_stock("tea", 1)
    stores.orders.place_order(order, cart=cart)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order, story.ledger) == (order, [rules.placing(order)])
    assert (order.takes, order.check_at) == ({"mug": 1, "tea": 1}, NOW + rules.RESERVED_FOR)


def test_an_order_that_nobody_placed_is_none(stores: Stores) -> None:
    assert stores.orders.get_order(an_id("ord")) is None


def test_placing_an_order_takes_its_stock(stores: Stores) -> None:
    cart = a_cart(MUG, TEA)
    stores.carts.create_cart(cart)
    stores.stock.set_stock("mug", 3)
    stores.stock.set_stock("tea", 1)
    stores.orders.place_order(reserving(an_order(MUG, TEA), {"mug": 2, "tea": 1}), cart=cart)
    assert stores.stock.get_stock(["mug", "tea"]) == {"mug": 1, "tea": 0}


def test_placing_an_order_is_noted_in_its_cart_and_leaves_it_as_it_was(stores: Stores) -> None:
    order = placed(stores)
    assert stores.carts.get_cart(order.cart_id) == replace(a_cart(MUG), order_id=order.id, checkouts=1)


def test_a_cart_that_was_checked_out_meanwhile_is_not_replaced(stores: Stores) -> None:
    order = placed(stores)
    for unaware in (a_cart(MUG, TEA), replace(a_cart(MUG, TEA), order_id=order.id)):
        with pytest.raises(Moved):
            stores.carts.replace_cart(unaware)
    aware = replace(a_cart(MUG, TEA), order_id=order.id, checkouts=1)
    stores.carts.replace_cart(aware)
    assert stores.carts.get_cart(an_id("cart")) == aware


def changed_and_placed(stores: Stores, quantity: int, *, most_per_cart: int = 0, most: int = 9) -> None:
    """The cart, if it is there, with so many mugs, becomes an order."""
    cart = a_cart(MUG, quantity=quantity)
    there = stores.carts.get_cart(cart.id)
    cart = replace(cart, version=quantity, checkouts=there.checkouts if there else 0)
    stores.carts.create_cart(cart)
    order = replace(an_order(MUG, quantity=quantity), id=rules.order_id_for(cart), cart_version=cart.version)
    one_more = tally("orders", an_id("vis"), most=most, now=NOW)
    stores.orders.place_order(reserving(order, {}), cart=cart, tally=one_more, most_per_cart=most_per_cart)


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
            replace(order, id=an_id("ord", "another")), cart=a_cart(MUG), most_per_cart=3
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
        stores.orders.place_order(reserving(an_order(MUG), {"mug": 1}), cart=cart, tally=one_more)
    stores.stock.set_stock("mug", 1)
    stores.orders.place_order(reserving(an_order(MUG), {"mug": 1}), cart=cart, tally=one_more)


def test_an_order_is_placed_once(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    order = placed(stores)
    with pytest.raises(AlreadyPlaced):
        stores.orders.place_order(reserving(order, {"mug": 1}), cart=a_cart(MUG))
    assert stores.stock.get_stock(["mug"]) == {"mug": 3}


def test_an_order_already_placed_says_so_even_if_stock_and_cart_are_gone(stores: Stores) -> None:
    order = placed(stores)
    stores.carts.replace_cart(replace(a_cart(MUG, TEA), order_id=order.id, checkouts=1))
    with pytest.raises(AlreadyPlaced):
        stores.orders.place_order(reserving(order, {"mug": 1}), cart=a_cart(MUG))


@pytest.mark.parametrize("available", [{}, {"mug": 3}, {"mug": 3, "tea": 1}, {"tea": 9}])
def test_an_order_takes_no_stock_unless_there_is_enough_of_everything(
    stores: Stores, available: dict[str, int]
) -> None:
    cart = a_cart(MUG, TEA)
    stores.carts.create_cart(cart)
    for sku, count in available.items():
        stores.stock.set_stock(sku, count)
    with pytest.raises(StockShort):
        stores.orders.place_order(reserving(an_order(MUG, TEA), {"mug": 2, "tea": 2}), cart=cart)
    assert stores.stock.get_stock(["mug", "tea"]) == available
    assert stores.orders.get_order(an_order(MUG, TEA).id) is None


def test_an_order_of_a_cart_that_changed_since_it_was_read_is_not_placed(stores: Stores) -> None:
    stores.carts.create_cart(a_cart(MUG, TEA))
    with pytest.raises(Moved):
        stores.orders.place_order(reserving(an_order(MUG), {"mug": 1}), cart=a_cart(MUG))
    assert stores.orders.get_order(an_order(MUG).id) is None


def test_an_order_of_a_cart_that_is_gone_is_not_placed(stores: Stores) -> None:
    with pytest.raises(Moved):
        stores.orders.place_order(reserving(an_order(MUG), {}), cart=a_cart(MUG))


def test_the_largest_order_fits_into_one_transaction(stores: Stores) -> None:
    products = [a_product(f"sku-{number}", tracked=True, name="n" * 250) for number in range(50)]
    cart, order = a_cart(*products, quantity=2), an_order(*products, quantity=2)
    stores.carts.create_cart(cart)
    for product in products:
        stores.stock.set_stock(product.sku, 2)
    stores.orders.place_order(order, cart=cart)
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


def test_an_order_is_saved_over_the_version_before(stores: Stores) -> None:
    order = placed(stores)
    changed = rules.postponed(order, until=LATER)
    stores.orders.save_order(changed)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == changed


def test_an_order_is_not_saved_over_any_other_version(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order))
    with pytest.raises(Moved):
        stores.orders.save_order(rules.postponed(order, until=LATER))
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order.check_at, story.order.status) == (None, "paid")


def test_a_change_writes_order_ledger_and_event_together(stores: Stores) -> None:
    order = placed(stores)
    change = change_of(order)
    stores.orders.commit(change)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order, story.ledger[1:]) == (change.order, [change.entry])
    assert change.event is not None
    assert stores.events.get_event(change.event.id) == change.event


def test_a_change_without_an_event_is_written_too(stores: Stores) -> None:
    order = placed(stores)
    change = rules.with_contact(order, Contact(email="ada@example.org"), now=LATER)
    assert change.event is None
    stores.orders.commit(change)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order, story.ledger[1:]) == (change.order, [change.entry])


def test_a_change_of_a_version_that_is_gone_writes_nothing(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order, "processing", key="first"))
    late = change_of(order, key="second")
    with pytest.raises(Moved):
        stores.orders.commit(late)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert (story.order.status, len(story.ledger)) == ("processing", 2)
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
        change = payments.apply(
            order, a_fact(order, "failed", key=key), ledger=(), now=NOW + timedelta(seconds=number)
        )
        assert change is not None
        stores.orders.commit(change)
        order = change.order
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert [entry.key for entry in story.ledger[1:]] == ["fake#z", "fake#a", "fake#m"]


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
    assert story == replace(story, order=other, ledger=[rules.placing(other)], refunds=[], fulfilments=[])


def story_in(stores: Stores, order: Order) -> OrderStory:
    story = stores.orders.get_order(order.id)
    assert story is not None
    return story


def canceled(order: Order) -> OrderChange:
    return change_of(order, "canceled")


def holding(stores: Stores, pieces: dict[str, int], *, seed: object = 0) -> tuple[Cart, Order]:
    """A cart, and the order that it is and that holds these pieces, in the store."""
    cart, order = a_cart(MUG, seed=seed), reserving(an_order(MUG, seed=seed), pieces)
    stores.carts.create_cart(cart)
    stores.orders.place_order(order, cart=cart)
    return replace(cart, order_id=order.id, checkouts=1), order


def changed_cart(stores: Stores, cart: Cart) -> tuple[Cart, Order]:
    """The cart as another version, in the store, and the order that it would be."""
    later = restarted(cart, now=NOW)
    stores.carts.replace_cart(later)
    priced = priced_by(later, PriceList(products={"mug": MUG}))
    return later, rules.place(later, priced, ADA, takes={}, livemode=False, now=NOW)


@pytest.mark.parametrize(
    ("held", "wanted", "left"),
    [
        ({"mug": 2}, {"mug": 3}, {"mug": 0, "tea": 4}),
        ({"mug": 2}, {"mug": 2}, {"mug": 1, "tea": 4}),
        ({"mug": 3}, {"mug": 1}, {"mug": 2, "tea": 4}),
        ({"mug": 3}, {"tea": 4}, {"mug": 3, "tea": 0}),
        ({"mug": 3, "tea": 1}, {}, {"mug": 3, "tea": 4}),
    ],
)
def test_an_order_takes_over_what_the_one_before_held(
    stores: Stores, held: dict[str, int], wanted: dict[str, int], left: dict[str, int]
) -> None:
    stores.stock.set_stock("mug", 3)
    stores.stock.set_stock("tea", 4)
    cart, earlier = holding(stores, held)
    cart, order = changed_cart(stores, cart)
    order = reserving(order, wanted)
    change = canceled(earlier)
    stores.orders.place_order(order, cart=cart, replaces=change)
    assert stores.stock.get_stock(["mug", "tea"]) == left
    ended = story_in(stores, earlier)
    assert (ended.order, ended.ledger[1:]) == (change.order, [change.entry])
    assert change.event is not None
    assert stores.events.get_event(change.event.id) == change.event
    assert story_in(stores, order).order == order
    assert stores.carts.get_cart(cart.id) == replace(cart, order_id=order.id, checkouts=2)


def test_a_takeover_that_the_stock_does_not_allow_writes_nothing(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    cart, earlier = holding(stores, {"mug": 2})
    cart, order = changed_cart(stores, cart)
    with pytest.raises(StockShort):
        stores.orders.place_order(reserving(order, {"mug": 4}), cart=cart, replaces=canceled(earlier))
    assert (stores.stock.get_stock(["mug"]), story_in(stores, earlier).order) == ({"mug": 1}, earlier)
    assert (stores.orders.get_order(order.id), stores.carts.get_cart(cart.id)) == (None, cart)


@pytest.mark.parametrize("available", [0, 9])
def test_a_takeover_of_an_order_that_moved_writes_nothing(stores: Stores, available: int) -> None:
    stores.stock.set_stock("mug", 2)
    cart, earlier = holding(stores, {"mug": 2})
    cart, order = changed_cart(stores, cart)
    paid = change_of(earlier)
    stores.orders.commit(paid)
    stores.stock.set_stock("mug", available)
    with pytest.raises(Moved):
        stores.orders.place_order(
            reserving(order, {"mug": 4}), cart=cart, replaces=change_of(earlier, "canceled", key="late")
        )
    assert (stores.stock.get_stock(["mug"]), story_in(stores, earlier).order) == (
        {"mug": available},
        paid.order,
    )
    assert stores.orders.get_order(order.id) is None


def test_a_takeover_of_a_cart_that_changed_writes_nothing(stores: Stores) -> None:
    stores.stock.set_stock("mug", 2)
    cart, earlier = holding(stores, {"mug": 2})
    cart, order = changed_cart(stores, cart)
    changed_cart(stores, cart)
    with pytest.raises(Moved):
        stores.orders.place_order(order, cart=cart, replaces=canceled(earlier))
    assert story_in(stores, earlier).order == earlier


def test_a_takeover_that_was_done_already_says_so(stores: Stores) -> None:
    stores.stock.set_stock("mug", 2)
    cart, earlier = holding(stores, {"mug": 2})
    cart, order = changed_cart(stores, cart)
    for refusal in (nullcontext(), pytest.raises(AlreadyPlaced)):
        with refusal:
            stores.orders.place_order(order, cart=cart, replaces=canceled(earlier))
    assert stores.stock.get_stock(["mug"]) == {"mug": 2}


def many(name: str) -> list[str]:
    return [f"{name}-{number}" for number in range(50)]


def test_the_largest_takeover_of_entirely_different_things_is_made(stores: Stores) -> None:
    """Of more rows than one transaction takes: the earlier order ends first."""
    old, new = many("old"), many("new")
    for sku in (*old, *new):
        stores.stock.set_stock(sku, 1)
    cart, earlier = holding(stores, dict.fromkeys(old, 1))
    cart, order = changed_cart(stores, cart)
    order = reserving(order, dict.fromkeys(new, 1))
    stores.orders.place_order(order, cart=cart, replaces=canceled(earlier))
    assert stores.stock.get_stock(old) == dict.fromkeys(old, 1)
    assert stores.stock.get_stock(new) == dict.fromkeys(new, 0)
    assert story_in(stores, earlier).order.status == "canceled"
    assert story_in(stores, order).order == order


def test_the_largest_takeover_that_the_stock_does_not_allow_strands_nothing(stores: Stores) -> None:
    old, new = many("old"), many("new")
    for sku in old:
        stores.stock.set_stock(sku, 1)
    cart, earlier = holding(stores, dict.fromkeys(old, 1))
    cart, order = changed_cart(stores, cart)
    with pytest.raises(StockShort):
        stores.orders.place_order(
            reserving(order, dict.fromkeys(new, 1)), cart=cart, replaces=canceled(earlier)
        )
    assert stores.orders.get_order(order.id) is None
    with suppress(Moved):  # whoever is told goes on to end the earlier order, if that has not been done
        stores.orders.commit(canceled(earlier))
    assert stores.stock.get_stock(old) == dict.fromkeys(old, 1)
    assert story_in(stores, earlier).order.status == "canceled"


def test_what_costs_nothing_is_placed_and_paid_together(stores: Stores) -> None:
    cart = a_cart(MUG)
    stores.carts.create_cart(cart)
    change = rules.free(reserving(an_order(MUG), {}), now=NOW)
    stores.orders.place_order(change.order, cart=cart, paid=change)
    story = story_in(stores, change.order)
    assert (story.order, story.ledger[1:]) == (change.order, [change.entry])
    assert change.event is not None
    assert stores.events.get_event(change.event.id) == change.event


def test_a_change_gives_to_the_stock_and_takes_from_it(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    stores.stock.set_stock("tea", 3)
    _, order = holding(stores, {"mug": 1})
    change = replace(change_of(order), stock={"mug": 1, "tea": -3, "pot": 0})
    stores.orders.commit(change)
    assert stores.stock.get_stock(["mug", "tea", "pot"]) == {"mug": 3, "tea": 0}


@pytest.mark.parametrize("available", [{}, {"tea": 1}])
def test_a_change_that_the_stock_does_not_allow_writes_nothing(
    stores: Stores, available: dict[str, int]
) -> None:
    for sku, count in available.items():
        stores.stock.set_stock(sku, count)
    order = placed(stores)
    change = replace(change_of(order), stock={"tea": -2})
    with pytest.raises(StockShort):
        stores.orders.commit(change)
    assert (story_in(stores, order).order, stores.stock.get_stock(["tea"])) == (order, available)
    assert change.event is not None
    assert stores.events.get_event(change.event.id) is None


def test_a_change_that_is_late_and_short_is_late(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order))
    with pytest.raises(Moved):
        stores.orders.commit(replace(change_of(order, key="another"), stock={"tea": -2}))


def test_what_was_refunded_and_sent_is_in_the_story_oldest_first(stores: Stores) -> None:
    order = placed(stores)
    paid = change_of(order)
    stores.orders.commit(paid)
    order, sought = paid.order, list[Refund]()
    for number, key in enumerate("zam"):
        wanted = WantedRefund(lines={}, amount=10, reason="It broke.")
        refund_id, now = refunds.refund_id_for(order, key), LATER + timedelta(seconds=number)
        change, refund = refunds.request(order, sought, wanted, refund_id=refund_id, by="owner", now=now)
        stores.orders.commit(change)
        order = change.order
        sought.append(refund)
    parcel = Fulfilment(
        id=fulfilments.fulfilment_id_for(order, "a"),
        lines={"mug": 1},
        created_at=LATER,
        by="owner",
        carrier="Post",
        tracking_number="T1",
        tracking_url="https://example.com/T1",
    )
    sent = fulfilments.fulfil(order, parcel, now=LATER)
    stores.orders.commit(sent)
    story = story_in(stores, order)
    assert (story.order, story.refunds, story.fulfilments) == (sent.order, sought, [parcel])


def test_a_refund_is_rewritten_as_it_goes_on(stores: Stores) -> None:
    order = placed(stores)
    paid = change_of(order)
    stores.orders.commit(paid)
    for state in ("pending", "succeeded", "failed"):
        story = story_in(stores, order)
        fact = a_refund_fact(order, state, amount=1200)
        change = refunds.apply_refund(
            story.order, fact, ledger=story.ledger, refunds=story.refunds, now=LATER
        )
        assert change is not None
        stores.orders.commit(change)
        found = story_in(stores, order)
        assert (found.order, found.refunds) == (change.order, [change.refund])


def test_a_dispute_and_a_review_are_read_as_they_were_written(stores: Stores) -> None:
    order = placed(stores)
    late = payments.apply(order, replace(a_fact(order), amount=1), ledger=(), now=LATER)
    assert late is not None
    stores.orders.commit(late)
    disputed = disputes.apply_dispute(late.order, a_dispute_fact(order), ledger=(), now=LATER)
    assert disputed is not None
    stores.orders.commit(disputed)
    assert story_in(stores, order).order == disputed.order


def due(stores: Stores, now: datetime, *, limit: int = 50) -> list[str]:
    found, cursor = list[str](), None
    while True:
        page = stores.orders.list_due(now, limit=limit, cursor=cursor)
        found += [age.order_id for age in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_what_is_due_is_listed_by_how_long_it_is(stores: Stores, limit: int) -> None:
    minutes = [3, 1, 2, 5, 4]
    orders = {after: placed(stores, seed=after, now=NOW + timedelta(minutes=after)).id for after in minutes}
    assert due(stores, NOW, limit=limit) == []
    now = NOW + rules.RESERVED_FOR + timedelta(minutes=3)
    assert due(stores, now, limit=limit) == [orders[1], orders[2], orders[3]]
    assert due(stores, now - timedelta(microseconds=1), limit=limit) == [orders[1], orders[2]]


def test_what_has_settled_or_was_postponed_leaves_the_list(stores: Stores) -> None:
    paid, later, waiting = (placed(stores, seed=number) for number in range(3))
    stores.orders.commit(change_of(paid))
    until = NOW + timedelta(hours=9)
    stores.orders.save_order(rules.postponed(later, until=until))
    assert due(stores, NOW + rules.RESERVED_FOR) == [waiting.id]
    assert sorted(due(stores, until)) == sorted([later.id, waiting.id])


def odd(stores: Stores, *, seed: object, now: datetime) -> Order:
    """An order in review since then, in the store."""
    order = placed(stores, seed=seed, now=NOW)
    change = payments.apply(order, replace(a_fact(order), amount=1), ledger=(), now=now)
    assert change is not None
    stores.orders.commit(change)
    return change.order


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_what_waits_for_its_owner_is_listed_by_how_long_it_does(stores: Stores, limit: int) -> None:
    times = {hours: NOW + timedelta(hours=hours) for hours in (3, 1, 2)}
    orders = {hours: odd(stores, seed=hours, now=at) for hours, at in times.items()}
    placed(stores, seed="pending")
    found, cursor = list[OrderAge](), None
    while True:
        page = stores.orders.list_in_review(limit=limit, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert found == [OrderAge(order_id=orders[hours].id, since=times[hours]) for hours in (1, 2, 3)]
    assert due(stores, NOW + timedelta(days=9)) == due(stores, NOW + rules.RESERVED_FOR)


def test_what_was_decided_or_refunded_waits_for_its_owner_no_more(stores: Stores) -> None:
    accepted, refunded, waiting = (odd(stores, seed=number, now=LATER) for number in range(3))
    stores.orders.commit(
        reviews.accept(accepted, takes={}, backordered={}, by="owner", check_at=None, now=LATER)
    )
    change = refunds.apply_refund(
        refunded, a_refund_fact(refunded, amount=1), ledger=(), refunds=(), now=LATER
    )
    assert change is not None
    stores.orders.commit(change)
    page = stores.orders.list_in_review(limit=9, cursor=None)
    assert [age.order_id for age in page.items] == [waiting.id]


def test_what_the_shops_rules_decide_does_not_wait_for_its_owner(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(canceled(order))
    late = change_of(story_in(stores, order).order, key="late")
    stores.orders.commit(late)
    assert stores.orders.list_in_review(limit=9, cursor=None).items == []
    assert due(stores, LATER) == [order.id]
    left = reviews.leave_to_owner(late.order, now=LATER)
    stores.orders.commit(left)
    assert stores.orders.list_in_review(limit=9, cursor=None).items == [
        OrderAge(order_id=order.id, since=LATER)
    ]
    assert due(stores, LATER) == []


@pytest.mark.parametrize("cursor", ["", "x", "%", "e30"])
def test_a_broken_cursor_of_the_clocks_lists_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        stores.orders.list_due(NOW, limit=5, cursor=cursor)
    with pytest.raises(InvalidCursor):
        stores.orders.list_in_review(limit=5, cursor=cursor)


def story_of(order: Order, entries: list[LedgerEntry]) -> OrderStory:
    ledger = [rules.placing(order), *entries]
    return OrderStory(order=order, ledger=ledger, refunds=[], fulfilments=[])


def test_an_order_from_elsewhere_is_read_as_it_was_written(stores: Stores) -> None:
    change = change_of(an_order())
    many = [replace(change.entry, key=f"fake#{number:03}") for number in range(250)]
    refund = Refund(
        id="ref_1", amount=5, currency="eur", status="succeeded", by="key_1", created_at=NOW, updated_at=NOW
    )
    sent = Fulfilment(id="ful_1", lines={"mug": 1}, created_at=NOW, by="key_1", tracking_number="1Z")
    story = replace(story_of(change.order, many), refunds=[refund], fulfilments=[sent])
    stores.orders.restore_order(story)
    assert stores.orders.get_order(change.order.id) == story
    reference = change.order.payment.reference
    assert stores.orders.find_order_id(provider="fake", reference=reference) == change.order.id
    page = stores.orders.list_orders("2026-11", limit=5, cursor=None)
    assert [summary.id for summary in page.items] == [change.order.id]


def test_an_order_that_is_there_is_not_overwritten_from_elsewhere(stores: Stores) -> None:
    order = placed(stores)
    before = stores.orders.get_order(order.id)
    change = change_of(order)
    with pytest.raises(AlreadyPlaced):
        stores.orders.restore_order(story_of(change.order, [change.entry]))
    assert stores.orders.get_order(order.id) == before


def of_person(stores: Stores, email: str) -> list[str]:
    page = stores.orders.list_orders_of_person(person_id(email), limit=10, cursor=None)
    return [summary.id for summary in page.items]


def test_the_orders_of_a_person_are_listed_newest_first_as_they_are_now(stores: Stores) -> None:
    orders = [placed(stores, seed=number, now=NOW + timedelta(days=number * 40)) for number in range(3)]
    stores.orders.commit(change_of(orders[0]))
    first = stores.orders.list_orders_of_person(person_id("ada@example.com"), limit=2, cursor=None)
    rest = stores.orders.list_orders_of_person(person_id("ada@example.com"), limit=2, cursor=first.cursor)
    found = [*first.items, *rest.items]
    assert [summary.id for summary in found] == [order.id for order in reversed(orders)]
    assert [summary.status for summary in found] == ["pending", "pending", "paid"]
    assert of_person(stores, "bob@example.com") == []


def test_a_corrected_address_moves_the_order_to_its_persons_list(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(rules.with_contact(order, Contact(email="bob@example.com"), now=LATER))
    assert (of_person(stores, "ada@example.com"), of_person(stores, "bob@example.com")) == ([], [order.id])


def test_a_contact_that_was_overtaken_leaves_the_lists_alone(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order))
    with pytest.raises(Moved):
        stores.orders.commit(rules.with_contact(order, Contact(email="bob@example.com"), now=LATER))
    assert (of_person(stores, "ada@example.com"), of_person(stores, "bob@example.com")) == ([order.id], [])


def test_an_erased_order_stays_in_its_persons_list_until_it_is_forgotten(stores: Stores) -> None:
    order = placed(stores)
    nobody = without_person(order, now=LATER)
    stores.orders.save_order(nobody)
    story = stores.orders.get_order(order.id)
    assert story is not None
    assert story.order == nobody
    assert of_person(stores, "ada@example.com") == [order.id]
    for _ in range(2):
        stores.orders.forget_person(order.id)
        assert of_person(stores, "ada@example.com") == []
        assert stores.orders.get_order(order.id) == story


def test_an_erased_order_keeps_the_country_that_it_was_taxed_for(stores: Stores) -> None:
    cart, order = a_cart(MUG), reserving(an_order(MUG), {})
    place = Destination(country="US", state="NY", postal_code="10001")
    stores.carts.create_cart(cart)
    stores.orders.place_order(replace(order, computed_for=place), cart=cart)
    for _ in range(2):
        stores.orders.forget_person(order.id)
        assert story_in(stores, order).order.computed_for == replace(place, postal_code="")


def test_an_order_that_moved_is_not_erased(stores: Stores) -> None:
    order = placed(stores)
    stores.orders.commit(change_of(order))
    with pytest.raises(Moved):
        stores.orders.save_order(without_person(order, now=LATER))


def test_an_order_from_elsewhere_is_in_its_persons_list_unless_it_has_none(stores: Stores) -> None:
    order = an_order()
    stores.orders.restore_order(story_of(order, []))
    stores.orders.restore_order(story_of(replace(without_person(order, now=NOW), id=an_id("ord")), []))
    assert of_person(stores, "ada@example.com") == [order.id]
