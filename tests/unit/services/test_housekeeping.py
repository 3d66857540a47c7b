from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from msgspec.structs import replace

from chalicelib.domain.errors import AmountRefused, ProviderUnavailable
from chalicelib.domain.orders import RESERVED_FOR, Order
from chalicelib.domain.payments import PROCESSING_CHECK, SECOND_TRY, FactKind
from chalicelib.domain.refunds import SOON
from chalicelib.ports import Moved
from chalicelib.services.housekeeping import PAGE, Sweep, sweep
from tests.fakes import NOW, FakeClock, interrupt
from tests.making import a_fact, an_order
from tests.unit.services.shop import Shop

DUE = NOW + RESERVED_FOR
DOWN = ProviderUnavailable("down")


def swept(shop: Shop, *, at: datetime = DUE, within: timedelta = timedelta(minutes=1)) -> Sweep:
    return sweep(shop=shop.keeper(), clock=FakeClock(at), until=at + within)


def test_an_order_that_nobody_paid_ends_and_gives_its_stock_back(shop: Shop) -> None:
    order = shop.order("tea")
    assert swept(shop) == Sweep(settled=1, failed=0, is_complete=True)
    stored = shop.stored(order.id)
    assert (stored.status, stored.check_at, shop.world.stock) == ("canceled", None, {"tea": 3})
    assert shop.provider.states == {f"pay_{order.id}": "canceled"}
    assert shop.told() == {"order.canceled": 1}
    assert swept(shop) == Sweep(settled=0, failed=0, is_complete=True)


def test_an_order_is_left_alone_before_its_time(shop: Shop) -> None:
    order = shop.order("tea")
    assert swept(shop, at=DUE - timedelta(seconds=1)).settled == 0
    assert shop.settle(order, now=DUE - timedelta(seconds=1)) == shop.stored(order.id)
    assert (shop.stored(order.id).status, shop.provider.states) == ("pending", {})


def test_an_order_that_was_paid_while_no_notice_came_is_paid(shop: Shop) -> None:
    order = shop.order("tea")
    shop.provider.states[f"pay_{order.id}"] = "succeeded"
    settled = shop.settle(order, now=DUE)
    assert (settled.status, settled.check_at, shop.world.stock) == ("paid", None, {"tea": 2})
    assert shop.told() == {"order.paid": 1}
    assert shop.tell(order, "succeeded", key="the late notice") == settled


def test_stock_is_kept_while_the_provider_cannot_be_asked(shop: Shop) -> None:
    order = shop.order("tea")
    interrupt(shop.provider, "void_payment", DOWN)
    assert swept(shop) == Sweep(settled=0, failed=1, is_complete=True)
    assert (shop.stored(order.id).status, shop.world.stock) == ("pending", {"tea": 2})
    assert swept(shop).settled == 0  # it went behind the others
    assert swept(shop, at=DUE + SOON).settled == 1
    assert shop.world.stock == {"tea": 3}


def test_a_lost_answer_of_the_provider_ends_the_order_later(shop: Shop) -> None:
    order = shop.order("tea")
    interrupt(shop.provider, "void_payment", DOWN, after=True)
    assert swept(shop).failed == 1
    assert (shop.stored(order.id).status, shop.world.stock) == ("pending", {"tea": 2})
    assert shop.settle(order, now=DUE + SOON).status == "canceled"


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_an_order_ends_gives_its_stock_back_once(
    shop: Shop,
    after: bool,  # noqa: FBT001 (a case)
) -> None:
    order = shop.order("tea")
    interrupt(shop.world, "commit", OSError("crash"), after=after)
    assert swept(shop).failed == 1
    swept(shop, at=DUE + SOON)
    assert (shop.stored(order.id).status, shop.world.stock) == ("canceled", {"tea": 3})
    assert shop.told() == {"order.canceled": 1}


def test_several_workers_end_an_order_once(shop: Shop) -> None:
    order = shop.order("tea")
    interrupt(shop.world, "commit", *[Barrier(4).wait] * 4)
    with ThreadPoolExecutor(4) as pool:
        assert [done.failed for done in pool.map(lambda _: swept(shop), range(4))] == [0] * 4
    assert (shop.stored(order.id).status, shop.world.stock) == ("canceled", {"tea": 3})
    assert shop.told() == {"order.canceled": 1}


