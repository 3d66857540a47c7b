from __future__ import annotations

import json

import pytest

from tests.integration.api.callers import ADDRESS, DECLINED_CARD, Answer, Json, Shop, Stripe
from tests.making import a_product

MUG, SHIRT = a_product("mug", tracked=True), a_product("shirt", amount=2500, name="A shirt")
CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Retry-After,X-Request-Id",
}


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    shop.sell(MUG, SHIRT, mug=5)
    return shop


def test_a_sale_from_the_catalogue_to_the_paid_order(open_shop: Shop, stripe: Stripe) -> None:
    offers = open_shop.ask("GET", "/products")["items"]
    assert [offer["sku"] for offer in offers] == ["mug", "shirt"]
    cart = open_shop.cart(mug=1, shirt=2)
    cart = open_shop.ask("PUT", f"/carts/{cart['id']}/items/mug", {"quantity": 3})
    cart = open_shop.ask("DELETE", f"/carts/{cart['id']}/items/shirt")
    assert (cart["amount"], cart["currency"]) == (3600, "eur")
    checkout = open_shop.ordered(cart, shipping_address=ADDRESS)
    assert (checkout["amount"], checkout["currency"]) == (3600, "eur")
    assert checkout["publishable_key"] == stripe.running.publishable_key
    assert open_shop.order(checkout)["status"] == "pending"

    webhook = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    assert open_shop.call_back(webhook.payload, webhook.signature).json == {"ignored": False}

    paid = open_shop.order(checkout)
    assert (paid["status"], paid["amount"], paid["currency"]) == ("paid", 3600, "eur")
    assert paid["paid_at"]
    assert open_shop.ask("GET", "/products/mug")["availability"] == {"in_stock": True, "left": 2}
    events = [row for (pk, _), row in open_shop.dump()["rows"].items() if pk.startswith("EVENT#")]
    assert [row["type"]["S"] for row in events] == ["order.paid"]


def test_a_declined_card_leaves_the_order_payable_and_the_next_card_pays_it(
    open_shop: Shop, stripe: Stripe
) -> None:
    checkout = open_shop.ordered(open_shop.cart(mug=1))
    failed = stripe.webhook(stripe.pay(checkout, card=DECLINED_CARD), "payment_intent.payment_failed")
    open_shop.call_back(failed.payload, failed.signature)
    order = open_shop.order(checkout)
    assert (order["status"], bool(order["payment_failure"])) == ("failed", True)

    paid = stripe.webhook(stripe.pay(checkout), "payment_intent.succeeded")
    open_shop.call_back(paid.payload, paid.signature)
    order = open_shop.order(checkout)
    assert (order["status"], order["payment_failure"]) == ("paid", "")


def test_a_new_cart_is_empty_and_its_id_opens_it(shop: Shop) -> None:
    cart = shop.ask("POST", "/carts")
    assert (cart["lines"], cart["amount"], cart["currency"]) == ([], 0, None)
    assert shop.ask("GET", f"/carts/{cart['id']}") == cart


def test_taking_out_what_is_not_in_the_cart_is_no_error(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=1)
    assert open_shop.ask("DELETE", f"/carts/{cart['id']}/items/shirt") == cart


def test_a_quantity_of_zero_takes_an_item_out(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=1)
    emptied = open_shop.ask("PUT", f"/carts/{cart['id']}/items/mug", {"quantity": 0})
    assert (emptied["lines"], emptied["currency"]) == ([], None)


def test_a_cart_has_the_prices_of_today(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=2)
    open_shop.sell(a_product("mug", amount=1500, tracked=True))
    assert open_shop.ask("GET", f"/carts/{cart['id']}")["amount"] == 3000


def test_the_catalogue_comes_in_pages_by_sku(shop: Shop) -> None:
    shop.sell(*(a_product(f"sku-{number}") for number in range(5)))
    pages, path = [], "/products?limit=2"
    while True:
        page = shop.ask("GET", path)
        pages.append([offer["sku"] for offer in page["items"]])
        if page["cursor"] is None:
            break
        path = f"/products?limit=2&cursor={page['cursor']}"
    assert pages == [["sku-0", "sku-1"], ["sku-2", "sku-3"], ["sku-4"]]


