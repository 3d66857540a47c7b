from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker


def create(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 1099, "currency": "usd"}, {"idempotency_key": "k", "max_network_retries": 0}
    )


def count(client: stripe.StripeClient) -> int:
    return len(client.v1.payment_intents.list().data)


def test_the_next_calls_can_fail_before_they_take_effect(client: stripe.StripeClient, server: Asker) -> None:
    server.order("/faults", outcome="status", status=503, times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            create(client)
        assert failed.value.http_status == 503
    assert count(client) == 0
    assert create(client).status == "requires_payment_method"


def test_a_call_can_take_effect_and_fail_and_a_retry_finds_it_done(
    client: stripe.StripeClient, server: Asker
) -> None:
    server.order("/faults", outcome="status", effect="after")
    with pytest.raises(stripe.APIError):
        create(client)
    [made] = client.v1.payment_intents.list().data
    assert create(client).id == made.id


@pytest.mark.parametrize(("effect", "made"), [("before", 0), ("after", 1)])
def test_a_connection_can_be_lost(client: stripe.StripeClient, server: Asker, effect: str, made: int) -> None:
    server.order("/faults", outcome="drop", effect=effect)
    with pytest.raises(stripe.APIConnectionError):
        create(client)
    assert count(client) == made
    create(client)
    assert count(client) == 1


def test_the_sdk_recovers_from_a_lost_answer_by_itself(client: stripe.StripeClient, server: Asker) -> None:
    server.order("/faults", outcome="drop", effect="after")
    client.v1.payment_intents.create({"amount": 1099, "currency": "usd"}, {"max_network_retries": 2})
    assert count(client) == 1


def test_a_fault_can_wait_for_one_kind_of_call(client: stripe.StripeClient, server: Asker) -> None:
    server.order("/faults", outcome="status", status=500, method="POST", path="/v1/*/cancel")
    intent = create(client)
    with pytest.raises(stripe.APIError):
        client.v1.payment_intents.cancel(intent.id, options={"max_network_retries": 0})
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_call_can_be_kept_under_way(running: Running, client: stripe.StripeClient, server: Asker) -> None:
    server.order("/faults", outcome="hold", method="POST")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(create, client)
        assert running.sandbox.faults.wait_until_held()
        assert server.get("/_sandbox/faults").body == {"waiting": [], "held": 1}
        assert count(client) == 0
        server.order("/faults/release")
    assert waiting.result().status == "requires_payment_method"


def test_faults_can_be_taken_back(client: stripe.StripeClient, server: Asker) -> None:
    server.order("/faults", outcome="status")
    assert server.delete("/faults").body["waiting"] == []
    assert create(client).status == "requires_payment_method"


def test_a_fault_nobody_knows_is_refused(server: Asker) -> None:
    assert server.order("/faults", outcome="earthquake").status == 400
