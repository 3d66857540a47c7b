from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import Busy, InvalidSignature, OrderNotFound, PaymentMismatch
from chalicelib.domain.orders import Order
from chalicelib.domain.refunds import RefundFact
from chalicelib.ports import Fact, Moved
from chalicelib.services.contention import TRIES
from chalicelib.services.payments import receive_callback, void
from tests.fakes import NOW, interrupt
from tests.making import SHOP, a_dispute_fact, a_fact, a_refund_fact, an_order
from tests.unit.services.shop import Shop

GOOD = {"signature": "good"}


def call_back(shop: Shop, fact: Fact | None, *, headers: dict[str, str] = GOOD) -> Order | None:
    payload = msgspec.json.encode(fact)
    return receive_callback(
        payload, headers, shop=SHOP, provider=shop.provider, orders=shop.world, now=NOW + timedelta(seconds=9)
    )


def event_types(shop: Shop) -> list[str]:
    return [event.type for event in shop.world.events.values()]


def test_a_payment_makes_its_order_paid_and_tells_the_world_once(shop: Shop) -> None:
    order = shop.order("tea")
    paid = call_back(shop, a_fact(order))
    assert paid is not None
    assert (paid.status, paid.payment.amount_received) == ("paid", 700)
    assert paid.payment.paid_at == NOW + timedelta(seconds=9)
    assert shop.stored(order.id) == paid
    assert event_types(shop) == ["order.paid"]


def test_the_ledger_says_what_was_told_and_which_event_came_of_it(shop: Shop) -> None:
    order = shop.order()
    call_back(shop, a_fact(order, key="evt_9"))
    story = shop.world.get_order(order.id)
    assert story is not None
    _, entry = story.ledger
    (event,) = shop.world.events.values()
    assert (entry.key, entry.what, entry.event_id) == ("fake#evt_9", "payment.succeeded", event.id)
    assert (entry.amount, entry.currency) == (order.amount, "eur")
    assert (entry.by, entry.about) == ("fake", order.payment.reference or f"pay_{order.id}")


def test_the_event_shows_the_order_as_it_became_and_no_credential(shop: Shop) -> None:
    order = shop.order("mug", "tea")
    call_back(shop, a_fact(order))
    (event,) = shop.world.events.values()
    payload = msgspec.json.decode(event.payload)
    shown = payload["data"]["order"]
    assert (payload["id"], payload["type"], payload["timestamp"]) == (
        event.id,
        "order.paid",
        "2026-11-24T12:00:09Z",
    )
    assert (shown["id"], shown["status"], shown["amount"], shown["version"]) == (order.id, "paid", 1900, 2)
    assert [line["sku"] for line in shown["lines"]] == ["mug", "tea"]
    assert shown["contact"]["email"] == "ada@example.com"
    assert order.cart_id not in event.payload
    assert "tok_" not in event.payload


def test_a_payment_needs_one_read_and_one_transaction(shop: Shop) -> None:
    order = shop.order()
    interrupt(shop.world, "get_order", None, AssertionError("a third round trip"))
    interrupt(shop.world, "commit", None, AssertionError("a third round trip"))
    call_back(shop, a_fact(order))


def test_a_notice_that_is_told_again_changes_nothing(shop: Shop) -> None:
    order = shop.order()
    first = call_back(shop, a_fact(order))
    interrupt(shop.world, "commit", AssertionError("wrote again"))
    assert call_back(shop, a_fact(order)) == first


def test_a_second_notice_of_the_same_payment_changes_nothing(shop: Shop) -> None:
    order = shop.order()
    first = call_back(shop, a_fact(order, key="a"))
    assert call_back(shop, a_fact(order, key="b")) == first
    assert event_types(shop) == ["order.paid"]


@pytest.mark.parametrize(
    "keys", [["same"] * 8, [f"key-{number}" for number in range(8)]], ids=["same", "different"]
)
def test_parallel_notices_have_one_effect(shop: Shop, keys: list[str]) -> None:
    order = shop.order()
    interrupt(shop.world, "commit", *[Barrier(len(keys)).wait] * len(keys))
    with ThreadPoolExecutor(len(keys)) as pool:
        results = list(pool.map(lambda key: call_back(shop, a_fact(order, key=key)), keys))
    assert [result and result.status for result in results] == ["paid"] * len(keys)
    story = shop.world.get_order(order.id)
    assert story is not None
    assert (len(story.ledger), story.order.version, event_types(shop)) == (2, 2, ["order.paid"])


def test_a_lost_answer_of_the_transaction_has_no_second_effect(shop: Shop) -> None:
    order = shop.order()
    interrupt(shop.world, "commit", Moved(), after=True)
    paid = call_back(shop, a_fact(order))
    assert paid is not None
    assert (paid.version, event_types(shop)) == (2, ["order.paid"])


