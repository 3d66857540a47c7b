from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chalicelib.domain.errors import KeyReused, NotFulfillable, OrderNotFound
from chalicelib.ports import Moved
from tests.fakes import interrupt
from tests.making import a_dispute_fact, an_order
from tests.unit.services.shop import Shop


def test_an_order_is_sent_piece_by_piece(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    assert shop.fulfil(order, key="one", mug=1).order.status == "partially_fulfilled"
    story = shop.fulfil(order, key="two", tea=1)
    assert (story.order.status, story.order.fulfilled) == ("fulfilled", {"mug": 1, "tea": 1})
    assert [parcel.lines for parcel in story.fulfilments] == [{"mug": 1}, {"tea": 1}]
    assert shop.told() == {"order.paid": 1, "order.fulfilled": 2}
    assert shop.world.stock == {"tea": 2}


def test_all_that_is_left_is_sent_if_nothing_is_named(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    shop.fulfil(order, key="one", mug=1)
    story = shop.fulfil(order, key="rest")
    assert (story.order.status, story.fulfilments[-1].lines) == ("fulfilled", {"tea": 1})


def test_a_parcel_told_again_under_its_key_is_the_same_parcel(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    assert shop.fulfil(order) == shop.fulfil(order)
    assert shop.told()["order.fulfilled"] == 1


def test_a_key_that_stands_for_another_parcel_is_refused(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    shop.fulfil(order, mug=1)
    with pytest.raises(KeyReused):
        shop.fulfil(order, tea=1)
    assert shop.stored(order.id).fulfilled == {"mug": 1}


def test_one_key_in_parallel_is_one_parcel(shop: Shop) -> None:
    order = shop.paid("mug")
    interrupt(shop.world, "commit", *[Barrier(4).wait] * 4)
    with ThreadPoolExecutor(4) as pool:
        stories = list(pool.map(lambda _: shop.fulfil(order), range(4)))
    assert {len(story.fulfilments) for story in stories} == {1}
    assert shop.told()["order.fulfilled"] == 1


def test_parcels_in_parallel_never_hold_more_than_was_bought(shop: Shop) -> None:
    order = shop.paid("mug")
    interrupt(shop.world, "commit", *[Barrier(4).wait] * 4)

    def try_it(key: int) -> bool:
        try:
            shop.fulfil(order, key=str(key), mug=1)
        except NotFulfillable:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_it, range(4))) == 1
    assert shop.stored(order.id).fulfilled == {"mug": 1}


def test_a_lost_answer_of_the_transaction_sends_nothing_twice(shop: Shop) -> None:
    order = shop.paid("mug")
    interrupt(shop.world, "commit", Moved(), after=True)
    assert len(shop.fulfil(order).fulfilments) == 1


def test_only_what_is_paid_and_needs_no_review_is_sent(shop: Shop) -> None:
    refunded = shop.paid("mug")
    shop.refund(refunded)
    for order in (shop.order("mug"), shop.paid_late("mug"), refunded):
        with pytest.raises(NotFulfillable):
            shop.fulfil(order)


def test_an_order_that_was_refunded_in_part_or_is_disputed_is_still_sent(shop: Shop) -> None:
    order = shop.paid("mug")
    shop.refund(order, 100)
    shop.record(a_dispute_fact(order))
    story = shop.fulfil(order)
    assert (story.order.fulfilment, story.order.status) == ("fulfilled", "disputed")


def test_only_an_order_that_there_is_can_be_sent(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        shop.fulfil(an_order(seed="unknown"))
