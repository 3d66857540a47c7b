"""Whatever a shopper, her bank, the clock, lost notices and crashes do: no money and no piece goes astray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from chalicelib.domain.errors import ProviderUnavailable, TillhookError
from chalicelib.domain.payments import FactKind
from chalicelib.ports import Fact, Moved
from chalicelib.services.checkout import Checkout
from tests.fakes import interrupt
from tests.making import a_fact
from tests.unit.services.shop import Shop

PIECES = 5
ENDED = {"succeeded", "canceled"}


class Step(Struct, frozen=True, kw_only=True):
    """What happens next; `mishap` befalls the next call of `where` meanwhile, before or after it was done."""

    what: str
    number: int
    where: str
    mishap: Exception | None
    after: bool


steps = st.builds(
    Step,
    what=st.sampled_from(
        ["set", "check out", "check out", "pay", "process", "decline", "cancel", "notice", "sweep", "wait"]
    ),
    number=st.integers(0, 5),
    where=st.sampled_from(
        [
            "place_order",
            "commit",
            "save_reference",
            "save_order",
            "replace_cart",
            "get_order",
            "open_payment",
            "resume_payment",
            "void_payment",
        ]
    ),
    mishap=st.sampled_from([None, None, OSError("crash"), ProviderUnavailable("lost"), Moved()]),
    after=st.booleans(),
)


class Life:
    """Two shoppers with a cart each, and five packets of tea."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.shop.world.set_stock("tea", PIECES)
        self.carts = [self.shop.cart("tea").id for _ in range(2)]
        self.notices: list[Fact] = []

    def live(self, step: Step) -> None:
        with self._mishap(step), suppress(TillhookError, OSError, Moved):
            self._do(step)

    @contextmanager
    def _mishap(self, step: Step) -> Iterator[None]:
        target: object = self.shop.provider if step.where.endswith("_payment") else self.shop.world
        original = getattr(target, step.where)
        if step.mishap is not None:
            interrupt(target, step.where, step.mishap, after=step.after)
        yield
        setattr(target, step.where, original)

    def _do(self, step: Step) -> None:
        cart_id, now = self.carts[step.number % 2], self.shop.clock.now
        match step.what:
            case "set":
                self.shop.set_quantity(cart_id, "tea", step.number // 2 + 1, now=now)
            case "check out":
                total = self.shop.read_cart(cart_id, now=now).amount
                done = self.shop.check_out(cart_id, total=total, now=now)
                self.requires_one_open_payment(cart_id, done)
            case "pay" | "process" | "decline" | "cancel":
                self._bank(step)
            case "notice" if self.notices:
                self.shop.record(self.notices[step.number % len(self.notices)], now=now)
            case "sweep":
                self.sweep()
            case "wait":
                self.shop.clock.advance(timedelta(minutes=6 * step.number))

    def _bank(self, step: Step) -> None:
        """Something becomes of a payment that a browser may know of, and a notice of it is on its way."""
        states = self.shop.provider.states
        known = [reference for _, reference in self.shop.world.references.values()]
        open_ones = [reference for reference in known if states.get(reference) not in ENDED]
        if not open_ones:
            return
        reference = open_ones[step.number % len(open_ones)]
        kinds: dict[str, FactKind] = {"pay": "succeeded", "process": "processing", "decline": "failed"}
        kind = kinds.get(step.what, "canceled")
        if kind == "canceled" and states.get(reference) == "processing":
            return
        states[reference] = kind
        order, key = self.shop.provider.orders[reference], f"notice_{len(self.notices)}"
        self.notices.append(a_fact(order, kind, key=key, occurred_at=self.shop.clock.now))

    def sweep(self) -> None:
        for order in list(self.shop.world.orders.values()):
            with suppress(TillhookError, OSError, Moved):
                self.shop.settle(order, now=self.shop.clock.now)

    def requires_one_open_payment(self, cart_id: str, done: Checkout) -> None:
        states = self.shop.provider.states
        assert done.session is not None
        assert states.get(done.session.reference) in {None, "failed"}
        still_open = [
            reference
            for reference, order in self.shop.provider.orders.items()
            if order.cart_id == cart_id and states.get(reference) != "canceled"
        ]
        assert still_open == [done.session.reference]

    def requires_every_piece(self) -> None:
        held = sum(order.reserved.get("tea", 0) for order in self.shop.world.orders.values())
        assert self.shop.world.stock["tea"] >= 0
        assert self.shop.world.stock["tea"] + held == PIECES

    def come_to_rest(self) -> None:
        """No notice comes any more, and banks that are at work say no or yes."""
        states = self.shop.provider.states
        for number, (reference, kind) in enumerate(list(states.items())):
            if kind == "processing":
                states[reference] = "succeeded" if number % 2 else "failed"
        for _ in range(4):
            self.shop.clock.advance(timedelta(days=1))
            self.sweep()


@given(st.lists(steps, max_size=25))
def test_no_money_and_no_piece_goes_astray(happenings: list[Step]) -> None:
    life = Life()
    for step in happenings:
        life.live(step)
        life.requires_every_piece()
    life.come_to_rest()
    life.requires_every_piece()
    world, states = life.shop.world, life.shop.provider.states
    for order in world.orders.values():
        has_come = states.get(f"pay_{order.id}") == "succeeded"
        assert (order.is_paid, order.payment.status == "canceled") == (has_come, not has_come)
        assert (order.check_at, order.review) == (None, None)
        assert order.reserved == (order.takes if has_come else {})
    paid = [order.cart_id for order in world.orders.values() if order.is_paid]
    assert len(paid) == len(set(paid))
    told = life.shop.told()
    assert told["order.paid"] + told["order.canceled"] == len(world.orders)
    assert told["order.paid"] == len(paid)
