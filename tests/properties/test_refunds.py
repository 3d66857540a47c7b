from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.errors import ProviderUnavailable, RefundRefused
from chalicelib.domain.orders import Refund
from chalicelib.domain.refunds import SOON, WantedRefund, refund_id_for, request
from tests.fakes import NOW, interrupt
from tests.making import a_product, a_refund_fact, an_order
from tests.unit.services.shop import Shop

DOWN = ProviderUnavailable("down")


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, list[int]]:
    """A line's amount and quantity, and the pieces that go back together, one after the other."""
    parts = draw(st.lists(st.integers(1, 40), min_size=1, max_size=8))
    quantity = sum(parts) + draw(st.integers(0, 3))
    return draw(st.integers(quantity, 10**6)), quantity, parts


@given(cuts())
def test_the_shares_of_a_lines_pieces_are_the_line(cut: tuple[int, int, list[int]]) -> None:
    amount, quantity, parts = cut
    order = an_order()
    line = replace(order.lines[0], quantity=quantity, amount=amount, total=amount)
    order = replace(order, lines=[line], payment=replace(order.payment, amount_received=amount))
    refunds: list[Refund] = []
    for number, pieces in enumerate([*parts, *([quantity - sum(parts)] if quantity > sum(parts) else [])]):
        wanted = WantedRefund(lines={"mug": pieces})
        refund_id = refund_id_for(order, str(number))
        refunds.append(request(order, refunds, wanted, refund_id=refund_id, by="owner", now=NOW)[1])
        exact = amount * pieces / quantity
        assert abs(refunds[-1].amount - exact) < 1
    assert sum(refund.amount for refund in refunds) == amount


class Ask(WantedRefund, frozen=True, kw_only=True):
    """`mishap` befalls the asking of the provider; `elsewhere` is made in its dashboard instead."""

    mishap: str
    elsewhere: bool


asks = st.builds(
    Ask,
    amount=st.none() | st.integers(1, 4000),
    lines=st.just({}) | st.dictionaries(st.sampled_from(["tea", "mug"]), st.integers(1, 3), min_size=1),
    restock=st.booleans(),
    reason=st.just(""),
    mishap=st.sampled_from(["", "", "refused", "down", "lost"]),
    elsewhere=st.booleans(),
)


@given(st.lists(asks, max_size=8), st.lists(asks, max_size=8))
def test_never_more_goes_back_than_came_however_refunds_get_in_each_others_way(
    first: list[Ask], between: list[Ask]
) -> None:
    """Those `between` get in before the transactions of the first."""
    shop = Shop()
    shop.sell(a_product("mug", amount=1200, tracked=True))
    shop.world.set_stock("mug", 3)
    cart = shop.set_quantity(shop.cart("tea").id, "mug", 2)
    order = shop.check_out(cart.id, total=cart.amount).order
    shop.tell(order, "succeeded", key="paid")
    captured = order.amount
    numbers = iter(range(99))
    commit, refund_payment = shop.world.commit, shop.provider.refund_payment

    def ask(wanted: Ask) -> None:
        key = str(next(numbers))
        if wanted.elsewhere:
            gone = sum(fact.amount for fact in shop.provider.refunds.values())
            if wanted.amount and gone + wanted.amount <= captured:
                fact = a_refund_fact(order, amount=wanted.amount, about=f"re_{key}")
                shop.provider.refunds[key] = fact
                shop.record(fact)
            return
        if wanted.mishap in {"down", "lost"}:
            interrupt(shop.provider, "refund_payment", DOWN, after=wanted.mishap == "lost")
        shop.provider.refuses_refunds = "no" if wanted.mishap == "refused" else ""
        amount = None if wanted.lines else wanted.amount
        restock = wanted.restock and amount is None
        with suppress(RefundRefused, ProviderUnavailable):
            shop.refund(order, amount, lines=wanted.lines, restock=restock, key=key)
        shop.provider.refuses_refunds = ""

    for wanted in first:
        if between:
            interrupt(shop.world, "commit", lambda: ask(between.pop()) if between else None)
        ask(wanted)
        taken = sum(fact.amount for fact in shop.provider.refunds.values())
        assert taken <= captured
    shop.world.commit, shop.provider.refund_payment = commit, refund_payment  # type: ignore[method-assign]
    for number in range(1, 4):
        shop.settle(order, now=NOW + number * SOON + timedelta(hours=1))
    stored = shop.stored(order.id)
    assert stored.payment.amount_refunded == sum(fact.amount for fact in shop.provider.refunds.values())
    assert {refund.status for refund in shop.story(order.id).refunds} <= {"succeeded", "failed"}
    assert stored.check_at is None
    held = {name: 3 - left for name, left in shop.world.stock.items() if left < 3}
    assert stored.reserved == held
    assert shop.told()["order.refunded"] == len(shop.provider.refunds)