def test_a_notice_that_never_gets_through_is_busy_so_that_it_is_told_again(shop: Shop) -> None:
    order = shop.order()
    interrupt(shop.world, "commit", *[Moved()] * TRIES)
    with pytest.raises(Busy):
        call_back(shop, a_fact(order))
    assert shop.stored(order.id).status == "pending"


@pytest.mark.parametrize(
    "wrong",
    [{"livemode": True}, {"reference": "pay_of_another"}],
    ids=str,
)
@pytest.mark.parametrize("kind", ["succeeded", "failed", "processing", "canceled"])
def test_a_notice_that_is_not_about_the_orders_payment_changes_nothing(
    shop: Shop, wrong: dict[str, object], kind: str
) -> None:
    order = shop.order()
    fact = replace(a_fact(order, kind), **wrong)  # type: ignore[arg-type]
    with pytest.raises(PaymentMismatch):
        call_back(shop, fact)
    story = shop.world.get_order(order.id)
    assert story is not None
    assert (story.order.status, len(story.ledger), shop.world.events) == ("pending", 1, {})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"amount": 1}, "amount_mismatch"),
        ({"amount": 1201}, "amount_mismatch"),
        ({"currency": "usd"}, "currency_mismatch"),
    ],
)
def test_money_of_another_amount_is_noted_and_needs_review(
    shop: Shop, wrong: dict[str, object], reason: str
) -> None:
    order = shop.order()
    paid = call_back(shop, replace(a_fact(order), **wrong))
    assert paid is not None
    assert paid.review is not None
    assert (paid.status, paid.review.reason, paid.check_at) == ("needs_review", reason, None)
    assert paid.payment.amount_received == wrong.get("amount", 1200)
    assert paid.payment.received_currency == wrong.get("currency", "")
    assert event_types(shop) == ["order.needs_review"]


def test_a_notice_for_another_shop_is_not_ours(shop: Shop) -> None:
    order = shop.order()
    assert call_back(shop, replace(a_fact(order), shop="another")) is None
    assert call_back(shop, replace(a_fact(order), shop="")) is None
    assert shop.stored(order.id).status == "pending"


def test_a_notice_that_is_about_no_payment_is_not_ours(shop: Shop) -> None:
    assert call_back(shop, None) is None


