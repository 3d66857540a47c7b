from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.payments import PaymentFact
from tests.making import an_order
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
