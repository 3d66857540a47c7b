from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.catalog import UnavailablePolicy
from chalicelib.domain.errors import ProviderUnavailable, TillhookError
from chalicelib.ports import Moved
from tests.fakes import interrupt
from tests.making import a_refund_fact
from tests.unit.services.shop import TEA, Shop

policies: st.SearchStrategy[UnavailablePolicy] = st.sampled_from(["ask", "backorder", "refund"])
mishaps = st.sampled_from([None, None, OSError("crash"), ProviderUnavailable("lost"), Moved()])
steps = st.lists(
    st.tuples(
        st.sampled_from(["clock", "clock", "accept", "refund", "refund all", "elsewhere", "bounce", "sell"]),
        st.sampled_from(["commit", "refund_payment", "find_refund"]),
        mishaps,
        st.booleans(),
    ),
    max_size=10,
)


class LateMoney:
    """An order of one packet of tea, paid when it had been canceled, and so many packets in stock."""

    def __init__(self, policy: UnavailablePolicy, available: int) -> None:
        self.shop = Shop()
        self.shop.sell(replace(TEA, when_unavailable=policy))
        self.order = self.shop.paid_late("tea")
        self.shop.world.set_stock("tea", available)
        self.made = self.shop.provider.refunds
        self.available, self.sold = available, 0

    def do(self, what: str, number: int) -> None:
        shop, order, now = self.shop, self.order, self.shop.clock.now
        match what:
            case "clock":
                self.wait(timedelta(minutes=6))
            case "accept":
                shop.accept(order, now=now)
            case "refund":
                shop.refund(order, 100, key=str(number), now=now)
            case "refund all":
                shop.refund(order, restock=True, key=str(number), now=now)
            case "sell" if shop.world.stock["tea"]:
                shop.world.stock["tea"] -= 1
                self.sold += 1
            case "elsewhere" | "bounce":
                self._at_the_providers(what, number)

    def _at_the_providers(self, what: str, number: int) -> None:
        if what == "elsewhere" and self.gone() + 300 <= self.order.payment.amount_received:
            self.made[f"re_{number}"] = a_refund_fact(self.order, amount=300, about=f"re_{number}")
            self.shop.record(self.made[f"re_{number}"])
        if what == "bounce" and self.made:
            fact = self.made.pop(sorted(self.made)[number % len(self.made)])
            self.shop.record(replace(fact, state="failed", key=f"bounce_{number}"))

    def wait(self, by: timedelta) -> None:
        self.shop.clock.advance(by)
        self.shop.settle(self.order, now=self.shop.clock.now)

    def gone(self) -> int:
        return sum(fact.amount for fact in self.made.values())

    def requires_every_piece(self) -> None:
        left = self.shop.world.stock["tea"]
        held = self.shop.stored(self.order.id).reserved.get("tea", 0)
        assert left >= 0
        assert left + held + self.sold == self.available

    def come_to_rest(self) -> None:
        """Every notice has come, at the latest now, and nothing is in the way any more."""
        for fact in list(self.made.values()):
            self.shop.record(fact)
        for _ in range(4):
            self.wait(timedelta(hours=1))


@given(policies, st.integers(0, 2), steps)
def test_money_that_came_late_is_for_goods_or_goes_back_or_waits_for_the_owner(
    policy: UnavailablePolicy,
    available: int,
    happenings: list[tuple[str, str, Exception | None, bool]],
) -> None:
    late = LateMoney(policy, available)
    for number, (what, where, mishap, after) in enumerate(happenings):
        target: object = late.shop.world if where == "commit" else late.shop.provider
        original = getattr(target, where)
        if mishap is not None and what != "bounce":
            interrupt(target, where, mishap, after=after)
        with suppress(TillhookError, OSError, Moved):
            late.do(what, number)
        setattr(target, where, original)
        late.requires_every_piece()
    late.come_to_rest()
    late.requires_every_piece()
    story, told = late.shop.story(late.order.id), late.shop.told()
    assert story.order.payment.amount_refunded == late.gone() <= story.order.payment.amount_received
    assert story.order.check_at is None
    assert {refund.status for refund in story.refunds} <= {"succeeded", "failed"}
    assert told["order.paid"] <= 1
    waits = story.order.open_review is not None
    assert waits or story.order.status == "refunded" or told["order.paid"] == 1
