"""Each answers with the right 4xx in the common shape, changes nothing, and leaks nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.domain.carts import MAX_SKUS
from tests.integration.api.callers import ADDRESS, Json, Shop
from tests.making import a_cart, a_product, an_id

MUG = a_product("mug", tracked=True)


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    shop.sell(MUG, a_product("shirt"), a_product("dollar-mug", currency="usd"), mug=5)
    return shop


@pytest.fixture
def cart(open_shop: Shop) -> Json:
    cart: Json = open_shop.cart(mug=1)
    return cart


@pytest.mark.parametrize(
    "quantity",
    ["-1", "1001", "1.5", '"2"', "true", "null", "1" + "0" * 30, "-0.5", "[]", "{}", "1e400", "NaN"],
)
def test_a_quantity_is_a_whole_number_from_0_to_1000(open_shop: Shop, cart: Json, quantity: str) -> None:
    with open_shop.unchanged():
        answer = open_shop.send(
            "PUT", f"/carts/{cart['id']}/items/mug", f'{{"quantity": {quantity}}}'.encode()
        )
        answer.refusal(400, "InvalidRequest")


@pytest.mark.parametrize("sku", ["shirt", "nothing"], ids=["in the catalogue", "unknown"])
def test_what_is_not_in_the_cart_can_not_be_set_to_0(open_shop: Shop, cart: Json, sku: str) -> None:
    with open_shop.unchanged():
        answer = open_shop.call("PUT", f"/carts/{cart['id']}/items/{sku}", {"quantity": 0})
        assert answer.refusal(404, "ItemNotInCart")["sku"] == sku


@pytest.mark.parametrize(
    "sku", ["nothing", "MUG", "mug%0A", "%20", "..%2Fmug", "x" * 64], ids=lambda sku: sku[:9]
)
def test_an_unknown_sku_is_no_product(open_shop: Shop, cart: Json, sku: str) -> None:
    with open_shop.unchanged():
        answer = open_shop.call("PUT", f"/carts/{cart['id']}/items/{sku}", {"quantity": 1})
        answer.refusal(404, "ProductNotFound")
        open_shop.call("GET", f"/products/{sku}").refusal(404, "ProductNotFound")


PUT_ITEM = ("PUT", "/carts/{cart}/items/mug")
CHECKOUT = ("POST", "/carts/{cart}/checkout")
ENDPOINT = ("POST", "/admin/endpoints")
PRODUCT = ("PUT", "/admin/products/mug")
CATALOG = ("PUT", "/admin/catalog")
STOCK = ("PUT", "/admin/stock/mug")
WITH_BODY = pytest.mark.parametrize(
    ("method", "path"),
    [PUT_ITEM, CHECKOUT, ENDPOINT, PRODUCT, CATALOG, STOCK],
    ids=["item", "checkout", "endpoint", "product", "catalogue", "stock"],
)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"{'quantity': 1}", b"[]", b'"text"', b"null", b"\xff\xfe", b'{"quantity": 1}x',
        b"[" * 60_000, b'{"surprise": 1}', b"{}",
    ],
    ids=[
        "none", "broken", "single quotes", "a list", "text", "null", "not UTF-8", "a tail",
        "too deep", "an unknown field", "nothing in it",
    ],
)  # fmt: skip
@WITH_BODY
def test_a_body_is_the_json_object_that_was_asked_for(
    open_shop: Shop, cart: Json, method: str, path: str, body: bytes
) -> None:
    with open_shop.unchanged():
        answer = open_shop.send(
            method, path.format(cart=cart["id"]), body, authorization=f"Bearer {open_shop.admin_key}"
        )
        answer.refusal(400, "InvalidRequest")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "json"],
)
@WITH_BODY
def test_a_body_says_that_it_is_json(
    open_shop: Shop, cart: Json, method: str, path: str, content_type: str
) -> None:
    with open_shop.unchanged():
        answer = open_shop.call(
            method,
            path.format(cart=cart["id"]),
            {"quantity": 1},
            content_type=content_type,
            authorization=f"Bearer {open_shop.admin_key}",
        )
        answer.refusal(415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("method", "path"),
    [PUT_ITEM, CHECKOUT, ENDPOINT, PRODUCT, STOCK],
    ids=["item", "checkout", "endpoint", "product", "stock"],
)
def test_a_body_of_a_megabyte_is_too_large(open_shop: Shop, cart: Json, method: str, path: str) -> None:
    with open_shop.unchanged():
        answer = open_shop.call(
            method,
            path.format(cart=cart["id"]),
            {"quantity": 1, "x": "x" * 1_000_000},
            authorization=f"Bearer {open_shop.admin_key}",
        )
        assert answer.refusal(413, "RequestTooLarge")["limit"] == 65_536


def test_a_catalogue_may_have_a_megabyte_and_not_six(open_shop: Shop) -> None:
    large = [
        {"sku": f"sku-{number}", "name": "x", "amount": 1, "currency": "eur", "description": "x" * 4000}
        for number in range(250)
    ]
    assert len(open_shop.admin("PUT", "/catalog", {"products": large})["added"]) == 250
    with open_shop.unchanged():
        open_shop.admin_call("PUT", "/catalog", {"products": [], "x": "x" * 6_000_000}).refusal(
            413, "RequestTooLarge"
        )


def test_fields_nobody_knows_are_refused_beside_good_ones(open_shop: Shop, cart: Json) -> None:
    with open_shop.unchanged():
        answer = open_shop.call("PUT", f"/carts/{cart['id']}/items/mug", {"quantity": 2, "amount": 1})
        assert "amount" in answer.refusal(400, "InvalidRequest")["message"]
        open_shop.check_out(cart, amount=1).refusal(400, "InvalidRequest")
        open_shop.check_out(cart, shipping_address=ADDRESS | {"x": "y"}).refusal(400, "InvalidRequest")


@pytest.mark.parametrize(
    "cart_id",
    [
        an_id("cart", "somebody else's"), an_id("ord"), "cart_", "cart_" + "A" * 26, "cart_" + "a" * 27,
        "cart_" + "a" * 25 + "%0A", "nothing", "%00", "x" * 3000, "cart_" + "é" * 26,
    ],
    ids=[
        "foreign", "an order's", "no body", "upper case", "too long", "a newline", "a word", "a zero byte",
        "endless", "not ASCII",
    ],
)  # fmt: skip
def test_what_is_no_cart_of_the_callers_is_not_found(open_shop: Shop, cart_id: str) -> None:
    with open_shop.unchanged():
        _refuse_cart(open_shop, cart_id)


def test_a_cart_that_has_expired_is_not_found_though_its_row_is_still_there(open_shop: Shop) -> None:
    cart_id = open_shop.keep(a_cart(MUG, now=wiring.now() - timedelta(days=7, seconds=1)))
    with open_shop.unchanged():
        _refuse_cart(open_shop, cart_id)


def _refuse_cart(shop: Shop, cart_id: str) -> None:
    path = f"/carts/{cart_id}"
    shop.call("GET", path).refusal(404, "CartNotFound")
    shop.call("PUT", f"{path}/items/mug", {"quantity": 1}).refusal(404, "CartNotFound")
    shop.call("DELETE", f"{path}/items/mug").refusal(404, "CartNotFound")
    shop.check_out({"id": cart_id, "amount": 1200}).refusal(404, "CartNotFound")


def test_a_51st_sku_does_not_go_in_and_a_50th_may_still_change(open_shop: Shop) -> None:
    many = [a_product(f"sku-{number}") for number in range(MAX_SKUS + 1)]
    open_shop.sell(*many)
    cart_id = open_shop.keep(a_cart(*many[:MAX_SKUS], now=wiring.now()))
    with open_shop.unchanged():
        answer = open_shop.call("PUT", f"/carts/{cart_id}/items/sku-50", {"quantity": 1})
        assert answer.refusal(409, "CartFull")["limit"] == 50
    open_shop.ask("PUT", f"/carts/{cart_id}/items/sku-49", {"quantity": 3})


def test_a_cart_has_one_currency(open_shop: Shop, cart: Json) -> None:
    with open_shop.unchanged():
        answer = open_shop.call("PUT", f"/carts/{cart['id']}/items/dollar-mug", {"quantity": 1})
        error = answer.refusal(409, "CurrencyMixed")
    assert (error["cart_currency"], error["product_currency"]) == ("eur", "usd")


def test_an_empty_cart_is_not_checked_out(open_shop: Shop) -> None:
    cart = open_shop.cart()
    with open_shop.unchanged():
        open_shop.check_out(cart, expected_total=0).refusal(409, "CartEmpty")


@pytest.mark.parametrize(
    "email",
    [
        "", " ", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "ada@example..com",
        "ada@.com", "ada@example.com.", "ada lovelace@example.com", "<ada@example.com>",
        "Ada <ada@example.com>", "ada@example.com, bob@example.com", "ada@example.com;bob@example.com",
        "ada@example.com\r\nBcc: bob@example.com", "\nada@example.com", '"ada"@example.com',
        "ada@[127.0.0.1]", "a" * 65 + "@example.com", "ada@" + "x" * 250 + ".com", "ada@exa\tmple.com",
        "\u00a0ada@example.com", "ada@example.com\n", "\0ada@example.com", "ada@exam\x1bple.com",
        None, 5, True, ["ada@example.com"], {"email": "ada@example.com"},
    ],
    ids=lambda email: json.dumps(email)[:40],
)  # fmt: skip
def test_an_email_address_looks_like_one(open_shop: Shop, cart: Json, email: object) -> None:
    with open_shop.unchanged():
        open_shop.check_out(cart, email=email).refusal(400, "InvalidRequest")


@pytest.mark.parametrize(
    "changes",
    [
        {"expected_total": -1}, {"expected_total": 12.5}, {"expected_total": "1200"},
        {"expected_total": None}, {"expected_total": 10**30}, {"name": "x" * 201}, {"name": None},
        {"shipping_address": "London"}, {"shipping_address": {}},
        {"shipping_address": ADDRESS | {"country": "gb"}},
        {"shipping_address": ADDRESS | {"country": "Britain"}},
        {"shipping_address": ADDRESS | {"country": "GB\n"}},
        {"shipping_address": ADDRESS | {"line1": ""}},
        {"shipping_address": ADDRESS | {"city": "x" * 201}},
    ],
    ids=lambda changes: json.dumps(changes)[:60],
)  # fmt: skip
def test_a_checkout_needs_a_total_and_a_postal_address_of_the_right_form(
    open_shop: Shop, cart: Json, changes: Json
) -> None:
    with open_shop.unchanged():
        open_shop.check_out(cart, **changes).refusal(400, "InvalidRequest")


def test_a_total_that_changed_is_told_with_the_old_and_the_new(open_shop: Shop, cart: Json) -> None:
    open_shop.sell(a_product("mug", amount=1300, tracked=True))
    with open_shop.unchanged():
        error = open_shop.check_out(cart).refusal(409, "TotalChanged")
    assert (error["expected_total"], error["total"], error["currency"]) == (1200, 1300, "eur")


def test_a_shortage_names_each_sku_and_what_is_left(open_shop: Shop) -> None:
    open_shop.sell(a_product("cup", tracked=True), a_product("bowl", tracked=True), cup=1)
    cart = open_shop.cart(mug=2, cup=4, bowl=1)
    with open_shop.unchanged():
        error = open_shop.check_out(cart).refusal(409, "OutOfStock")
    assert error["items"] == [
        {"sku": "cup", "wanted": 4, "left": 1},
        {"sku": "bowl", "wanted": 1, "left": 0},
    ]


def test_what_has_left_the_catalogue_is_not_sold(open_shop: Shop) -> None:
    cart = open_shop.cart(mug=1, shirt=1)
    open_shop.admin("DELETE", "/products/shirt")
    with open_shop.unchanged():
        assert open_shop.check_out(cart).refusal(409, "ProductUnavailable")["skus"] == ["shirt"]


def test_an_amount_that_nobody_charges_is_refused(open_shop: Shop) -> None:
    open_shop.sell(a_product("sticker", amount=10))
    cart = open_shop.cart(sticker=1)
    with open_shop.unchanged():
        assert open_shop.check_out(cart).refusal(409, "AmountRefused")["amount"] == 10


PAGED = pytest.mark.parametrize("path", ["/products", "/admin/products", "/admin/orders"])


@PAGED
@pytest.mark.parametrize(
    "cursor",
    ["", "nothing", "%25%25", "e30", "WzFd", "eyJzayI6MX0", "eyJzayI6IiJ9", "bnVsbA", "x" * 5000, "%C3%A9"],
    ids=[
        "empty", "a word", "not base64", "{}", "a list", "a number", "an empty key", "null", "endless",
        "not ASCII",
    ],
)  # fmt: skip
def test_a_broken_cursor_is_refused(shop: Shop, path: str, cursor: str) -> None:
    answer = shop.call("GET", f"{path}?cursor={cursor}", authorization=f"Bearer {shop.admin_key}")
    answer.refusal(400, "InvalidCursor")


def test_a_cursor_of_another_list_is_refused(open_shop: Shop) -> None:
    cursor = open_shop.ask("GET", "/products?limit=1")["cursor"]
    open_shop.admin_call("GET", f"/orders?cursor={cursor}").refusal(400, "InvalidCursor")


@PAGED
@pytest.mark.parametrize(
    "limit",
    [
        "0",
        "-1",
        "101",
        "1.5",
        "ten",
        "%20",
        "1e1",
        "9" * 5000,
        "%C2%B2",
        "00000199999",
        "000001" + "9" * 5000,
    ],
)
def test_a_page_has_from_1_to_100_items(shop: Shop, path: str, limit: str) -> None:
    answer = shop.call("GET", f"{path}?limit={limit}", authorization=f"Bearer {shop.admin_key}")
    answer.refusal(400, "InvalidRequest")


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "1999-12", "26-11", "2026-11-01", "2026/11", "2026-1", "2026-11%0A", "x"]
)
def test_a_month_looks_like_one(shop: Shop, month: str) -> None:
    shop.admin_call("GET", f"/orders?month={month}").refusal(400, "InvalidRequest")
