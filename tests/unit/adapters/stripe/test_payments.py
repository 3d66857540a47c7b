"""Payments through the SDK, against a sandbox that refuses what Stripe would refuse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import pytest
import stripe
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError
from pydantic_core import core_schema
from stripe import RequestOptions
from stripe.params import (
    PaymentIntentCancelParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    RefundCreateParams,
    RefundListParams,
)

from chalicelib.adapters.ssm import StripeKeys
from chalicelib.adapters.stripe import callbacks
from chalicelib.adapters.stripe.payments import StripePayments
from chalicelib.domain.errors import AmountRefused, InvalidSignature, ProviderUnavailable, RefundRefused
from chalicelib.domain.orders import Contact, LineItem, Order, Payment, Refund
from chalicelib.ports import Fact, Page
from local.stripe_sandbox import refunds, settling
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.server import Running, serve
from tests.unit.adapters.stripe.notices import NOW, OTHER_SECRET, SECRET, encode, notice, signed

Item = TypeVar("Item")

CREATED = datetime(2026, 11, 24, 12, tzinfo=UTC)


def order_of(
    amount: int = 1999, currency: str = "eur", order_id: str = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"
) -> Order:
    return Order(
        id=order_id,
        version=1,
        cart_id="cart_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        cart_version=1,
        lines=[
            LineItem(
                sku="a",
                name="A",
                quantity=1,
                unit_amount=amount,
                amount=amount,
                discount=0,
                tax=0,
                total=amount,
            )
        ],
        subtotal=amount,
        discount=0,
        shipping=0,
        tax=0,
        shipping_tax=0,
        tax_inclusive=True,
        rounding=0,
        amount=amount,
        coupon=None,
        shipping_rate="",
        currency=currency,
        livemode=False,
        contact=Contact(email="ada@example.com"),
        payment=Payment(),
        created_at=CREATED,
        updated_at=CREATED,
    )


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve() as running:
        yield running


def payments_at(url: str, *, secret_key: str, webhook_secrets: list[str] | None = None) -> StripePayments:
    keys = StripeKeys(
        secret_key=secret_key,
        publishable_key="pk_test_shop",
        webhook_secrets=webhook_secrets or [SECRET],
    )
    return StripePayments(lambda: keys, shop="prod", api_base=url)


@pytest.fixture
def payments(sandbox: Running) -> StripePayments:
    return payments_at(sandbox.url, secret_key=sandbox.secret_key)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits half a second and more before it tries again."""
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_: 0)


def intents(sandbox: Running) -> list[dict[str, Any]]:
    return [dict(intent) for intent in sandbox.sandbox.account.payment_intents]


def test_a_payment_is_opened_for_exactly_what_was_ordered(sandbox: Running, payments: StripePayments) -> None:
    session = payments.open_payment(order_of())
    (intent,) = intents(sandbox)
    assert (session.reference, session.client_secret) == (intent["id"], intent["client_secret"])
    assert session.publishable_key == "pk_test_shop"
    assert (intent["amount"], intent["currency"]) == (1999, "eur")
    assert intent["automatic_payment_methods"]["enabled"]
    assert intent["metadata"] == {
        "tillhook_order": "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "tillhook_shop": "prod",
    }


def test_one_order_is_one_intent_however_often_it_is_opened(
    sandbox: Running, payments: StripePayments
) -> None:
    first = payments.open_payment(order_of())
    # What the shopper corrects about herself does not reach Stripe, so it can't spoil the key.
    again = payments.open_payment(replace(order_of(), contact=Contact(email="bea@example.com"), version=2))
    assert again == first
    assert len(intents(sandbox)) == 1


def test_one_order_opened_in_parallel_is_one_intent(sandbox: Running) -> None:
    def open_it(_: int) -> str:
        own = payments_at(sandbox.url, secret_key=sandbox.secret_key)
        return own.open_payment(order_of()).reference

    with ThreadPoolExecutor(max_workers=8) as pool:
        references = set(pool.map(open_it, range(8)))
    assert len(references) == len(intents(sandbox)) == 1