def test_money_that_comes_while_an_order_ends_wins(shop: Shop) -> None:
    order = shop.order("tea")

    def pay() -> None:
        shop.provider.states[f"pay_{order.id}"] = "succeeded"
        shop.tell(order, "succeeded", key="notice")

    interrupt(shop.provider, "void_payment", pay)
    assert shop.settle(order, now=DUE).status == "paid"
    assert (shop.world.stock, shop.told()) == ({"tea": 2}, {"order.paid": 1})


def test_an_order_whose_reference_was_never_stored_ends_with_its_payment(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.world, "save_reference", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        shop.check_out(cart.id, total=700)
    (order,) = shop.world.orders.values()
    assert shop.settle(order, now=DUE).status == "canceled"
    assert (shop.provider.states, shop.world.stock) == ({f"pay_{order.id}": "canceled"}, {"tea": 3})


def test_an_order_that_the_provider_never_took_on_ends_too(shop: Shop) -> None:
    cart = shop.cart("tea")
    interrupt(shop.provider, "open_payment", *[AmountRefused("too little")] * 2)
    with pytest.raises(AmountRefused):
        shop.check_out(cart.id, total=700)
    (order,) = shop.world.orders.values()
    assert swept(shop).failed == 0
    assert (shop.stored(order.id).status, shop.world.stock) == ("canceled", {"tea": 3})


def test_a_payment_under_way_keeps_its_stock_and_is_asked_after(shop: Shop) -> None:
    order = shop.order("tea")
    shop.provider.states[f"pay_{order.id}"] = "processing"
    shop.tell(order, "processing", key="a")
    assert swept(shop).settled == 0
    due = NOW + PROCESSING_CHECK
    waiting = shop.settle(order, now=due)
    assert (waiting.status, waiting.check_at) == ("processing", due + PROCESSING_CHECK)
    assert shop.told() == {"order.payment_processing": 1}
    shop.provider.states[f"pay_{order.id}"] = "succeeded"
    assert shop.settle(order, now=due + PROCESSING_CHECK).status == "paid"
    assert shop.world.stock == {"tea": 2}


def test_a_payment_that_failed_while_no_notice_came_ends_its_order(shop: Shop) -> None:
    """Stripe's intent is open again then, and nothing more is heard of it."""
    order = shop.order("tea")
    shop.tell(order, "processing", key="a")
    settled = shop.settle(order, now=NOW + PROCESSING_CHECK)
    assert (settled.status, settled.check_at, shop.world.stock) == ("canceled", None, {"tea": 3})


def test_a_failed_payment_leaves_time_for_a_second_try_and_no_more(shop: Shop) -> None:
    order = shop.order("tea")
    late = DUE - timedelta(minutes=1)
    failed = shop.record(a_fact(order, "failed", key="a", occurred_at=late), now=late)
    assert failed.check_at == late + SECOND_TRY
    assert shop.settle(order, now=DUE).status == "failed"
    assert shop.settle(order, now=late + SECOND_TRY).status == "canceled"
    assert shop.world.stock == {"tea": 3}


def test_a_second_try_that_looks_older_than_the_first_is_waited_for(shop: Shop) -> None:
    order = shop.order("tea")
    shop.record(a_fact(order, "failed", key="a", occurred_at=NOW + timedelta(minutes=1)))
    shop.provider.states[f"pay_{order.id}"] = "processing"
    waiting = shop.settle(order, now=DUE)
    assert (waiting.check_at, shop.world.stock) == (DUE + SOON, {"tea": 2})
    shop.provider.states[f"pay_{order.id}"] = "succeeded"
    assert shop.settle(order, now=DUE + SOON).status == "paid"


@pytest.mark.parametrize("kind", ["succeeded", "canceled"])
def test_an_order_that_has_settled_is_not_looked_at_again(shop: Shop, kind: FactKind) -> None:
    order = shop.order("tea")
    shop.tell(order, kind, key="a")
    assert swept(shop, at=NOW + timedelta(days=30)).settled == 0


def test_an_order_that_is_due_for_nothing_leaves_the_list(shop: Shop) -> None:
    order = shop.paid("mug")
    shop.world.orders[order.id] = replace(shop.world.orders[order.id], check_at=NOW)
    assert swept(shop).settled == 1
    assert shop.stored(order.id).check_at is None


def test_one_that_cannot_be_settled_holds_up_no_other(shop: Shop) -> None:
    orders = [shop.order("tea") for _ in range(3)]
    interrupt(shop.provider, "void_payment", DOWN)
    assert swept(shop) == Sweep(settled=2, failed=1, is_complete=True)
    assert sorted(shop.stored(order.id).status for order in orders) == ["canceled", "canceled", "pending"]


def test_all_that_are_due_are_settled_over_several_pages(shop: Shop) -> None:
    for number in range(2 * PAGE + 1):
        order = an_order(seed=number)
        shop.world.orders[order.id] = order
    assert swept(shop) == Sweep(settled=2 * PAGE + 1, failed=0, is_complete=True)
    assert {order.status for order in shop.world.orders.values()} == {"canceled"}


def test_a_sweep_ends_in_time_and_the_next_one_goes_on(shop: Shop) -> None:
    for _ in range(3):
        shop.order("mug")
    clock = FakeClock(DUE)
    until = DUE + timedelta(seconds=3)
    interrupt(shop.provider, "void_payment", *[lambda: clock.advance(timedelta(seconds=2))] * 3)
    assert sweep(shop=shop.keeper(), clock=clock, until=until) == Sweep(settled=2)
    assert swept(shop) == Sweep(settled=1, is_complete=True)


def test_those_that_cannot_be_settled_do_not_use_up_every_sweep(shop: Shop) -> None:
    stuck = [shop.order("mug") for _ in range(2)]
    later = shop.check_out(shop.cart("tea").id, total=700, now=NOW + timedelta(seconds=1)).order
    clock = FakeClock(DUE + timedelta(minutes=1))
    original = shop.provider.void_payment

    def slow(reference: str) -> object:
        if reference in {f"pay_{order.id}" for order in stuck}:
            clock.advance(timedelta(seconds=20))
            raise DOWN
        return original(reference)

    shop.provider.void_payment = slow  # type: ignore[assignment,method-assign]
    for _ in range(3):
        sweep(shop=shop.keeper(), clock=clock, until=clock.now + timedelta(seconds=30))
        clock.advance(timedelta(seconds=30))
    assert shop.stored(later.id).status == "canceled"


def test_an_order_that_is_gone_is_nothing_to_settle(shop: Shop) -> None:
    shop.world.orders[an_order().id] = an_order()
    interrupt(shop.world, "get_order", shop.world.orders.clear)
    assert swept(shop).failed == 0


def test_an_order_that_moves_while_it_is_settled_is_looked_at_again(shop: Shop) -> None:
    order = shop.order("tea")
    interrupt(shop.world, "commit", Moved(), Moved())
    assert shop.settle(order, now=DUE).status == "canceled"


def refund_waiting(shop: Shop, order: Order, *keys: str) -> None:
    interrupt(shop.provider, "refund_payment", *[DOWN] * len(keys))
    for key in keys:
        with pytest.raises(ProviderUnavailable):
            shop.refund(order, 100, key=key)


def test_refunds_that_wait_are_all_made(shop: Shop) -> None:
    order = shop.paid("mug")
    refund_waiting(shop, order, "a", "b")
    settled = shop.settle(order, now=NOW + SOON)
    assert (settled.status, settled.payment.amount_refunded) == ("partially_refunded", 200)
    assert (settled.check_at, len(shop.provider.refunds)) == (None, 2)


def test_a_refund_that_is_refused_when_it_is_made_later_is_told(shop: Shop) -> None:
    order = shop.paid("mug")
    refund_waiting(shop, order, "a")
    shop.provider.refuses_refunds = "It has been charged back."
    assert swept(shop, at=NOW + SOON) == Sweep(settled=1, is_complete=True)
    assert (shop.stored(order.id).check_at, shop.told()["order.refund_failed"]) == (None, 1)


def test_a_refund_that_cannot_be_made_now_stays_due(shop: Shop) -> None:
    order = shop.paid("mug")
    refund_waiting(shop, order, "a", "b")
    interrupt(shop.provider, "find_refund", None, DOWN)
    assert swept(shop, at=NOW + SOON).failed == 1
    assert shop.stored(order.id).payment.amount_refunded == 100
    assert shop.settle(order, now=NOW + 2 * SOON).payment.amount_refunded == 200
