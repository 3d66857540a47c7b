from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain.bookkeeping import DAILY, IN_FLIGHT, LOOK_BACK, Reconciliation
from chalicelib.domain.orders import Order
from chalicelib.services.reconciliation import Books, reconcile
from tests.fakes import NOW, interrupt
from tests.making import a_fact, an_order
from tests.unit.services.shop import Shop

LATER = NOW + timedelta(hours=1)


def run(shop: Shop, *, within: timedelta = timedelta(minutes=3)) -> Reconciliation:
    books = Books(
        shop="test",
        provider=shop.provider,
        orders=shop.world,
        events=shop.world,
        progress=shop.world,
    )
    reconcile(books=books, clock=shop.clock, until=shop.clock.now + within)
    assert shop.world.reconciliation is not None
    return shop.world.reconciliation


def paid_unseen(shop: Shop, *skus: str) -> Order:
    """An order whose payment came, and of which no notice did."""
    order = shop.order(*skus)
    shop.provider.states[f"pay_{order.id}"] = "succeeded"
    return order


def told(shop: Shop, event_type: str) -> list[dict[str, object]]:
    payloads = [msgspec.json.decode(event.payload) for event in shop.world.events.values()]
    return [payload["data"] for payload in payloads if payload["type"] == event_type]


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.clock.now = LATER
    return shop


def test_a_payment_whose_notice_never_came_is_recorded(shop: Shop) -> None:
    orders = [paid_unseen(shop, "mug"), paid_unseen(shop, "tea")]
    done = run(shop)
    assert [shop.stored(order.id).status for order in orders] == ["paid", "paid"]
    assert (done.stage, done.examined, done.repaired, done.mismatches) == ("done", 2, 2, 0)
    assert len(told(shop, "order.paid")) == 2


def test_what_is_known_is_left_alone(shop: Shop) -> None:
    order = paid_unseen(shop)
    shop.tell(order, "succeeded", key="a")
    before = shop.world.get_order(order.id)
    done = run(shop)
    assert (done.examined, done.repaired, done.mismatches) == (1, 0, 0)
    assert shop.world.get_order(order.id) == before


def test_a_refund_whose_notice_never_came_is_recorded(shop: Shop) -> None:
    order = paid_unseen(shop)
    paid = shop.tell(order, "succeeded", key="a")
    refund = shop.refund(paid, amount=200)
    fact = replace(shop.provider.refunds[refund.id], refund_id="", object_id="re_2", key="re_2", amount=300)
    shop.provider.refunds["elsewhere"] = fact
    done = run(shop)
    assert (done.examined, done.repaired) == (3, 1)
    assert shop.stored(order.id).payment.amount_refunded == 500


def test_a_payment_of_an_order_that_there_is_not_is_reported_once(shop: Shop) -> None:
    lost = an_order(seed="lost")
    shop.provider.open_payment(lost)
    shop.provider.states[f"pay_{lost.id}"] = "succeeded"
    assert run(shop).mismatches == 1
    shop.clock.advance(DAILY)
    assert run(shop).mismatches == 1
    (report,) = told(shop, "reconciliation.mismatch")
    assert report["mismatch"] == {
        "problem": "The provider has it, and there is no such order.",
        "order_id": lost.id,
        "provider": "fake",
        "reference": f"pay_{lost.id}",
        "amount": lost.amount,
        "currency": "eur",
    }


def test_a_payment_of_another_amount_than_was_recorded_is_reported(shop: Shop) -> None:
    order = paid_unseen(shop)
    shop.record(replace(a_fact(order, key="a"), amount=7))
    assert run(shop).mismatches == 1
    assert len(told(shop, "reconciliation.mismatch")) == 1


def test_another_shops_payments_are_none_of_ours(shop: Shop) -> None:
    order = paid_unseen(shop)
    books = Books(
        shop="another", provider=shop.provider, orders=shop.world, events=shop.world, progress=shop.world
    )
    reconcile(books=books, clock=shop.clock, until=LATER + timedelta(minutes=1))
    assert shop.stored(order.id).status == "pending"


def test_it_is_done_once_a_day_over_the_last_three(shop: Shop) -> None:
    first = run(shop)
    assert (first.since, first.until) == (LATER - LOOK_BACK, LATER - IN_FLIGHT)
    shop.clock.advance(DAILY - timedelta(seconds=1))
    assert run(shop) == first
    shop.clock.advance(timedelta(seconds=1))
    assert run(shop).started_at == LATER + DAILY


def test_a_run_that_is_cut_off_is_gone_on_with_where_it_was(shop: Shop) -> None:
    orders = [paid_unseen(shop) for _ in range(3)]
    interrupt(shop.provider, "list_payments", None, OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        run(shop)
    begun = shop.world.reconciliation
    assert begun is not None
    assert (begun.stage, begun.repaired) == ("payments", 1)
    done = run(shop)
    assert (done.stage, done.repaired, done.started_at) == ("done", 3, begun.started_at)
    assert {shop.stored(order.id).status for order in orders} == {"paid"}


def test_a_run_whose_time_is_over_leaves_the_rest_to_the_next(shop: Shop) -> None:
    for _ in range(3):
        paid_unseen(shop)
    interrupt(shop.world, "save_reconciliation", None, lambda: shop.clock.advance(timedelta(hours=1)))
    assert run(shop).repaired == 2
    assert run(shop).repaired == 3


def test_of_two_runs_at_once_one_gives_way(shop: Shop) -> None:
    paid_unseen(shop)
    paid_unseen(shop)
    interrupt(shop.world, "save_reconciliation", lambda: run(shop))
    done = run(shop)
    assert (done.stage, done.repaired) == ("done", 1)  # what the other had recorded was known by then
    assert len(told(shop, "order.paid")) == 2
