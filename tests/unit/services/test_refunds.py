from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from chalicelib.domain.errors import KeyReused, OrderNotFound, ProviderUnavailable, RefundRefused
from chalicelib.domain.refunds import SOON
from chalicelib.ports import Moved
from tests.fakes import NOW, interrupt
from tests.making import a_dispute_fact, a_refund_fact, an_id, an_order
from tests.unit.services.shop import Shop

LATER = NOW + timedelta(hours=1)
DOWN = ProviderUnavailable("down")


def test_an_order_is_refunded_whole(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    refund = shop.refund(order, reason="It broke.")
    assert (refund.amount, refund.currency, refund.status) == (1900, "eur", "succeeded")
    assert (refund.by, refund.reason, refund.reference) == ("owner", "It broke.", f"re_{refund.id}")
    stored = shop.stored(order.id)
    assert (stored.status, stored.payment.amount_refunded) == ("refunded", 1900)
    assert (stored.check_at, shop.world.stock) == (None, {"tea": 2})
    assert shop.told() == {"order.paid": 1, "order.refunded": 1}


def test_an_order_is_refunded_by_amount_until_nothing_is_left(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    shop.refund(order, 900, key="first")
    assert shop.stored(order.id).status == "partially_refunded"
    assert shop.refund(order, key="rest").amount == 1000
    assert shop.stored(order.id).status == "refunded"
    with pytest.raises(RefundRefused):
        shop.refund(order, 1, key="more")
    assert sum(fact.amount for fact in shop.provider.refunds.values()) == 1900


def test_pieces_are_refunded_and_put_back_into_the_stock(shop: Shop) -> None:
    cart = shop.cart("mug")
    cart = shop.set_quantity(cart.id, "tea", 3)
    order = shop.check_out(cart.id, total=cart.amount).order
    shop.tell(order, "succeeded", key="paid")
    refund = shop.refund(order, lines={"tea": 2, "mug": 1}, restock=True)
    assert (refund.amount, refund.restock) == (2600, {"tea": 2})
    assert (shop.world.stock, shop.stored(order.id).reserved) == ({"tea": 2}, {"tea": 1})


def test_a_refund_asked_again_under_its_key_is_the_same_refund(shop: Shop) -> None:
    order = shop.paid("tea")
    first, again = (shop.refund(order, lines={"tea": 1}, restock=True) for _ in range(2))
    assert first == again
    assert (len(shop.provider.refunds), shop.world.stock) == (1, {"tea": 3})
    assert shop.told()["order.refunded"] == 1


def test_a_key_that_stands_for_another_refund_is_refused(shop: Shop) -> None:
    order = shop.paid("mug", "tea")
    shop.refund(order, 100)
    for other in ({"amount": 200}, {"lines": {"tea": 1}}, {"amount": 100, "reason": "another"}):
        with pytest.raises(KeyReused):
            shop.refund(order, **other)
    assert shop.stored(order.id).payment.amount_refunded == 100


@pytest.mark.parametrize(
    ("first", "second"),
    [({"amount": 100}, {}), ({"lines": {"tea": 1}}, {"lines": {"tea": 1}, "restock": True})],
)
def test_a_key_is_refused_for_the_rest_instead_of_an_amount_and_for_a_restock_instead_of_none(
    shop: Shop, first: dict[str, object], second: dict[str, object]
) -> None:
    order = shop.paid("mug", "tea")
    shop.refund(order, **first)  # type: ignore[arg-type]
    with pytest.raises(KeyReused):
        shop.refund(order, **second)  # type: ignore[arg-type]


def test_one_key_in_parallel_is_one_refund(shop: Shop) -> None:
    order = shop.paid("tea")
    together = Barrier(6)
    interrupt(shop.world, "commit", *[together.wait] * 6)
    with ThreadPoolExecutor(6) as pool:
        refunds = list(pool.map(lambda _: shop.refund(order, restock=True), range(6)))
    assert len({refund.id for refund in refunds}) == len(shop.provider.refunds) == 1
    assert (shop.world.stock, shop.told()["order.refunded"]) == ({"tea": 3}, 1)


def test_refunds_in_parallel_never_give_back_more_than_came(shop: Shop) -> None:
    order = shop.paid("mug")
    together = Barrier(5)
    interrupt(shop.world, "commit", *[together.wait] * 5)

    def try_it(key: int) -> bool:
        try:
            shop.refund(order, 500, key=str(key))
        except RefundRefused:
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        made = sum(pool.map(try_it, range(5)))
    assert (made, shop.stored(order.id).payment.amount_refunded) == (2, 1000)
    assert sum(fact.amount for fact in shop.provider.refunds.values()) == 1000


def test_what_the_provider_refuses_is_told_and_leaves_the_money_refundable(shop: Shop) -> None:
    order = shop.paid("tea")
    shop.provider.refuses_refunds = "It has been charged back."
    for _ in range(2):
        with pytest.raises(RefundRefused, match="charged back"):
            shop.refund(order, restock=True)
    story = shop.story(order.id)
    assert [(refund.status, refund.failure) for refund in story.refunds] == [
        ("failed", "It has been charged back.")
    ]
    assert (story.order.status, story.order.check_at, shop.world.stock) == ("paid", None, {"tea": 2})
    assert shop.told() == {"order.paid": 1, "order.refund_failed": 1}
    shop.provider.refuses_refunds = ""
    assert shop.refund(order, restock=True, key="another").status == "succeeded"
    assert shop.world.stock == {"tea": 3}


def test_what_the_provider_could_not_be_asked_is_asked_again_by_housekeeping(shop: Shop) -> None:
    order = shop.paid("tea")
    interrupt(shop.provider, "refund_payment", DOWN)
    with pytest.raises(ProviderUnavailable):
        shop.refund(order, restock=True)
    waiting = shop.stored(order.id)
    assert (waiting.status, waiting.check_at, shop.world.stock) == ("paid", NOW + SOON, {"tea": 2})
    with pytest.raises(RefundRefused):
        shop.refund(order, 1, key="its money is spoken for")
    settled = shop.settle(order, now=LATER)
    assert (settled.status, settled.check_at, shop.world.stock) == ("refunded", None, {"tea": 3})


def test_a_refund_whose_answer_is_lost_is_found_and_not_made_again(shop: Shop) -> None:
    order = shop.paid("mug")
    interrupt(shop.provider, "refund_payment", DOWN, after=True)
    with pytest.raises(ProviderUnavailable):
        shop.refund(order, 500)
    interrupt(shop.provider, "refund_payment", AssertionError("asked again"))
    assert shop.refund(order, 500).status == "succeeded"
    assert shop.stored(order.id).payment.amount_refunded == 500


def test_a_crash_before_the_answer_is_recorded_is_mended_by_housekeeping(shop: Shop) -> None:
    order = shop.paid("tea")
    interrupt(shop.world, "commit", None, OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        shop.refund(order, restock=True)
    assert shop.stored(order.id).status == "paid"
    assert shop.settle(order, now=LATER).status == "refunded"
    assert (shop.world.stock, len(shop.provider.refunds)) == ({"tea": 3}, 1)


def test_a_lost_answer_of_the_transaction_refunds_once(shop: Shop) -> None:
    order = shop.paid("tea")
    interrupt(shop.world, "commit", Moved(), Moved(), after=True)
    assert shop.refund(order, restock=True).status == "succeeded"
    assert (shop.world.stock, shop.told()["order.refunded"]) == ({"tea": 3}, 1)


def test_two_refunds_that_wait_give_each_piece_back_once(shop: Shop) -> None:
    """The second was asked for while the first one's pieces had not gone back yet."""
    cart = shop.cart()
    cart = shop.set_quantity(cart.id, "tea", 2)
    order = shop.check_out(cart.id, total=cart.amount).order
    shop.tell(order, "succeeded", key="paid")
    interrupt(shop.provider, "refund_payment", DOWN, DOWN)
    for key, lines in [("one", {"tea": 1}), ("rest", {})]:
        with pytest.raises(ProviderUnavailable):
            shop.refund(order, lines=lines, restock=True, key=key)
    assert shop.settle(order, now=LATER).status == "refunded"
    assert (shop.world.stock, shop.stored(order.id).reserved) == ({"tea": 3}, {})


def test_a_refund_that_fails_after_all_is_money_that_is_here_again(shop: Shop) -> None:
    order = shop.paid("tea")
    refund = shop.refund(order)
    shop.record(a_refund_fact(order, "failed", amount=700, about=refund.reference, of=refund))
    stored = shop.stored(order.id)
    assert (stored.status, stored.payment.amount_refunded) == ("paid", 0)
    assert shop.told() == {"order.paid": 1, "order.refunded": 1, "order.refund_failed": 1}


def test_a_refund_made_at_the_providers_is_picked_up_and_counts(shop: Shop) -> None:
    order = shop.paid("mug")
    shop.record(a_refund_fact(order, amount=1000))
    shop.record(a_refund_fact(order, amount=1000, key="told again"))
    (refund,) = shop.story(order.id).refunds
    assert (refund.amount, refund.by, refund.reference, refund.restock) == (1000, "fake", "re_1", {})
    with pytest.raises(RefundRefused) as refusal:
        shop.refund(order, 201)
    assert refusal.value.details["refundable"] == 200
    assert shop.told()["order.refunded"] == 1


def test_a_notice_of_our_own_refund_is_the_same_refund(shop: Shop) -> None:
    order = shop.paid("mug")
    refund = shop.refund(order, 300)
    before = shop.story(order.id)
    shop.record(a_refund_fact(order, "pending", amount=300, about=refund.reference, of=refund, key="notice"))
    shop.record(a_refund_fact(order, amount=300, about=refund.reference, of=refund, key="another"))
    assert shop.story(order.id) == before


def test_a_refund_told_before_its_payment_counts_when_the_payment_comes(shop: Shop) -> None:
    order = shop.order("mug")
    early = shop.record(a_refund_fact(order, amount=500))
    assert (early.status, early.payment.amount_refunded) == ("pending", 500)
    paid = shop.tell(order, "succeeded", key="paid")
    assert (paid.status, paid.payment.amount_refunded, paid.check_at) == ("partially_refunded", 500, None)
    assert shop.told() == {"order.refunded": 1, "order.paid": 1}


def test_a_dispute_is_shown_until_the_bank_has_decided(shop: Shop) -> None:
    order = shop.paid("mug")
    assert shop.record(a_dispute_fact(order)).status == "disputed"
    assert shop.record(a_dispute_fact(order, "won")).status == "paid"
    assert shop.record(a_dispute_fact(order, "lost", about="du_2")).status == "charged_back"
    assert shop.told() == {"order.paid": 1, "order.dispute_opened": 1, "order.dispute_closed": 2}


def test_only_an_order_that_there_is_can_be_refunded(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        shop.refund(an_order(seed="unknown"))
    assert an_id("ord", "unknown") not in shop.world.refunds


@pytest.mark.parametrize("sku", ["mug", "pot"])
def test_nothing_that_was_not_paid_for_can_be_refunded(shop: Shop, sku: str) -> None:
    order = shop.order(sku) if sku == "mug" else shop.paid("mug")
    with pytest.raises(RefundRefused):
        shop.refund(order, lines={sku: 1})
    assert not shop.provider.refunds
