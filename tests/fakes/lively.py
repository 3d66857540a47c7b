"""A provider at which things happen: shoppers pay, owners use its dashboard, banks take their time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count

from msgspec.structs import replace

from chalicelib.domain.disputes import DisputeFact
from chalicelib.domain.errors import RefundRefused
from chalicelib.domain.orders import DisputeStatus, Order, Refund
from chalicelib.domain.payments import FactKind, PaymentFact
from chalicelib.domain.refunds import RefundFact, RefundState
from chalicelib.ports import Fact

from .outside import FakeProvider


class LivelyProvider(FakeProvider):
    """Keeps PaymentProvider as Stripe does: what succeeded can't be canceled, what was canceled can't be
    paid, refunds never exceed the charge, and disputed money can't be refunded.

    Whatever happens is told by a notice in `notices`, which somebody has to deliver.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.clock = clock
        self.notices: list[Fact] = []
        self.received: dict[str, int] = {}
        self.disputes: dict[str, DisputeFact] = {}
        self.slow_refunds = False
        self._numbers = count(1)

    # What shoppers and banks do

    def is_payable(self, reference: str) -> bool:
        return self.states.get(reference) in {None, "failed"}

    def pay(self, reference: str, outcome: FactKind, *, short_by: int = 0) -> None:
        """The shopper tries; in vain if it can't be paid any more. `short_by` was captured less."""
        if self.is_payable(reference):
            self._become(reference, outcome, short_by=short_by)

    def settle(self, reference: str, *, paid: bool) -> None:
        """The slow bank answers."""
        if self.states.get(reference) == "processing":
            self._become(reference, "succeeded" if paid else "failed")

    def pay_all_the_same(self, reference: str) -> None:
        """Money comes for what was canceled: no card's, but slow banks and other providers do it."""
        if self.states.get(reference) == "canceled":
            self._become(reference, "succeeded")

    # What the owner does in the dashboard

    def cancel(self, reference: str) -> None:
        if self.is_payable(reference):
            self._become(reference, "canceled")

    def refund_elsewhere(self, reference: str, amount: int) -> None:
        if self.states.get(reference) == "succeeded" and 0 < amount <= self.left(reference):
            fact = self._refund_fact(reference, f"re_{next(self._numbers)}", amount)
            self.refunds[fact.object_id] = fact
            self.notices.append(fact)

    def settle_refund(self, name: str, state: RefundState) -> None:
        """The bank answers: what is under way arrives, and what has arrived can still come back."""
        before = self.refunds[name]
        if before.state in {"failed", state}:
            return
        self.refunds[name] = replace(
            before, state=state, key=f"{before.object_id}#{state}", occurred_at=self.clock()
        )
        self.notices.append(self.refunds[name])

    def left(self, reference: str) -> int:
        """What can still be refunded: nothing, while a dispute has the money."""
        if any(known.reference == reference and known.status != "won" for known in self.disputes.values()):
            return 0
        gone = sum(
            made.amount
            for made in self.refunds.values()
            if made.reference == reference and made.state != "failed"
        )
        return self.received.get(reference, 0) - gone

    def dispute(self, reference: str) -> None:
        """A payment is disputed once."""
        is_disputed = any(known.reference == reference for known in self.disputes.values())
        if self.states.get(reference) == "succeeded" and not is_disputed:
            self._tell_dispute(f"du_{reference}", reference, "opened")

    def close_dispute(self, dispute_id: str, verdict: DisputeStatus) -> None:
        if self.disputes[dispute_id].status == "opened":
            self._tell_dispute(dispute_id, self.disputes[dispute_id].reference, verdict)

    # PaymentProvider

    def void_payment(self, reference: str) -> PaymentFact:
        self.cancel(reference)
        return self.fact(reference, self.states[reference])

    def fact(self, reference: str, kind: FactKind) -> PaymentFact:
        known = super().fact(reference, kind)
        return replace(known, amount=self.received[reference]) if kind == "succeeded" else known

    def refund_payment(self, order: Order, refund: Refund) -> RefundFact:
        if refund.id in self.refunds:
            return self.refunds[refund.id]
        if refund.amount > self.left(order.payment.reference):
            raise RefundRefused("More than was taken, or disputed.")
        made = self._refund_fact(order.payment.reference, f"re_{next(self._numbers)}", refund.amount)
        fact = replace(made, refund_id=refund.id, order_id=order.id, shop="test")
        self.refunds[refund.id] = fact
        self.notices.append(fact)
        return fact

    # How it is told

    def _become(self, reference: str, kind: FactKind, *, short_by: int = 0) -> None:
        self.states[reference] = kind
        if kind == "succeeded":
            self.received[reference] = self.orders[reference].amount - short_by
        number = next(self._numbers)
        # One payment can be tried often, each time with a charge of its own.
        about = f"ch_{number}" if kind in {"failed", "processing"} else reference
        told = replace(
            self.fact(reference, kind), key=f"evt_{number}", object_id=about, occurred_at=self.clock()
        )
        self.notices.append(told)

    def _refund_fact(self, reference: str, object_id: str, amount: int) -> RefundFact:
        state: RefundState = "pending" if self.slow_refunds else "succeeded"
        order = self.orders[reference]
        return RefundFact(
            provider=self.name,
            key=f"{object_id}#{state}",
            state=state,
            reference=reference,
            object_id=object_id,
            amount=amount,
            currency=order.currency,
            livemode=order.livemode,
            occurred_at=self.clock(),
        )

    def _tell_dispute(self, dispute_id: str, reference: str, status: DisputeStatus) -> None:
        order = self.orders[reference]
        fact = DisputeFact(
            provider=self.name,
            key=f"evt_{next(self._numbers)}",
            status=status,
            reference=reference,
            object_id=dispute_id,
            amount=self.received[reference],
            currency=order.currency,
            reason="fraudulent",
            livemode=order.livemode,
            occurred_at=self.clock(),
        )
        self.disputes[dispute_id] = fact
        self.notices.append(fact)
