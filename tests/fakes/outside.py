"""What the shop meets outside of its stores: a provider, queues, receivers, the mail, time and chance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import RLock
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.domain.addresses import IPAddress
from chalicelib.domain.disputes import DisputeFact
from chalicelib.domain.errands import Errand
from chalicelib.domain.errors import InvalidSignature, ProviderUnavailable, RefundRefused
from chalicelib.domain.exchanges import Reply, Request
from chalicelib.domain.orders import Order, Refund
from chalicelib.domain.payments import FactKind, PaymentFact
from chalicelib.domain.refunds import RefundFact
from chalicelib.domain.taxes import RegionRates, Tax, Taxes, TaxQuestion, by_table
from chalicelib.ports import Fact, Page, PaymentSession

from .atomicity import atomic

Item = TypeVar("Item")

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class FakeProvider:
    """Keeps PaymentProvider. Its notices are facts as JSON, "signed" by one plain header.

    `states` says what has become of a payment: nothing yet, or a kind of fact. All that it is asked to
    tax is taxed at 10 %.
    """

    name = "fake"
    livemode = False

    def __init__(self) -> None:
        self.lock = RLock()
        self.sessions: dict[str, PaymentSession] = {}
        self.orders: dict[str, Order] = {}
        self.states: dict[str, FactKind] = {}
        self.refunds: dict[str, RefundFact] = {}
        self.refuses_refunds = ""
        self.tax_questions: list[TaxQuestion] = []

    @atomic
    def open_payment(self, order: Order) -> PaymentSession:
        reference = f"pay_{order.id}"
        session = PaymentSession(
            reference=reference, client_secret=f"{reference}_secret", publishable_key="pk_fake"
        )
        self.orders.setdefault(reference, order)
        return self.sessions.setdefault(reference, session)

    @atomic
    def resume_payment(self, reference: str) -> PaymentSession:
        if reference not in self.sessions:
            raise ProviderUnavailable("There is no such payment.")
        return replace(self.sessions[reference], settled=self.inspect_payment(reference))

    def ask_tax(self, question: TaxQuestion) -> Tax:
        self.tax_questions.append(question)
        assert question.destination is not None
        region = RegionRates(country=question.destination.country, default=100_000)
        return by_table(Taxes(home=region.country, regions=(region,)), question)

    @atomic
    def inspect_payment(self, reference: str) -> PaymentFact | None:
        state = self.states.get(reference)
        return self.fact(reference, state) if state in {"processing", "succeeded", "canceled"} else None

    @atomic
    def void_payment(self, reference: str) -> PaymentFact:
        if self.states.get(reference) not in {"succeeded", "processing"}:
            self.states[reference] = "canceled"
        return self.fact(reference, self.states[reference])

    @atomic
    def succeed(self, reference: str) -> PaymentFact:
        """The shopper pays, if she still can; what has become of the payment."""
        if self.states.get(reference) != "canceled":
            self.states[reference] = "succeeded"
        return self.fact(reference, self.states[reference])

    @atomic
    def fact(self, reference: str, kind: FactKind) -> PaymentFact:
        order = self.orders[reference]
        return PaymentFact(
            provider=self.name,
            key=f"{reference}#{kind}",
            kind=kind,
            reference=reference,
            object_id=reference,
            order_id=order.id,
            shop="test",
            amount=order.amount,
            currency=order.currency,
            livemode=order.livemode,
            occurred_at=order.created_at,
        )

    @atomic
    def refund_payment(self, order: Order, refund: Refund) -> RefundFact:
        if self.refuses_refunds:
            raise RefundRefused(self.refuses_refunds)
        gone = sum(made.amount for made in self.refunds.values() if made.reference == order.payment.reference)
        if refund.id not in self.refunds and gone + refund.amount > order.payment.amount_received:
            raise RefundRefused("More than was taken.")
        fact = RefundFact(
            provider=self.name,
            key=f"re_{refund.id}#succeeded",
            state="succeeded",
            reference=order.payment.reference,
            object_id=f"re_{refund.id}",
            amount=refund.amount,
            currency=refund.currency,
            livemode=order.livemode,
            occurred_at=order.created_at,
            refund_id=refund.id,
            order_id=order.id,
            shop="test",
        )
        return self.refunds.setdefault(refund.id, fact)

    @atomic
    def find_refund(self, reference: str, refund_id: str) -> RefundFact | None:
        return self.refunds.get(refund_id)

    @atomic
    def list_payments(self, *, since: datetime, until: datetime, cursor: str | None) -> Page[PaymentFact]:
        """One to a page, so that whoever pages is seen to."""
        found = [
            self.fact(reference, "succeeded")
            for reference, order in sorted(self.orders.items())
            if self.states.get(reference) == "succeeded" and since <= order.created_at < until
        ]
        return _one_of(found, cursor)

    @atomic
    def list_refunds(self, *, since: datetime, until: datetime, cursor: str | None) -> Page[RefundFact]:
        found = [fact for fact in self.refunds.values() if since <= fact.occurred_at < until]
        return _one_of(found, cursor)

    def parse_callback(self, payload: bytes, headers: Mapping[str, str], *, now: datetime) -> Fact | None:
        if headers.get("signature") != "good":
            raise InvalidSignature("The signature is not the fake's.")
        return msgspec.json.decode(payload, type=PaymentFact | RefundFact | DisputeFact | None)


def _one_of(found: Sequence[Item], cursor: str | None) -> Page[Item]:
    place = int(cursor or 0)
    more = place + 1 < len(found)
    return Page(items=list(found[place : place + 1]), cursor=str(place + 1) if more else None)


class FakeQueue:
    """Keeps ErrandQueue. `waiting` has each errand with how long it waits, in the order they came.

    `express` has those that were sent by the express queue.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[Errand, timedelta]] = []
        self.express: list[Errand] = []

    def send(self, errands: Sequence[Errand], *, express: bool = False) -> None:
        self.waiting += [(errand, timedelta()) for errand in errands]
        if express:
            self.express += errands

    def send_later(self, errand: Errand, delay: timedelta) -> None:
        self.waiting.append((errand, delay))

    def delays(self) -> list[timedelta]:
        return [delay for _, delay in self.waiting]

    def pass_time(self, by: timedelta) -> None:
        """What waits has waited so much longer."""
        self.waiting = [(errand, max(delay - by, timedelta())) for errand, delay in self.waiting]

    def take(self) -> tuple[Errand, timedelta]:
        """The one whose time comes first."""
        first = min(range(len(self.waiting)), key=lambda index: self.waiting[index][1])
        errand, delay = self.waiting.pop(first)
        self.pass_time(delay)
        return errand, delay