def test_different_orders_are_different_intents(sandbox: Running, payments: StripePayments) -> None:
    first = payments.open_payment(order_of())
    second = payments.open_payment(order_of(order_id="ord_bbbbbbbbbbbbbbbbbbbbbbbbbb"))
    assert first.reference != second.reference
    assert len(intents(sandbox)) == 2


def test_a_payment_is_resumed_as_it_was_opened(payments: StripePayments) -> None:
    opened = payments.open_payment(order_of())
    assert payments.resume_payment(opened.reference) == opened


def test_an_unknown_payment_cannot_be_resumed(payments: StripePayments) -> None:
    with pytest.raises(ProviderUnavailable):
        payments.resume_payment("pi_unknown")


@pytest.mark.parametrize(("amount", "currency"), [(1, "eur"), (49, "usd"), (100_000_000, "eur")])
def test_an_amount_that_stripe_does_not_charge_is_refused(
    sandbox: Running, payments: StripePayments, amount: int, currency: str
) -> None:
    with pytest.raises(AmountRefused):
        payments.open_payment(order_of(amount, currency))
    assert intents(sandbox) == []


Outcome = Literal["status", "drop"]
Effect = Literal["before", "after"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("outcome", ["status", "drop"])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_one_mishap_is_outlived_with_the_one_intent(
    sandbox: Running, payments: StripePayments, outcome: Outcome, effect: Effect
) -> None:
    sandbox.sandbox.faults.add(Fault(outcome=outcome, effect=effect, status=500))
    session = payments.open_payment(order_of())
    (intent,) = intents(sandbox)
    assert session.reference == intent["id"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("outcome", ["status", "drop"])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_mishaps_that_last_are_unavailability_and_opening_later_is_still_the_one_intent(
    sandbox: Running, payments: StripePayments, outcome: Outcome, effect: Effect
) -> None:
    sandbox.sandbox.faults.add(Fault(outcome=outcome, effect=effect, status=500, times=10))
    with pytest.raises(ProviderUnavailable):
        payments.open_payment(order_of())
    assert len(intents(sandbox)) == (1 if effect == "after" else 0)
    sandbox.sandbox.faults.clear()
    session = payments.open_payment(order_of())
    (intent,) = intents(sandbox)
    assert session.reference == intent["id"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 429, 500, 503])
def test_whatever_stripe_refuses_is_unavailability_that_leaks_nothing(
    sandbox: Running, payments: StripePayments, status: int
) -> None:
    sandbox.sandbox.faults.add(Fault(outcome="status", status=status, times=10))
    with pytest.raises(ProviderUnavailable) as refused:
        payments.open_payment(order_of())
    assert sandbox.secret_key not in str(refused.value)
    assert "ada@example.com" not in str(refused.value)


@pytest.mark.usefixtures("impatient")
def test_stripe_being_down_is_unavailability() -> None:
    with serve() as gone:
        url = gone.url
    with pytest.raises(ProviderUnavailable):
        payments_at(url, secret_key="sk_test_x").open_payment(order_of())


def test_a_wrong_key_is_unavailability_and_the_log_has_no_key(
    sandbox: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ProviderUnavailable):
        payments_at(sandbox.url, secret_key="sk_test_not_ours_at_all").open_payment(order_of())
    assert intents(sandbox) == []
    (record,) = [record for record in caplog.records if record.name.startswith("chalicelib")]
    assert "sk_test" not in record.getMessage() + str(vars(record).get("stripe_code"))


@pytest.mark.parametrize(
    ("secret_key", "livemode"),
    [("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_1", False)],
)
def test_the_key_says_whether_real_money_moves(secret_key: str, livemode: bool) -> None:  # noqa: FBT001 (a case)
    assert payments_at("http://127.0.0.1:1", secret_key=secret_key).livemode is livemode


def test_keys_are_read_when_something_needs_them_and_once() -> None:
    reads: list[int] = []

    def read() -> StripeKeys:
        reads.append(1)
        return StripeKeys(secret_key="sk_test_1", publishable_key="pk_test_1", webhook_secrets=[SECRET])

    payments = StripePayments(read, shop="prod")
    assert reads == []
    assert not payments.livemode
    payload = encode(notice())
    for _ in range(2):
        assert payments.parse_callback(payload, {"stripe-signature": signed(payload)}, now=NOW)
    assert reads == [1]


def test_a_callback_is_verified_before_it_is_read() -> None:
    payments = payments_at(
        "http://127.0.0.1:1", secret_key="sk_test_1", webhook_secrets=[SECRET, OTHER_SECRET]
    )
    payload = encode(notice())
    for secret in (SECRET, OTHER_SECRET):
        headers = {"stripe-signature": signed(payload, secret=secret)}
        fact = payments.parse_callback(payload, headers, now=NOW)
        assert fact is not None
        assert fact.order_id == "ord_1"
    for headers in ({}, {"stripe-signature": signed(b"other")}):
        with pytest.raises(InvalidSignature):
            payments.parse_callback(b"not even JSON", headers, now=NOW)


@pytest.fixture
def client(sandbox: Running) -> stripe.StripeClient:
    """The owner's dashboard, so to speak, and the shopper's browser."""
    return stripe.StripeClient(sandbox.secret_key, base_addresses={"api": sandbox.url})


def confirmed(client: stripe.StripeClient, payments: StripePayments, method: str = "pm_card_visa") -> Order:
    """An order whose payment was tried with this card, or by a bank debit."""
    order = order_of()
    reference = payments.open_payment(order).reference
    debit = {"payment_method_data": {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}}
    how: Any = debit if method == "debit" else {"payment_method": method}
    with suppress(stripe.CardError):
        client.v1.payment_intents.confirm(reference, {"return_url": "https://shop.example/"} | how)
    received = Payment(status="paid", provider="stripe", reference=reference, amount_received=order.amount)
    return replace(order, payment=received)


def refund_of(amount: int, refund_id: str = "rf_1") -> Refund:
    return Refund(
        id=refund_id,
        amount=amount,
        currency="eur",
        status="requested",
        created_at=CREATED,
        updated_at=CREATED,
        by="owner",
    )


def completed(sandbox: Running, reference: str, *, paid: bool) -> None:
    """The slow bank answered."""
    account = sandbox.sandbox.account
    with account.changing():
        settling.complete(account, account.payment_intents.get(reference), paid=paid)


def test_an_open_payment_is_voided(payments: StripePayments) -> None:
    order = order_of()
    session = payments.open_payment(order)
    assert (session.settled, payments.inspect_payment(session.reference)) == (None, None)
    fact = payments.void_payment(session.reference)
    assert (fact.kind, fact.reference, fact.object_id) == ("canceled", session.reference, session.reference)
    assert (fact.order_id, fact.shop, fact.amount, fact.currency) == (order.id, "prod", 1999, "eur")
    assert (fact.provider, fact.livemode) == ("stripe", False)
    assert payments.void_payment(session.reference) == fact == payments.inspect_payment(session.reference)
    assert payments.resume_payment(session.reference).settled == fact


def test_a_declined_payment_is_open_and_can_be_voided(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments, "pm_card_chargeDeclined")
    assert payments.inspect_payment(order.payment.reference) is None
    assert payments.void_payment(order.payment.reference).kind == "canceled"


def test_a_payment_that_waits_for_its_holder_can_be_voided(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments, "pm_card_authenticationRequired")
    assert payments.resume_payment(order.payment.reference).settled is None
    assert payments.void_payment(order.payment.reference).kind == "canceled"


@pytest.mark.parametrize(("method", "kind"), [("pm_card_visa", "succeeded"), ("debit", "processing")])
def test_what_was_paid_or_is_about_to_be_is_told_instead_of_voided(
    client: stripe.StripeClient, payments: StripePayments, method: str, kind: str
) -> None:
    reference = confirmed(client, payments, method).payment.reference
    fact = payments.void_payment(reference)
    assert (fact.kind, fact.amount) == (kind, 1999)
    assert payments.inspect_payment(reference) == payments.resume_payment(reference).settled == fact


@pytest.mark.parametrize("paid", [True, False])
def test_a_bank_debit_ends_as_its_bank_says(
    sandbox: Running,
    client: stripe.StripeClient,
    payments: StripePayments,
    paid: bool,  # noqa: FBT001 (a case)
) -> None:
    reference = confirmed(client, payments, "debit").payment.reference
    completed(sandbox, reference, paid=paid)
    fact = payments.inspect_payment(reference)
    assert (fact.kind if fact else None) == ("succeeded" if paid else None)


def test_a_payment_that_reopens_while_it_is_voided_is_to_be_asked_again(
    sandbox: Running,
    client: stripe.StripeClient,
    payments: StripePayments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference = confirmed(client, payments, "debit").payment.reference
    retrieve = stripe.PaymentIntentService.retrieve

    def late(*args: Any, **kwargs: Any) -> stripe.PaymentIntent:  # noqa: ANN401 (whatever it is asked)
        completed(sandbox, reference, paid=False)
        return retrieve(*args, **kwargs)

    monkeypatch.setattr(stripe.PaymentIntentService, "retrieve", late)
    with pytest.raises(ProviderUnavailable):
        payments.void_payment(reference)


def test_an_unknown_payment_cannot_be_voided_or_inspected(payments: StripePayments) -> None:
    with pytest.raises(ProviderUnavailable):
        payments.void_payment("pi_unknown")
    with pytest.raises(ProviderUnavailable):
        payments.inspect_payment("pi_unknown")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_payment_whose_voiding_got_lost_is_voided_by_asking_again(
    sandbox: Running, payments: StripePayments, effect: Effect
) -> None:
    reference = payments.open_payment(order_of()).reference
    path = "/v1/payment_intents/*/cancel"
    sandbox.sandbox.faults.add(Fault(outcome="drop", effect=effect, path=path, times=10))
    with pytest.raises(ProviderUnavailable):
        payments.void_payment(reference)
    sandbox.sandbox.faults.clear()
    assert payments.void_payment(reference).kind == "canceled"


def test_a_refund_says_what_it_is_of_and_is_made_once(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments)
    fact = payments.refund_payment(order, refund_of(500))
    assert payments.refund_payment(order, refund_of(500)) == fact
    (made,) = client.v1.refunds.list({"payment_intent": order.payment.reference}).data
    assert (made.id, made.amount) == (fact.object_id, 500)
    assert (fact.state, fact.amount, fact.currency) == ("succeeded", 500, "eur")
    assert (fact.reference, fact.refund_id, fact.order_id) == (order.payment.reference, "rf_1", order.id)
    assert (fact.shop, fact.provider, fact.failure) == ("prod", "stripe", "")
    assert payments.find_refund(order.payment.reference, "rf_1") == fact


def test_a_refund_that_takes_its_time_is_pending(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments, "pm_card_pendingRefund")
    assert payments.refund_payment(order, refund_of(500)).state == "pending"


def test_a_refund_that_came_back_is_found_as_failed(
    sandbox: Running, client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments, "pm_card_refundFail")
    made = payments.refund_payment(order, refund_of(500))
    account = sandbox.sandbox.account
    with account.changing():
        refunds.settle(account, made.object_id, "failed")
    found = payments.find_refund(order.payment.reference, "rf_1")
    assert found is not None
    assert (found.state, found.failure) == ("failed", "expired_or_canceled_card")
    assert found.key != made.key


def test_what_was_refunded_already_or_is_too_much_is_refused(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments)
    with pytest.raises(RefundRefused, match="greater than unrefunded amount"):
        payments.refund_payment(order, refund_of(2000, "rf_1"))
    client.v1.refunds.create({"payment_intent": order.payment.reference})
    with pytest.raises(RefundRefused, match="already been refunded"):
        payments.refund_payment(order, refund_of(1, "rf_2"))


def test_what_is_disputed_is_not_refunded(client: stripe.StripeClient, payments: StripePayments) -> None:
    order = confirmed(client, payments, "pm_card_createDispute")
    with pytest.raises(RefundRefused, match="charged back"):
        payments.refund_payment(order, refund_of(1))


def test_what_was_never_paid_is_not_refunded(client: stripe.StripeClient, payments: StripePayments) -> None:
    order = confirmed(client, payments, "pm_card_chargeDeclined")
    with pytest.raises(RefundRefused):
        payments.refund_payment(order, refund_of(1))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_refund_whose_answer_got_lost_is_found_or_made_by_asking_again(
    sandbox: Running, client: stripe.StripeClient, payments: StripePayments, effect: Effect
) -> None:
    order = confirmed(client, payments)
    sandbox.sandbox.faults.add(Fault(outcome="drop", effect=effect, path="/v1/refunds", times=10))
    with pytest.raises(ProviderUnavailable):
        payments.refund_payment(order, refund_of(500))
    sandbox.sandbox.faults.clear()
    found = payments.find_refund(order.payment.reference, "rf_1")
    assert (found is not None) == (effect == "after")
    assert payments.refund_payment(order, refund_of(500)).amount == 500
    assert len(client.v1.refunds.list().data) == 1


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.adapters.stripe.payments._PAGE", 2)


@pytest.mark.usefixtures("small_pages")
def test_a_refund_is_found_among_many(client: stripe.StripeClient, payments: StripePayments) -> None:
    order = confirmed(client, payments)
    client.v1.refunds.create({"payment_intent": order.payment.reference, "amount": 9})
    made = [payments.refund_payment(order, refund_of(10, f"rf_{number}")) for number in range(5)]
    for number, fact in enumerate(made):
        assert payments.find_refund(order.payment.reference, f"rf_{number}") == fact
    assert payments.find_refund(order.payment.reference, "rf_unknown") is None


@pytest.mark.usefixtures("small_pages", "impatient")
def test_stripe_being_down_on_the_second_page_is_unavailability(
    sandbox: Running,
    client: stripe.StripeClient,
    payments: StripePayments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = confirmed(client, payments)
    for number in range(3):
        payments.refund_payment(order, refund_of(10, f"rf_{number}"))
    next_page = stripe.ListObject.next_page

    def down(listed: Any, **params: Any) -> Any:  # noqa: ANN401 (as the SDK has it)
        sandbox.sandbox.faults.add(Fault(outcome="status", status=500, times=10))
        return next_page(listed, **params)

    monkeypatch.setattr(stripe.ListObject, "next_page", down)
    with pytest.raises(ProviderUnavailable):
        payments.find_refund(order.payment.reference, "rf_0")


EVER = {"since": datetime(2020, 1, 1, tzinfo=UTC), "until": datetime(2090, 1, 1, tzinfo=UTC)}


def pages_of(read: Callable[[str | None], Page[Item]]) -> list[list[Item]]:
    pages, cursor = list[list[Item]](), None
    while True:
        page = read(cursor)
        pages.append(page.items)
        cursor = page.cursor
        if cursor is None:
            return pages


@pytest.mark.usefixtures("small_pages")
def test_the_payments_of_this_shop_that_succeeded_are_listed_page_by_page(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    paid = {"confirm": True, "payment_method": "pm_card_visa", "return_url": "https://shop.example/"}
    common = {"amount": 1999, "currency": "eur", "automatic_payment_methods": {"enabled": True}}
    ours = {"metadata": {"tillhook_order": "ord_1", "tillhook_shop": "prod"}}
    others: list[dict[str, object]] = [
        {},
        {"metadata": {"tillhook_order": "ord_1", "tillhook_shop": "another"}},
        {"metadata": {"tillhook_shop": "prod"}},
    ]

    def begin(*parts: Mapping[str, object]) -> str:
        params: Any = {name: value for part in (common, *parts) for name, value in part.items()}
        return client.v1.payment_intents.create(params).id

    wanted = [begin(paid, ours)]
    for other in others:
        begin(paid, other)
    begin(ours)  # unpaid
    wanted.append(begin(paid, ours))
    pages = pages_of(lambda cursor: payments.list_payments(**EVER, cursor=cursor))
    assert len(pages) == 3
    facts = [fact for page in pages for fact in page]
    assert sorted(fact.reference for fact in facts) == sorted(wanted)
    assert {(fact.kind, fact.order_id, fact.amount) for fact in facts} == {("succeeded", "ord_1", 1999)}


@pytest.mark.usefixtures("small_pages")
def test_refunds_are_listed_page_by_page_wherever_they_were_made(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments)
    elsewhere = client.v1.refunds.create({"payment_intent": order.payment.reference, "amount": 9})
    made = [payments.refund_payment(order, refund_of(10, f"rf_{number}")) for number in range(4)]
    pages = pages_of(lambda cursor: payments.list_refunds(**EVER, cursor=cursor))
    assert [len(page) for page in pages] == [2, 2, 1]
    facts = {fact.object_id: fact for page in pages for fact in page}
    assert facts == {fact.object_id: fact for fact in made} | {elsewhere.id: facts[elsewhere.id]}
    found = facts[elsewhere.id]
    assert (found.refund_id, found.order_id, found.shop) == ("", "", "")
    assert found.reference == order.payment.reference


def test_only_what_was_begun_in_the_time_is_listed(
    client: stripe.StripeClient, payments: StripePayments
) -> None:
    order = confirmed(client, payments)
    payments.refund_payment(order, refund_of(10))
    (fact,) = payments.list_payments(**EVER, cursor=None).items
    begun = fact.occurred_at
    second = timedelta(seconds=1)
    for since, until, is_there in [
        (begun, begun + second, True),
        (begun - second, begun, False),
        (begun + second, begun + 2 * second, False),
    ]:
        assert bool(payments.list_payments(since=since, until=until, cursor=None).items) is is_there
    assert payments.list_refunds(since=begun - 9 * second, until=begun, cursor=None).items == []


def test_what_asking_stripe_says_is_what_its_notices_say(
    sandbox: Running, client: stripe.StripeClient, payments: StripePayments
) -> None:
    """So that both are one payment, and one refund."""
    order = confirmed(client, payments)
    asked: list[Fact | None] = [
        payments.inspect_payment(order.payment.reference),
        payments.refund_payment(order, refund_of(500)),
    ]
    events = {event["type"]: event for event in sandbox.sandbox.account.events}
    for fact, kind in zip(asked, ["payment_intent.succeeded", "refund.created"], strict=True):
        told = callbacks.parse(encode(events[kind]))
        assert fact is not None
        assert told is not None
        assert replace(told, key="", occurred_at=NOW) == replace(fact, key="", occurred_at=NOW)


_PARAMS: dict[str, Any] = {
    "PaymentIntent.create": PaymentIntentCreateParams,
    "PaymentIntent.retrieve": PaymentIntentRetrieveParams,
    "PaymentIntent.cancel": PaymentIntentCancelParams,
    "PaymentIntent.list": PaymentIntentListParams,
    "Refund.create": RefundCreateParams,
    "Refund.list": RefundListParams,
    "options": RequestOptions,
}


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> dict[str, TypeAdapter[Any]]:
    """The SDK's types of what is asked and of a request's options, as checks at run time."""
    # Names that the SDK imports for type checkers alone, and a type of its own that pydantic can't know.
    for kind in _PARAMS.values():
        monkeypatch.setattr(f"{kind.__module__}.Mapping", Mapping, raising=False)
        monkeypatch.setattr(f"{kind.__module__}.StripeContext", str, raising=False)
    monkeypatch.setattr(
        "stripe._stripe_object.UntypedStripeObject.__get_pydantic_core_schema__",
        lambda *_: core_schema.is_instance_schema(stripe.StripeObject),
        raising=False,
    )
    return {name: TypeAdapter(kind) for name, kind in _PARAMS.items()}


INTENT = {
    "id": "pi_1",
    "client_secret": "pi_1_secret_1",
    "amount": 1999,
    "currency": "eur",
    "status": "canceled",
    "livemode": False,
}
REFUND = {"id": "re_1", "object": "refund", "amount": 500, "currency": "eur", "status": "succeeded"}


def listed(item: dict[str, object]) -> dict[str, object]:
    return {"object": "list", "data": [item], "has_more": False, "url": "/v1/x"}


@pytest.mark.parametrize(
    ("service", "method", "ask", "answer"),
    [
        ("PaymentIntent", "create", lambda asked: asked.open_payment(order_of()), INTENT),
        ("PaymentIntent", "retrieve", lambda asked: asked.resume_payment("pi_1"), INTENT),
        ("PaymentIntent", "retrieve", lambda asked: asked.inspect_payment("pi_1"), INTENT),
        ("PaymentIntent", "cancel", lambda asked: asked.void_payment("pi_1"), INTENT),
        ("PaymentIntent", "list", lambda asked: asked.list_payments(**EVER, cursor=None), listed(INTENT)),
        ("PaymentIntent", "list", lambda asked: asked.list_payments(**EVER, cursor="pi_1"), listed(INTENT)),
        ("Refund", "create", lambda asked: asked.refund_payment(order_of(), refund_of(500)), REFUND),
        ("Refund", "list", lambda asked: asked.find_refund("pi_1", "rf_1"), listed(REFUND)),
        ("Refund", "list", lambda asked: asked.list_refunds(**EVER, cursor="re_1"), listed(REFUND)),
    ],
)
def test_what_is_asked_of_stripe_has_the_types_of_the_pinned_version(
    monkeypatch: pytest.MonkeyPatch,
    judges: dict[str, TypeAdapter[Any]],
    service: str,
    method: str,
    ask: Callable[[StripePayments], object],
    answer: dict[str, object],
) -> None:
    """The SDK's own types judge, unknown fields refused; the sandbox checks the values."""
    asked: list[tuple[object, ...]] = []

    def answered(_service: object, *args: object) -> stripe.StripeObject:
        asked.append(args)
        kind = stripe.ListObject if "data" in answer else getattr(stripe, service)
        made: stripe.StripeObject = kind.construct_from(answer, key=None)
        return made

    monkeypatch.setattr(getattr(stripe, f"{service}Service"), method, answered)
    ask(payments_at("http://127.0.0.1:1", secret_key="sk_test_1"))
    (args,) = asked
    nothing: dict[str, object] = {}
    params, options, *_ = [*(arg for arg in args if arg != "pi_1"), nothing, nothing]
    judges[f"{service}.{method}"].validate_python(params, strict=True, extra="forbid")
    judges["options"].validate_python(options, strict=True, extra="forbid")


@pytest.mark.parametrize(
    "wrong", [{"amount": "1999"}, {"amuont": 1}, {"automatic_payment_methods": {"enable": True}}]
)
def test_the_judge_of_what_is_asked_of_stripe_knows_wrong_from_right(
    judges: dict[str, TypeAdapter[Any]], wrong: dict[str, object]
) -> None:
    right = {"amount": 1999, "currency": "eur"}
    judges["PaymentIntent.create"].validate_python(right, strict=True, extra="forbid")
    with pytest.raises(ValidationError):
        judges["PaymentIntent.create"].validate_python(right | wrong, strict=True, extra="forbid")


def test_a_published_key_is_all_the_browser_gets(sandbox: Running, payments: StripePayments) -> None:
    session = payments.open_payment(order_of())
    assert sandbox.secret_key not in str(session)
    assert SECRET not in str(session)