def test_a_shopper_sees_neither_how_stock_is_kept_nor_more_than_an_offer(open_shop: Shop) -> None:
    assert open_shop.ask("GET", "/products/shirt") == {
        "sku": "shirt",
        "name": "A shirt",
        "description": "",
        "image": "",
        "amount": 2500,
        "currency": "eur",
        "availability": {"in_stock": True, "left": None},
    }


def test_checking_out_twice_is_one_order_one_payment_and_one_reservation(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=2)
    first = open_shop.ordered(cart)
    with open_shop.unchanged():
        assert open_shop.ordered(cart) == first
    assert open_shop.ask("GET", "/products/mug")["availability"]["left"] == 3


def test_a_second_checkout_corrects_the_contact_of_the_same_order(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=1)
    first = open_shop.ordered(cart, email="typo@example.com")
    assert open_shop.ordered(cart, email="ada@example.com") == first
    story = open_shop.admin("GET", f"/orders/{first['order_id']}")
    assert story["contact"]["email"] == "ada@example.com"


@pytest.fixture
def checkout(open_shop: Shop) -> Json:
    checkout: Json = open_shop.ordered(open_shop.cart(mug=1), shipping_address=ADDRESS)
    return checkout


def test_an_order_does_not_show_whom_it_went_to(open_shop: Shop, checkout: Json) -> None:
    order = open_shop.order(checkout)
    assert order.keys() == {
        "id", "status", "lines", "amount", "currency", "created_at", "paid_at", "payment_failure",
        "amount_refunded", "parcels",
    }  # fmt: skip
    assert "ada@example.com" not in json.dumps(order)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer tok_aaaaaaaaaaaaaaaaaaaaaaaaaa", "Bearer tök", "Basic YTpi"],
    ids=["none", "no token", "blank", "wrong", "not ASCII", "another scheme"],
)
def test_an_order_stays_closed_without_its_token(open_shop: Shop, checkout: Json, authorization: str) -> None:
    answer = open_shop.call("GET", f"/orders/{checkout['order_id']}", authorization=authorization)
    answer.refusal(404, "OrderNotFound")


def test_the_token_of_another_order_does_not_open_this_one(open_shop: Shop, checkout: Json) -> None:
    other = open_shop.ordered(open_shop.cart(mug=1))
    answer = open_shop.call(
        "GET", f"/orders/{checkout['order_id']}", authorization=f"Bearer {other['order_token']}"
    )
    answer.refusal(404, "OrderNotFound")


def test_the_admin_key_does_not_open_a_shoppers_order(open_shop: Shop, checkout: Json) -> None:
    path = f"/orders/{checkout['order_id']}"
    open_shop.call("GET", path, authorization=f"Bearer {open_shop.admin_key}").refusal(404, "OrderNotFound")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/products", None, 200),
        ("GET", "/products/mug", None, 200),
        ("GET", "/openapi.json", None, 200),
        ("POST", "/carts", None, 201),
        ("GET", "/products?limit=x", None, 400),
        ("GET", "/products/nothing", None, 404),
        ("GET", "/carts/nothing", None, 404),
        ("PUT", "/carts/nothing/items/mug", {"quantity": "x"}, 400),
        ("DELETE", "/carts/nothing/items/mug", None, 404),
        ("POST", "/carts/nothing/checkout", {}, 400),
        ("GET", "/orders/nothing", None, 404),
    ],
)
def test_every_storefront_answer_may_be_read_by_every_site(
    open_shop: Shop, method: str, path: str, body: object, status: int
) -> None:
    answer = open_shop.call(method, path, body)
    assert answer.status == status
    assert answer.headers.items() >= CORS.items()
    assert "Content-Type" in answer.headers["access-control-allow-headers"]


def test_no_site_is_invited_to_the_owners_api(open_shop: Shop) -> None:
    answers: list[Answer] = [open_shop.admin_call("GET", "/orders"), open_shop.call("GET", "/admin/orders")]
    assert [answer.status for answer in answers] == [200, 401]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]
