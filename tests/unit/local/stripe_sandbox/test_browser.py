"""What a page can do: the client-side calls, and the stand-in for Stripe.js."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import stripe
import urllib3

import local.stripe_sandbox
from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker

SCRIPT = Path(local.stripe_sandbox.__file__).with_name("stripe.js")
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the script cannot be run")


@pytest.fixture
def intent(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 1099, "currency": "usd", "metadata": {"order_id": "ord_1"}}
    )


def card_form(intent: stripe.PaymentIntent, number: str = "4242424242424242") -> dict[str, str]:
    return {
        "client_secret": str(intent.client_secret),
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": number,
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2040",
        "payment_method_data[card][cvc]": "123",
    }


def test_a_browser_pays_with_the_publishable_key_and_the_client_secret(
    browser: Asker, intent: stripe.PaymentIntent
) -> None:
    reply = browser.post_form(f"/v1/payment_intents/{intent.id}/confirm", card_form(intent))
    assert (reply.status, reply.body["status"]) == (200, "succeeded")


def test_a_browser_sees_neither_metadata_nor_charge(browser: Asker, intent: stripe.PaymentIntent) -> None:
    browser.post_form(f"/v1/payment_intents/{intent.id}/confirm", card_form(intent))
    seen = browser.get(f"/v1/payment_intents/{intent.id}", client_secret=str(intent.client_secret)).body
    assert seen["client_secret"] == intent.client_secret
    assert not {"metadata", "latest_charge", "amount_received"} & seen.keys()


def test_a_declined_browser_gets_the_error_with_the_intent(
    browser: Asker, intent: stripe.PaymentIntent
) -> None:
    reply = browser.post_form(
        f"/v1/payment_intents/{intent.id}/confirm", card_form(intent, "4000000000009995")
    )
    error = reply.body["error"]
    assert (reply.status, error["decline_code"]) == (402, "insufficient_funds")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert "metadata" not in error["payment_intent"]


def test_a_browser_that_pays_twice_is_shown_no_more_than_before(
    browser: Asker, intent: stripe.PaymentIntent
) -> None:
    for _ in range(2):
        reply = browser.post_form(f"/v1/payment_intents/{intent.id}/confirm", card_form(intent))
    assert reply.body["error"]["code"] == "payment_intent_unexpected_state"
    assert reply.body["error"]["payment_intent"]["status"] == "succeeded"
    assert "metadata" not in reply.body["error"]["payment_intent"]


def test_a_browser_needs_the_right_client_secret(browser: Asker, intent: stripe.PaymentIntent) -> None:
    path = f"/v1/payment_intents/{intent.id}"
    assert browser.get(path).body["error"]["code"] == "parameter_missing"
    wrong = browser.get(path, client_secret=f"{intent.id}_secret_guess")
    assert (wrong.status, wrong.body["error"]["code"]) == (400, "payment_intent_invalid_parameter")
    stolen = browser.post_form(f"{path}/confirm", card_form(intent) | {"client_secret": "guess"})
    assert stolen.body["error"]["param"] == "client_secret"


def test_pages_of_any_origin_may_call_the_client_side_but_not_the_controls(running: Running) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    reply = urllib3.request("OPTIONS", f"{running.url}/v1/payment_intents/pi_1/confirm", headers=asked)
    assert reply.status == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in Asker(running.url).get("/_sandbox/health").headers


def test_the_script_knows_where_it_came_from(running: Running) -> None:
    reply = Asker(running.url).get("/v3/stripe.js")
    assert Asker(running.url).get("/endive/stripe.js").body == reply.body
    assert reply.headers["Content-Type"].startswith("text/javascript")
    assert f'const SANDBOX = "{running.url}"' in reply.body


@needs_node
def test_the_script_is_javascript() -> None:
    checked = subprocess.run(["node", "--check", SCRIPT], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def run_in_page(running: Running, body: str) -> object:
    """Run `body` as a page would, with the script loaded; it returns what it has to say."""
    page = f"""
        globalThis.window = globalThis;
        {Asker(running.url).get("/v3/stripe.js").body}
        const stripe = Stripe({json.dumps(running.publishable_key)});
        (async () => {{ {body} }})().then((said) => console.log(JSON.stringify(said)));
    """
    done = subprocess.run(
        ["node", "--input-type=commonjs"], input=page, capture_output=True, text=True, check=True, timeout=20
    )
    said: object = json.loads(done.stdout)
    return said


@needs_node
def test_the_script_pays_declines_and_retrieves(running: Running, intent: stripe.PaymentIntent) -> None:
    said = run_in_page(
        running,
        f"""
        const clientSecret = {json.dumps(intent.client_secret)};
        const pay = (number) => stripe.confirmPayment({{
          clientSecret,
          redirect: "if_required",
          confirmParams: {{
            payment_method_data: {{
              type: "card",
              card: {{ number, exp_month: 12, exp_year: 2040, cvc: "123" }},
              billing_details: {{ name: "Ada", email: "" }},
            }},
          }},
        }});
        const declined = await pay("4000000000000002");
        const paid = await pay("4242424242424242");
        const found = await stripe.retrievePaymentIntent(clientSecret);
        return [declined.error.code, paid.paymentIntent.status, found.paymentIntent.status];
        """,
    )
    assert said == ["card_declined", "succeeded", "succeeded"]


@needs_node
def test_the_script_tells_the_page_of_its_mistakes(running: Running) -> None:
    said = run_in_page(
        running,
        """
        const mistakes = [() => Stripe("sk_test_1"), () => stripe.elements({ clientSecret: "nonsense" })];
        const told = mistakes.map((mistake) => {
          try { mistake(); } catch (error) { return error.name; }
        });
        const unknown = await stripe.retrievePaymentIntent("pi_none_secret_none");
        return [...told, unknown.error.code];
        """,
    )
    assert said == ["IntegrationError", "IntegrationError", "resource_missing"]
