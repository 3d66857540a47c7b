from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.domain import orders as rules
from chalicelib.domain import payments
from chalicelib.domain.errors import InvalidCursor
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
from chalicelib.ports import AlreadyPlaced, Moved, OrderStory, StockShort
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_cart, a_fact, a_product, an_id, an_order

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
    assert stores.carts.get_cart(order.cart_id) == replace(a_cart(MUG), order_id=order.id)


def test_an_order_is_placed_once(stores: Stores) -> None:
    stores.stock.set_stock("mug", 3)
    order = placed(stores)
    with pytest.raises(AlreadyPlaced):
        stores.orders.place_order(reserving(order, {"mug": 1}), cart=a_cart(MUG))
    assert stores.stock.get_stock(["mug"]) == {"mug": 3}


def test_an_order_already_placed_says_so_even_if_stock_and_cart_are_gone(stores: Stores) -> None:
    order = placed(stores)
    stores.carts.replace_cart(replace(a_cart(MUG, TEA), order_id=order.id))
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
