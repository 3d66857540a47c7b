"""What the functions log, of this and of all other tests that shared the shop: no people, no secrets.

It comes last, so that it reads the logs of the whole run.
"""

from __future__ import annotations

import requests

from local.stack import FUNCTIONS, LocalStack
from local.stripe_sandbox.server import Running
from tests.e2e.conftest import WEBHOOK_SECRET
from tests.e2e.shop import DECLINED_CARD, Json, Receiver, Shop, running_receiver, wait_for

PERSON = {
    "email": "augusta.kingfisher@ockham.example",
    "name": "Augusta Kingfisher",
    "shipping_address": {"line1": "7 Halley Crescent", "city": "Porlock", "country": "GB"},
}
PEOPLE = ("kingfisher", "augusta", "ockham", "halley", "porlock", "ada@", "lovelace", "analytical")
"""Whom this test and the others tell the shop of."""


def test_no_function_logs_people_or_secrets(shop: Shop, stack: LocalStack, sandbox: Running) -> None:
    sku = shop.product()
    with running_receiver() as receiver:
        endpoint_id = shop.endpoint(receiver, "order.*")
        checkout = _a_day(shop, sku, receiver)
        _mishaps(shop, sku, checkout)
        _owners_errands(shop, checkout)
        shop.admin("DELETE", f"/endpoints/{endpoint_id}")
    logged = wait_for(
        lambda: text if checkout["order_id"] in (text := _logged(stack, "deliver")) else None,
        what="the log of the delivery",
    )
    assert checkout["order_id"] in _logged(stack, "api"), "this is where we look"
    logged = "\n".join(_logged(stack, function) for function in FUNCTIONS)
    credentials = {*shop.credentials, shop.admin_key, sandbox.secret_key, WEBHOOK_SECRET}
    assert {text.partition("_")[0] for text in credentials} == {"cart", "tok", "pi", "whsec", "till", "sk"}
    assert [text for text in credentials if text in logged] == []
    assert [text for text in PEOPLE if text in logged.lower()] == []


def _logged(stack: LocalStack, function: str) -> str:
    return "\n".join(stack.logs(function))


def _a_day(shop: Shop, sku: str, receiver: Receiver) -> Json:
    """A sale with a declined card before, and a receiver that fails before it takes the webhook."""
    receiver.answers[:] = [500]
    checkout: Json = shop.check_out(shop.cart(**{sku: 1}), **PERSON).json()
    assert not shop.pay(checkout, card=DECLINED_CARD).ok
    assert shop.pay(checkout).ok
    shop.wait_for_status(checkout, "paid")
    wait_for(lambda: receiver.of_order(checkout["order_id"]), what="the webhook")
    return checkout


def _mishaps(shop: Shop, sku: str, checkout: Json) -> None:
    """What is refused, with people and secrets in whatever place."""
    cart = shop.cart(**{sku: 1})
    assert shop.check_out(cart, **PERSON | {"name": "Augusta" * 100}).status_code == 400
    assert shop.check_out(cart, **PERSON | {"expected_total": 1}).status_code == 409
    assert shop.check_out(cart, **PERSON | {"email": "augusta.kingfisher@"}).status_code == 400
    for path in (f"/orders/{PERSON['email']}", f"/carts/{checkout['order_token']}", "/kingfisher"):
        assert shop.call("GET", path, authorization=f"Bearer {checkout['order_token']}").status_code == 404
    assert shop.call("GET", "/admin/orders", authorization=f"Bearer {shop.admin_key}x").status_code == 401
    signature = f"t=1,v1={checkout['order_token']}"
    forged = shop.call("POST", "/callbacks/stripe", PERSON, **{"stripe-signature": signature})
    assert forged.status_code == 400


def _owners_errands(shop: Shop, checkout: Json) -> None:
    address = {"email": PERSON["email"]}
    assert shop.admin("GET", f"/orders?email={PERSON['email']}")["items"]
    assert shop.admin("GET", f"/orders/{checkout['order_id']}")
    (dossier,) = shop.admin("POST", "/persons/export", address)["items"]
    assert dossier["events"]
    job = shop.admin("POST", "/persons/erase", address, **{"idempotency-key": str(PERSON["email"])})
    wait_for(lambda: shop.admin("GET", f"/jobs/{job['id']}")["sent"] == 1, what="the erasure", patience=60)
    contact = shop.admin("GET", f"/orders/{checkout['order_id']}")["contact"]
    assert contact.keys() == {"email", "erased_at"}
    headers = {"authorization": f"Bearer {shop.admin_key}"}
    exported = shop.call("GET", "/admin/export/orders?format=csv", **headers)
    assert exported.headers["content-type"].startswith("text/csv")
    again = requests.post(
        f"{shop.api_url}/admin/import/orders",
        data=exported.content,
        headers=headers | {"content-type": "text/csv"},
        timeout=30,
    )
    assert again.ok, again.text
    assert again.json()["written"] == 0
    bad = requests.post(
        f"{shop.api_url}/admin/import/orders",
        data=f"id,contact\n{PERSON['name']},{PERSON['email']}\n".encode(),
        headers=headers | {"content-type": "text/csv"},
        timeout=30,
    )
    assert bad.json()["error"]["type"] == "ImportRefused"
