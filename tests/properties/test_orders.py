from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.orders import DisputeStatus, Order, PaymentStatus
from chalicelib.domain.payments import PaymentFact
from chalicelib.domain.refunds import RefundState
from chalicelib.ports import Fact
from tests.making import a_dispute_fact, a_fact, a_refund_fact, an_order
from tests.strategies import facts_about
from tests.unit.services.shop import Shop

ORDER = an_order()


def recorded(facts: list[PaymentFact]) -> Shop:
    """A shop that was told all of it, in this order."""
    shop = Shop()
    shop.world.orders[ORDER.id] = ORDER
    for fact in facts:
        shop.record(fact)
    return shop


@given(st.lists(facts_about(ORDER), max_size=12))
def test_in_any_order_and_however_often_told_an_order_is_paid_if_money_came(facts: list[PaymentFact]) -> None:
    shop = recorded(facts)
    money_came = any(fact.kind == "succeeded" for fact in facts)
    stored = shop.stored(ORDER.id)
    assert (stored.status == "paid") == money_came
    assert stored.payment.amount_received == (ORDER.amount if money_came else 0)


@given(st.lists(facts_about(ORDER), max_size=12))
def test_a_paid_order_is_never_unpaid(facts: list[PaymentFact]) -> None:
    shop = recorded([])
    was_paid = False
    for fact in facts:
        is_paid = shop.record(fact).status == "paid"
        assert is_paid or not was_paid
        was_paid = is_paid


@given(st.lists(facts_about(ORDER), max_size=12))
def test_the_world_hears_of_one_payment_at_most_once_and_of_one_charges_failure_too(
    facts: list[PaymentFact],
) -> None:
    told = Counter(event.type for event in recorded(facts).world.events.values())
    charges = {fact.object_id for fact in facts if fact.kind == "failed"}
    assert told["order.paid"] == any(fact.kind == "succeeded" for fact in facts)
    assert told["order.payment_failed"] <= len(charges)


@given(st.lists(facts_about(ORDER), max_size=12))
def test_telling_it_all_again_tells_the_world_nothing_new(facts: list[PaymentFact]) -> None:
    once, twice = recorded(facts), recorded(facts + facts)
    assert twice.world.events == once.world.events
    if once.stored(ORDER.id).status == "paid":
        assert twice.world.get_order(ORDER.id) == once.world.get_order(ORDER.id)


@given(st.lists(facts_about(ORDER), max_size=12))
def test_the_version_counts_the_entries_of_the_ledger(facts: list[PaymentFact]) -> None:
    story = recorded(facts).world.get_order(ORDER.id)
    assert story is not None
    assert story.order.version == len(story.ledger)


Told = tuple[Fact, ...]


def refunds_of(order: Order) -> st.SearchStrategy[Told]:
    """What is told of up to three refunds, each as far as it came."""
    ends: st.SearchStrategy[tuple[RefundState, ...]] = st.sampled_from(
        [
            ("pending",),
            ("succeeded",),
            ("pending", "succeeded"),
            ("pending", "failed"),
            ("pending", "succeeded", "failed"),
        ]
    )
    refunds = st.lists(st.tuples(st.sampled_from([100, 500, 600, 1200]), ends), max_size=3)
    return refunds.map(
        lambda found: tuple(
            a_refund_fact(order, state, amount=amount, about=f"re_{number}")
            for number, (amount, states) in enumerate(found)
            for state in states
        )
    )


def disputes_of(order: Order) -> st.SearchStrategy[Told]:
    ends: st.SearchStrategy[tuple[DisputeStatus, ...]] = st.sampled_from(
        [("opened",), ("opened", "won"), ("opened", "lost"), ("lost",)]
    )
    return st.lists(ends, max_size=2).map(
        lambda found: tuple(
            a_dispute_fact(order, status, about=f"du_{number}")
            for number, statuses in enumerate(found)
            for status in statuses
        )
    )


def payments_of(order: Order) -> st.SearchStrategy[Told]:
    """What is told of a payment that arrived, perhaps not all of it, perhaps after some tries."""
    return st.builds(
        lambda tries, amount: (*tries, replace(a_fact(order, key="paid"), amount=amount)),
        st.lists(facts_about(order).filter(lambda fact: fact.kind != "succeeded"), max_size=3),
        st.sampled_from([order.amount, order.amount, order.amount - 100, order.amount + 100]),
    )


histories = st.tuples(payments_of(ORDER), refunds_of(ORDER), disputes_of(ORDER)).map(
    lambda parts: [fact for part in parts for fact in part]
)


def end_of(shop: Shop) -> tuple[object, ...]:
    """What has become of the order, whatever way it took."""
    story = shop.story(ORDER.id)
    order = replace(story.order, version=0, disputes=[])
    by_id = sorted(story.order.disputes, key=lambda dispute: dispute.id)
    return order, by_id, sorted(story.refunds, key=lambda refund: refund.id)


@given(st.data(), histories, st.sampled_from(["pending", "canceled"]))
def test_a_history_told_in_any_order_and_however_often_ends_in_the_same_place(
    data: st.DataObject, history: list[Fact], start: PaymentStatus
) -> None:
    again = data.draw(st.lists(st.sampled_from(history), max_size=5))
    shuffled = data.draw(st.permutations([*history, *again]))
    assert end_of(told(shuffled, start=start)) == end_of(told(history, start=start))


def told(facts: list[Fact], *, start: PaymentStatus) -> Shop:
    """A shop that was told all of it, in this order, of an order that stood there before."""
    shop = Shop()
    shop.world.orders[ORDER.id] = replace(ORDER, payment=replace(ORDER.payment, status=start))
    shop.world.save_reference(ORDER.id, provider="fake", reference=f"pay_{ORDER.id}")
    for fact in facts:
        shop.record(fact)
    return shop


@given(st.data(), histories, st.sampled_from(["pending", "canceled"]))
def test_the_world_hears_of_each_thing_once_in_whatever_order_it_was_told(
    data: st.DataObject, history: list[Fact], start: PaymentStatus
) -> None:
    again = data.draw(st.lists(st.sampled_from(history), max_size=5))
    shop = told(data.draw(st.permutations([*history, *again])), start=start)
    story, events = shop.story(ORDER.id), shop.told()
    assert events["order.paid"] + events["order.needs_review"] == 1
    assert events["order.needs_review"] == (story.order.review is not None)
    arrived = [refund for refund in story.refunds if refund.status == "succeeded"]
    came_back = [refund for refund in story.refunds if refund.status == "failed"]
    assert len(arrived) <= events["order.refunded"] <= len(arrived) + len(came_back)
    assert events["order.refund_failed"] == len(came_back)
    decided = [dispute for dispute in story.order.disputes if dispute.status != "opened"]
    assert events["order.dispute_closed"] == len(decided)
    keys = [entry.event_id for entry in story.ledger if entry.event_id]
    assert sorted(keys) == sorted(shop.world.events)
