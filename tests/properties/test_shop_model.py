"""Shoppers with two tabs each, owners, a provider and the clock, in any order, against what must always hold.

`make model STEPS=…` goes further than `make test` does.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct
from msgspec.structs import replace

from chalicelib.domain.errors import CartNotFound, Conflict, ItemNotInCart, ProviderUnavailable
from chalicelib.domain.orders import Contact, Fulfilment, Order, Refund
from chalicelib.domain.payments import FactKind
from chalicelib.domain.refunds import RefundFact, RefundState, WantedRefund, refunded_total
from chalicelib.ports import Fact, OrderStory
from chalicelib.services import fulfilments, housekeeping, payments, refunds, reviews, stock
from tests.fakes import LivelyProvider
from tests.making import a_product
from tests.unit.services.shop import Shop

STEPS = int(os.environ.get("MODEL_STEPS", "12000"))
STEPS_OF_A_STORY = 40

TRACKED = {"tea": 3, "rum": 2, "oil": 2}
"""What is left of each at first; the products' policies differ."""

SKUS = ["mug", *TRACKED]
FINAL = {"canceled", "paid", "partially_refunded", "refunded", "disputed", "charged_back"}
FINAL |= {"fulfilled", "partially_fulfilled", "needs_review"}

OUTCOMES = st.sampled_from(["succeeded", "succeeded", "failed", "processing"])

CARTS, TABS, ANY = st.integers(0, 2), st.integers(0, 1), st.integers(0, 30)


Purchase = tuple[int, str, int, FactKind, bool]
"""The cart, what and how many, how the payment goes, and whether all that is to be heard is heard then."""

PURCHASES = st.tuples(CARTS, st.sampled_from(SKUS), st.integers(1, 2), OUTCOMES, st.booleans())


class Tab(Struct):
    """What one tab of a shopper's browser shows: the total, and the payment that it can make."""

    total: int = 0
    payment: str = ""