def test_a_notice_of_an_unknown_order_is_refused_so_that_somebody_looks(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        call_back(shop, a_fact(an_order(seed="unknown")))
    assert not shop.world.events


def test_an_unsigned_notice_reads_nothing(shop: Shop) -> None:
    order = shop.order()
    interrupt(shop.world, "get_order", AssertionError("asked the table"))
    with pytest.raises(InvalidSignature):
        call_back(shop, a_fact(order), headers={})


def test_a_failed_payment_leaves_the_order_payable_and_a_later_one_pays_it(shop: Shop) -> None:
    order = shop.order()
    failed = call_back(shop, a_fact(order, "failed", key="a"))
    assert failed is not None
    assert (failed.status, failed.payment.failure, failed.is_payable) == ("failed", "card_declined", True)
    paid = call_back(shop, a_fact(order, "succeeded", key="b"))
    assert paid is not None
    assert (paid.status, paid.payment.failure, paid.version) == ("paid", "", 3)
    assert event_types(shop) == ["order.payment_failed", "order.paid"]


def test_each_failed_attempt_is_told(shop: Shop) -> None:
    order = shop.order()
    for key in "abc":
        call_back(shop, a_fact(order, "failed", key=key))
    assert event_types(shop) == ["order.payment_failed"] * 3


def test_two_notices_of_one_failure_are_one_event(shop: Shop) -> None:
    """A callback and a reconciliation name the same charge by keys of their own."""
    order = shop.order()
    call_back(shop, a_fact(order, "failed", key="callback", about="charge_1"))
    call_back(shop, a_fact(order, "failed", key="reconciliation", about="charge_1"))
    assert event_types(shop) == ["order.payment_failed"]
    assert shop.stored(order.id).status == "failed"


@pytest.mark.parametrize("kind", ["failed", "processing"])
def test_a_late_notice_never_unpays_an_order(shop: Shop, kind: str) -> None:
    order = shop.order()
    paid = call_back(shop, a_fact(order, key="a"))
    assert call_back(shop, a_fact(order, kind, key="b")) == paid  # type: ignore[arg-type]
    assert (shop.stored(order.id).status, event_types(shop)) == ("paid", ["order.paid"])


def test_a_bank_debit_is_processing_until_it_succeeds_or_fails(shop: Shop) -> None:
    order = shop.order()
    processing = call_back(shop, a_fact(order, "processing", key="a"))
    assert processing is not None
    assert (processing.status, processing.is_payable) == ("processing", False)
    assert event_types(shop) == ["order.payment_processing"]
    assert call_back(shop, a_fact(order, "processing", key="b")) == processing
    failed = call_back(shop, a_fact(order, "failed", key="c"))
    assert failed is not None
    assert failed.is_payable


@pytest.mark.parametrize("kinds", list(itertools.permutations(["processing", "failed", "succeeded"])))
def test_in_whatever_order_the_notices_come_a_payment_that_succeeded_is_paid(
    shop: Shop, kinds: tuple[str, ...]
) -> None:
    order = shop.order()
    for kind in kinds:
        call_back(shop, a_fact(order, kind, key=kind))  # type: ignore[arg-type]
    assert shop.stored(order.id).status == "paid"


def test_a_callback_may_come_before_our_own_reference_was_stored(shop: Shop) -> None:
    cart = shop.cart("mug")

    def callback() -> None:
        (order,) = shop.world.orders.values()
        call_back(shop, a_fact(order))

    interrupt(shop.world, "save_reference", callback)
    order = shop.check_out(cart.id, total=1200).order
    stored = shop.stored(order.id)
    assert (stored.status, stored.payment.reference) == ("paid", f"pay_{order.id}")
    assert shop.world.find_order_id(provider="fake", reference=f"pay_{order.id}") == order.id


def test_payments_take_no_stock(shop: Shop) -> None:
    order = shop.order("tea")
    call_back(shop, a_fact(order))
    assert shop.world.stock == {"tea": 2}


def test_a_payment_that_was_canceled_gives_its_stock_back_once(shop: Shop) -> None:
    order = shop.order("tea")
    for key in "ab":
        call_back(shop, a_fact(order, "canceled", key=key))
    assert (shop.stored(order.id).status, shop.world.stock) == ("canceled", {"tea": 3})
    assert event_types(shop) == ["order.canceled"]


def test_notices_that_name_only_the_payment_find_its_order(shop: Shop) -> None:
    order = shop.paid("mug")
    refunded = call_back(shop, a_refund_fact(order, amount=100))
    disputed = call_back(shop, a_dispute_fact(order))
    assert refunded is not None
    assert disputed is not None
    assert (refunded.status, disputed.status) == ("partially_refunded", "disputed")


def test_notices_about_payments_of_others_are_not_ours(shop: Shop) -> None:
    """The shop may share its provider's account."""
    strange = an_order(seed="another")
    assert call_back(shop, a_refund_fact(strange, amount=100)) is None
    assert call_back(shop, a_dispute_fact(strange)) is None
    assert call_back(shop, replace(a_dispute_fact(strange), reference="")) is None
    assert not shop.world.events


def test_a_refund_that_another_shop_made_is_not_ours(shop: Shop) -> None:
    order = shop.paid("mug")
    fact = replace(a_refund_fact(order, amount=100), shop="another", order_id=order.id)
    assert call_back(shop, fact) is None
    assert shop.stored(order.id).status == "paid"


def test_voiding_says_what_has_become_of_the_payment(shop: Shop) -> None:
    order = shop.order("mug")
    assert void(shop.stored(order.id), provider=shop.provider).kind == "canceled"
    paid = shop.order("tea")
    shop.provider.states[f"pay_{paid.id}"] = "succeeded"
    assert void(shop.stored(paid.id), provider=shop.provider).kind == "succeeded"


def test_voiding_what_may_have_been_opened_asks_for_the_same_payment(shop: Shop) -> None:
    order = shop.order("mug")
    fact = void(replace(order, payment=replace(order.payment, reference="")), provider=shop.provider)
    assert (fact.kind, len(shop.provider.sessions)) == ("canceled", 1)


def test_money_that_came_late_and_is_all_gone_again_leaves_nothing_to_decide(shop: Shop) -> None:
    """The owner gave it back at her provider's, and that was heard of first."""
    order = shop.order("tea")
    shop.tell(order, "canceled", key="evt_1")
    paid = a_fact(order, "succeeded", key="evt_2")
    refund = RefundFact(
        provider="fake",
        key="evt_3",
        state="succeeded",
        reference=paid.reference,
        object_id="re_1",
        amount=order.amount,
        currency=order.currency,
        livemode=False,
        occurred_at=NOW,
    )
    shop.record(refund)
    late = shop.record(paid)
    assert (late.status, late.open_review, late.check_at, late.reserved) == ("refunded", None, None, {})