class FakeSlots:
    """Keeps Slots. `full` says that all are taken."""

    def __init__(self) -> None:
        self.next_at: dict[str, datetime] = {}
        self.full = False

    def reserve(self, line: str, *, per_second: int, now: datetime, ahead: timedelta) -> datetime | None:
        slot = max(self.next_at.get(line, now), now)
        if self.full or slot - now > ahead:
            return None
        self.next_at[line] = slot + timedelta(seconds=1) / per_second
        return slot


class FakeDeadLetters:
    def __init__(self) -> None:
        self.parked: list[tuple[str, str]] = []

    def park(self, event_id: str, reason: str) -> None:
        self.parked.append((event_id, reason))


class FakeSender:
    """Keeps Sender. Answers with each of `statuses` in turn (None: nobody answers), the last one for ever.

    What has its id in `refuse` is answered by 422 whatever else.
    """

    def __init__(self, *statuses: int | None) -> None:
        self.requests: list[Request] = []
        self.retry_after = ""
        self.duration_ms = 7
        self.refuse: frozenset[str] = frozenset()
        self._statuses = list(statuses or (200,))

    def answer_with(self, *statuses: int | None) -> None:
        """From now on."""
        self._statuses = list(statuses)

    def send(self, request: Request) -> Reply:
        self.requests.append(request)
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if request.headers["webhook-id"] in self.refuse:
            status = 422
        return Reply(
            duration_ms=self.duration_ms,
            status=status,
            error="" if status else "nobody answered",
            headers={"retry-after": self.retry_after} if self.retry_after else {},
        )


class FakeResolver:
    """Keeps Resolver with a table of names."""

    def __init__(self, names: Mapping[str, Sequence[IPAddress]]) -> None:
        self.names = dict(names)

    def resolve(self, host: str) -> list[IPAddress]:
        return list(self.names.get(host, ()))


class FakeClock:
    """Stands still until it is told otherwise."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class FakeEntropy:
    """Never the same bytes twice, and the same ones in every run."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self, size: int) -> bytes:
        return hashlib.shake_256(str(next(self._numbers)).encode()).digest(size)


class FakeMailer:
    """Keeps Mailer. `mails` has each subject with its text, in the order they were sent."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    def send(self, subject: str, text: str) -> None:
        self.mails.append((subject, text))