class ShopModel(RuleBasedStateMachine):
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.clock = self.shop.clock
        self.provider = LivelyProvider(self.clock)
        self.shop.provider = self.provider
        self.world = self.shop.world
        self.told: list[Fact] = []
        self.stock = dict(TRACKED)
        self.keys = 0

    @initialize(purchases=st.lists(PURCHASES, min_size=2, max_size=4), slow=st.booleans())
    def open_the_shop(self, purchases: list[Purchase], slow: bool) -> None:  # noqa: FBT001 (hypothesis names it)
        tea, rum, oil = (a_product(sku, amount=700, tracked=True) for sku in TRACKED)
        policies = [tea, replace(rum, when_unavailable="refund"), replace(oil, when_unavailable="backorder")]
        self.world.put_products([a_product("mug"), *policies])
        for sku, available in TRACKED.items():
            self.world.set_stock(sku, available)
        self.carts = [self.shop.cart() for _ in range(3)]
        self.tabs = [[Tab(), Tab()] for _ in range(3)]
        self.provider.slow_refunds = slow
        for purchase in purchases:
            self.buy(purchase)

    # Shoppers

    @rule(cart=CARTS, tab=TABS, sku=st.sampled_from(SKUS), quantity=st.integers(0, 3))
    def set_quantity(self, cart: int, tab: int, sku: str, quantity: int) -> None:
        self._tick()
        self._put(cart, tab, sku, quantity)

    @rule(cart=CARTS, tab=TABS)
    def look(self, cart: int, tab: int) -> None:
        self._tick()
        self._look(cart, tab)

    @rule(cart=CARTS, tab=TABS, name=st.sampled_from(["Ada", "Ada L."]))
    def check_out(self, cart: int, tab: int, name: str) -> None:
        self._tick()
        self._check_out(cart, tab, name)

    @rule(purchase=PURCHASES)
    def buy(self, purchase: Purchase) -> None:
        """What shoppers mostly do: put something in, go to the cash register, and pay."""
        self._tick()
        self._buy(*purchase)

    @rule(
        cart=CARTS,
        tab=TABS,
        where=st.sampled_from(
            ["get_cart", "get_order", "place_order", "save_reference", "open_payment", "void_payment"]
        ),
        doing=st.sampled_from(["check out", "change", "pay", "sweep", "cancel", "hear"]),
        at=ANY,
    )
    def check_out_while(self, cart: int, tab: int, where: str, doing: str, at: int) -> None:
        """Something else happens in the midst of it."""
        self._tick()
        self._look(cart, tab)
        doings: dict[str, Callable[[], None]] = {
            "check out": lambda: self._check_out(cart, 1 - tab, "Ada"),
            "change": lambda: self._put(cart, 1 - tab, SKUS[at % len(SKUS)], 1 + at % 2),
            "pay": lambda: self._pay(cart, 1 - tab, "succeeded"),
            "sweep": self._sweep,
            "cancel": lambda: self.cancel_elsewhere(at),
            "hear": lambda: self.hear(at),
        }
        with self._in_the_midst(where, doings[doing]):
            self._check_out(cart, tab, "Ada")

    @rule(cart=CARTS, tab=TABS, outcome=OUTCOMES)
    def pay(self, cart: int, tab: int, outcome: FactKind) -> None:
        self._tick()
        self._pay(cart, tab, outcome)

    @rule(cart=CARTS, tab=TABS)
    def pay_too_little(self, cart: int, tab: int) -> None:
        self._tick()
        if self.tabs[cart][tab].payment:
            self.provider.pay(self.tabs[cart][tab].payment, "succeeded", short_by=1)

    # The provider

    @rule(at=ANY)
    def hear(self, at: int) -> None:
        """Any of the notices that were not delivered yet."""
        if self.provider.notices:
            fact = self.provider.notices.pop(at % len(self.provider.notices))
            self.told.append(fact)
            self._hear(fact)

    @rule()
    def hear_all(self) -> None:
        while self.provider.notices:
            self.hear(0)

    @rule()
    def hear_all_newest_first(self) -> None:
        while self.provider.notices:
            self.hear(len(self.provider.notices) - 1)

    @rule(cart=CARTS, outcomes=st.lists(OUTCOMES, min_size=2, max_size=3))
    def try_and_try_again(self, cart: int, outcomes: list[FactKind]) -> None:
        """One card after the other, before anything is heard of it."""
        for outcome in outcomes:
            self._tick()
            self._pay(cart, 0, outcome)

    @rule(at=ANY)
    def hear_again(self, at: int) -> None:
        if self.told:
            self._hear(self.told[at % len(self.told)])

    @rule(at=ANY, paid=st.booleans())
    def bank_answers(self, at: int, paid: bool) -> None:  # noqa: FBT001 (as above)
        self._tick()
        self._at_payment(at, lambda reference: self.provider.settle(reference, paid=paid), "processing")

    @rule(at=ANY)
    def canceled_money_comes(self, at: int) -> None:
        self._tick()
        self._at_payment(at, self.provider.pay_all_the_same, "canceled")

    @rule(at=ANY)
    def cancel_elsewhere(self, at: int) -> None:
        self._tick()
        self._at_payment(at, self.provider.cancel)

    @rule(at=ANY, amount=st.sampled_from([1, 300, 700, 1200]))
    def refund_elsewhere(self, at: int, amount: int) -> None:
        self._tick()
        self._at_payment(at, lambda reference: self.provider.refund_elsewhere(reference, amount), "succeeded")

    @rule(at=ANY, state=st.sampled_from(["succeeded", "failed"]))
    def refund_settles(self, at: int, state: RefundState) -> None:
        self._tick()
        if self.provider.refunds:
            self.provider.settle_refund(sorted(self.provider.refunds)[at % len(self.provider.refunds)], state)

    @rule(slow=st.booleans())
    def refunds_take_their_time(self, slow: bool) -> None:  # noqa: FBT001 (as above)
        self.provider.slow_refunds = slow

    @rule(at=ANY)
    def dispute(self, at: int) -> None:
        self._tick()
        self._at_payment(at, self.provider.dispute, "succeeded")

    @rule(at=ANY, verdict=st.sampled_from(["won", "lost"]))
    def dispute_ends(self, at: int, verdict: Any) -> None:  # noqa: ANN401 (a DisputeStatus)
        self._tick()
        if self.provider.disputes:
            names = sorted(self.provider.disputes)
            self.provider.close_dispute(names[at % len(names)], verdict)

    # The owner

    @rule(
        at=ANY,
        amount=st.sampled_from([None, None, 1, 500, 1200]),
        lines=st.sampled_from([{}, {}, {"tea": 1}, {"rum": 1}, {"mug": 1}]),
        restock=st.booleans(),
        again=st.booleans(),
        lost=st.sampled_from(["", "", "question", "answer"]),
    )
    def refund(
        self,
        at: int,
        amount: int | None,
        lines: dict[str, int],
        restock: bool,  # noqa: FBT001 (as above)
        again: bool,  # noqa: FBT001 (as above)
        lost: str,
    ) -> None:
        """An amount, lines, or all that is left; `again` uses the key that was used last.

        `lost` is what does not reach the provider, or us.
        """
        self._tick()
        order = self._an_order(at)
        if order is None:
            return
        wanted = (
            WantedRefund(amount=amount, lines={}) if amount else WantedRefund(lines=lines, restock=restock)
        )
        self.keys += not again
        with suppress(Conflict, ProviderUnavailable), self._lost(lost):
            refunds.refund_order(
                order.id,
                wanted,
                key=f"refund {self.keys}",
                by="owner",
                orders=self.world,
                provider=self.provider,
                now=self.clock.now,
            )

    @rule(at=ANY)
    def fulfil(self, at: int) -> None:
        self._tick()
        order = self._an_order(at)
        if order is None:
            return
        self.keys += 1
        wanted = Fulfilment(id="", lines={}, created_at=self.clock.now, by="owner")
        with suppress(Conflict):
            fulfilments.fulfil_order(
                order.id, wanted, key=f"parcel {self.keys}", orders=self.world, now=self.clock.now
            )

    @rule(at=ANY)
    def accept(self, at: int) -> None:
        self._tick()
        waiting = [order.id for order in self.world.orders.values() if order.open_review is not None]
        if waiting:
            reviews.accept_order(
                waiting[at % len(waiting)],
                by="owner",
                orders=self.world,
                stock=self.world,
                now=self.clock.now,
            )

    @rule(sku=st.sampled_from(sorted(TRACKED)), by=st.sampled_from([-2, -1, 1, 2]), again=st.booleans())
    def adjust_stock(self, sku: str, by: int, again: bool) -> None:  # noqa: FBT001 (as above)
        self._tick()
        self.keys += not again
        key = f"count {self.keys}"
        is_new = (sku, key) not in self.world.adjustments
        with suppress(Conflict):
            stock.adjust_stock(sku, by, key=key, stock=self.world, now=self.clock.now)
            self.stock[sku] += by if is_new else 0

    # The clock

    @rule()
    def sweep(self) -> None:
        self._tick()
        self._sweep()

    @rule()
    def a_week_passes(self) -> None:
        """Carts are gone."""
        self._tick()
        self.clock.advance(timedelta(days=8))

    @rule(by=st.sampled_from([60, 600, 31 * 60, 13 * 3600]))
    def time_passes(self, by: int) -> None:
        self.clock.advance(timedelta(seconds=by))

    # What always holds

    @invariant()
    def no_order_is_paid_without_a_payment(self) -> None:
        for order in self.world.orders.values():
            if order.is_paid and order.amount:
                assert self.provider.states[order.payment.reference] == "succeeded"
                assert order.payment.amount_received == self.provider.received[order.payment.reference]

    @invariant()
    def what_was_heard_of_a_payment_is_known_of_its_order(self) -> None:
        for fact in self.told:
            kind = getattr(fact, "kind", "")
            if kind == "succeeded":
                assert self.world.orders[fact.order_id].is_paid
            if kind == "canceled":
                assert not self.world.orders[fact.order_id].is_payable

    @invariant()
    def when_all_is_heard_the_books_say_what_the_provider_says(self) -> None:
        if self.provider.notices:
            return
        for reference, placed in self.provider.orders.items():
            order = self.world.orders[placed.id]
            state = self.provider.states.get(reference)
            if state == "processing":
                # Within one second nobody can say whether the failure of one try came before the next one.
                assert order.payment.status in {"processing", "failed"}
            else:
                assert order.is_paid if state == "succeeded" else order.payment.status == (state or "pending")

    @invariant()
    def a_cart_has_one_order_a_version_and_one_payment_that_can_be_made(self) -> None:
        orders = self.world.orders.values()
        assert max(Counter((order.cart_id, order.cart_version) for order in orders).values(), default=1) == 1
        payable = [ref for ref in self.provider.sessions if self.provider.is_payable(ref)]
        carts = Counter(self.provider.orders[reference].cart_id for reference in payable)
        assert max(carts.values(), default=1) == 1

    @invariant()
    def stock_is_what_was_there_less_what_orders_hold(self) -> None:
        held: Counter[str] = Counter()
        for order in self.world.orders.values():
            held.update(order.reserved)
            assert all(pieces > 0 for pieces in order.reserved.values())
            assert not (order.payment.status == "canceled" and order.reserved)
        for sku, total in self.stock.items():
            assert self.world.stock[sku] == total - held[sku]
            assert self.world.stock[sku] >= 0

    @invariant()
    def refunds_never_exceed_what_was_received(self) -> None:
        for order_id, made in self.world.refunds.items():
            order = self.world.orders[order_id]
            assert refunded_total(made.values()) == order.payment.amount_refunded
            if order.is_paid and not self.provider.notices:
                # One that came back makes room for another, of which may be heard first.
                assert order.payment.amount_refunded <= order.payment.amount_received

    @invariant()
    def each_thing_is_told_once_and_in_an_order(self) -> None:
        for order in self.world.orders.values():
            entries = list(self.world.ledgers.get(order.id, {}).values())
            assert [entry.what for entry in entries].count("payment.succeeded") <= 1
            assert len(entries) < order.version or order.amount == 0
            named = [entry.event_id for entry in entries if entry.event_id]
            assert len(named) == len(set(named))
            versions = [
                json.loads(self.world.events[event_id].payload)["data"]["order"]["version"]
                for event_id in named
            ]
            assert len(versions) == len(set(versions))
            assert all(version <= order.version for version in versions)
            self._paid_is_told(order, [self.world.events[event_id].type for event_id in named])

    def _paid_is_told(self, order: Order, told: list[str]) -> None:
        assert told.count("order.paid") <= 1
        if order.is_paid and "order.needs_review" not in told:
            assert told.count("order.paid") == 1
        if order.review is not None:
            assert "order.needs_review" in told

    def teardown(self) -> None:
        """When all is delivered and the clock has run on, all is settled."""
        if not self.world.products:
            return
        for reference in list(self.provider.sessions):
            self.provider.settle(reference, paid=True)
        for _ in range(6):
            self.hear_all()
            self.clock.advance(timedelta(hours=13))
            self._sweep()
        self.hear_all()
        for order_id in self.world.orders:
            story = self.world.get_order(order_id)
            assert story is not None
            self._is_settled(story)

    def _is_settled(self, story: OrderStory) -> None:
        order, reference = story.order, story.order.payment.reference
        assert order.check_at is None, "it is due for ever"
        assert order.status in FINAL, order.status
        if order.amount == 0:
            return
        assert order.is_paid == (self.provider.states.get(reference) == "succeeded")
        made = {
            fact.object_id: fact for fact in self.provider.refunds.values() if fact.reference == reference
        }
        known = {refund.reference: refund for refund in story.refunds if refund.reference}
        assert made.keys() == known.keys()
        assert all(known[name].status == fact.state for name, fact in made.items())
        assert not [refund for refund in story.refunds if refund.status == "requested"]
        disputes = {
            name: fact.status for name, fact in self.provider.disputes.items() if fact.reference == reference
        }
        assert {dispute.id: dispute.status for dispute in order.disputes} == disputes

    # How it is done

    def _tick(self) -> None:
        type(self).steps += 1
        self.clock.advance(timedelta(seconds=1))

    def _put(self, cart: int, tab: int, sku: str, quantity: int) -> None:
        with self._a_live_cart(cart), suppress(ItemNotInCart):
            priced = self.shop.set_quantity(self.carts[cart].id, sku, quantity, now=self.clock.now)
            self.tabs[cart][tab].total = priced.amount

    def _look(self, cart: int, tab: int) -> None:
        with self._a_live_cart(cart):
            self.tabs[cart][tab].total = self.shop.read_cart(self.carts[cart].id, now=self.clock.now).amount

    def _check_out(self, cart: int, tab: int, name: str) -> None:
        contact = Contact(email="ada@example.com", name=name)
        here = self.tabs[cart][tab]
        with self._a_live_cart(cart), suppress(Conflict):
            done = self.shop.check_out(
                self.carts[cart].id, total=here.total, contact=contact, now=self.clock.now
            )
            here.payment = done.session.reference if done.session else ""

    def _buy(self, cart: int, sku: str, quantity: int, outcome: FactKind, heard: bool) -> None:  # noqa: FBT001 (as above)
        self._start_anew_if_bought(cart)
        self._put(cart, 0, sku, quantity)
        self._check_out(cart, 0, "Ada")
        self._pay(cart, 0, outcome)
        if heard:
            self.hear_all()

    def _start_anew_if_bought(self, cart: int) -> None:
        order = self.world.orders.get(self.world.carts[self.carts[cart].id].order_id)
        if order is not None and order.is_paid:
            self.carts[cart] = self.shop.cart(now=self.clock.now)
            self.tabs[cart] = [Tab(), Tab()]

    @contextmanager
    def _a_live_cart(self, cart: int) -> Iterator[None]:
        """A cart that has expired is replaced by a new one."""
        try:
            yield
        except CartNotFound:
            self.carts[cart] = self.shop.cart(now=self.clock.now)

    def _pay(self, cart: int, tab: int, outcome: FactKind) -> None:
        if self.tabs[cart][tab].payment:
            self.provider.pay(self.tabs[cart][tab].payment, outcome)

    @contextmanager
    def _in_the_midst(self, where: str, doing: Callable[[], None]) -> Iterator[None]:
        """Once, before that call."""
        target = self.provider if hasattr(self.provider, where) else self.world
        original = getattr(target, where)

        def interrupted(*args: object, **kwargs: object) -> object:
            setattr(target, where, original)
            doing()
            return original(*args, **kwargs)

        setattr(target, where, interrupted)
        try:
            yield
        finally:
            setattr(target, where, original)

    @contextmanager
    def _lost(self, what: str) -> Iterator[None]:
        original = self.provider.refund_payment

        def unanswered(order: Order, refund: Refund) -> RefundFact:
            if what == "answer":
                original(order, refund)
            raise ProviderUnavailable("Nobody answered.")

        replaced = vars(self.provider)
        if what:
            replaced["refund_payment"] = unanswered
        try:
            yield
        finally:
            replaced.pop("refund_payment", None)

    def _hear(self, fact: Fact) -> None:
        payments.receive_callback(
            msgspec.json.encode(fact),
            {"signature": "good"},
            shop="test",
            provider=self.provider,
            orders=self.world,
            now=self.clock.now,
        )

    def _at_payment(self, at: int, do: Callable[[str], None], state: FactKind | None = None) -> None:
        found = [ref for ref in self.provider.sessions if state in {None, self.provider.states.get(ref)}]
        if found:
            do(found[at % len(found)])

    def _an_order(self, at: int) -> Order | None:
        """A paid one, if there is any."""
        paid = [order for order in self.world.orders.values() if order.is_paid]
        found = paid or list(self.world.orders.values())
        return found[at % len(found)] if found else None

    def _sweep(self) -> None:
        shop = housekeeping.Shop(
            orders=self.world, stock=self.world, catalog=self.world, provider=self.provider
        )
        done = housekeeping.sweep(shop=shop, clock=self.clock, until=self.clock.now + timedelta(minutes=1))
        assert done.is_complete
        assert not done.failed


def test_whatever_happens_money_goods_and_books_agree() -> None:
    ShopModel.steps = 0
    run_state_machine_as_test(
        ShopModel,
        settings=settings(
            settings.get_profile("quick"),
            max_examples=-(-STEPS // STEPS_OF_A_STORY),
            stateful_step_count=STEPS_OF_A_STORY,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert ShopModel.steps >= STEPS / 2  # some steps only let time pass, or hear a notice
