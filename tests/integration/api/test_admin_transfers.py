from __future__ import annotations

import pytest

from tests.integration.api.callers import Answer, Shop, Stripe
from tests.making import a_product

CSV, JSONL = "text/csv", "application/x-ndjson"
SUBJECTS = ("products", "stock", "orders")


def take(shop: Shop, subject: str, page: bytes, media_type: str = CSV) -> Answer:
    return shop.send(
        "POST",
        f"/admin/import/{subject}",
        page,
        content_type=media_type,
        authorization=f"Bearer {shop.admin_key}",
    )


def pages(shop: Shop, subject: str, form: str) -> list[bytes]:
    found: list[bytes] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/export/{subject}?format={form}" + (f"&cursor={cursor}" if cursor else "")
        answer = shop.admin_call("GET", path)
        assert answer.status == 200, answer.content
        found.append(answer.content)
        cursor = answer.headers.get("x-next-cursor")
    return found


def empty(shop: Shop) -> None:
    """Throw away all but the keys."""
    for pk, sk in shop.dump()["rows"]:
        if pk != "ADMIN_KEYS":
            shop.dynamodb.delete_item(TableName=shop.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})


@pytest.mark.parametrize(("form", "media_type"), [("csv", CSV), ("jsonl", JSONL)])
def test_a_shop_moves_to_an_empty_table_to_the_byte(
    shop: Shop, stripe: Stripe, form: str, media_type: str
) -> None:
    many = [a_product(f"sku-{number:03}", tracked=True, name=f"=Nº {number}\r\n") for number in range(120)]
    shop.sell(*many, **{"sku-000": 5, "sku-007": 9})
    paid = shop.ordered(shop.cart(**{"sku-000": 2}), name='=Ada "A" ♥\n', email="Ada@Example.com")
    webhook = stripe.webhook(stripe.pay(paid), "payment_intent.succeeded")
    shop.call_back(webhook.payload, webhook.signature)
    shop.ordered(shop.cart(**{"sku-007": 1}))
    exported = {subject: pages(shop, subject, form) for subject in SUBJECTS}
    assert len(exported["products"]) == 2
    empty(shop)
    for _ in range(2):
        for subject in SUBJECTS:
            assert all(take(shop, subject, page, media_type).status == 200 for page in exported[subject])
    assert {subject: pages(shop, subject, form) for subject in SUBJECTS} == exported
    kinds = {row.get("kind", {}).get("S") for row in shop.dump()["rows"].values()}
    assert "event" not in kinds
    story = shop.admin("GET", f"/orders/{paid['order_id']}")
    assert shop.admin("GET", f"/payments/stripe/{story['payment']['reference']}") == story
    assert shop.order(paid)["status"] == "paid"
    assert len(shop.admin("GET", "/orders")["items"]) == 2


def test_a_page_says_what_it_is(shop: Shop) -> None:
    shop.sell(a_product("mug"))
    csv = shop.admin_call("GET", "/export/products?format=csv")
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.headers["cache-control"] == "no-store"
    assert "x-next-cursor" not in csv.headers
    jsonl = shop.admin_call("GET", "/export/products?format=jsonl")
    assert jsonl.headers["content-type"] == "application/x-ndjson; charset=utf-8"


def test_a_page_with_a_bad_line_changes_nothing_and_names_it(shop: Shop) -> None:
    page = b"sku,name,amount,currency\r\nmug,Mug,1,eur\r\ntea,Tea,-1,eur\r\n"
    with shop.unchanged():
        error = take(shop, "products", page).refusal(400, "ImportRefused")
    assert [line["line"] for line in error["lines"]] == [3]
    assert error["lines"][0]["reason"]


def test_what_a_spreadsheet_saved_is_taken(shop: Shop) -> None:
    page = "\ufeffsku,name,amount,currency\nmug,Mug,1,eur\n".encode()
    assert take(shop, "products", page, "text/csv; charset=utf-8").json == {"records": 1, "written": 1}


@pytest.mark.parametrize("query", ["", "?format=", "?format=xlsx", "?format=CSV"])
def test_a_format_is_asked_for(shop: Shop, query: str) -> None:
    shop.admin_call("GET", f"/export/products{query}").refusal(400, "InvalidRequest")


@pytest.mark.parametrize("subject", ["carts", "events", "-"])
def test_there_is_nothing_else_to_export_or_import(shop: Shop, subject: str) -> None:
    shop.admin_call("GET", f"/export/{subject}?format=csv").refusal(404, "NotFound")
    take(shop, subject, b"").refusal(404, "NotFound")


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
def test_a_page_says_its_format(shop: Shop, media_type: str) -> None:
    with shop.unchanged():
        take(shop, "products", b"sku\r\n", media_type).refusal(415, "UnsupportedMediaType")


def test_a_page_is_text_of_up_to_5_mb(shop: Shop) -> None:
    with shop.unchanged():
        take(shop, "products", b"\xff\xfe").refusal(400, "InvalidRequest")
        take(shop, "products", b"x" * 5_300_000).refusal(413, "RequestTooLarge")


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("cursor", ["nothing", "%25", "2026-11.nothing", "e30"])
def test_a_broken_cursor_is_refused(shop: Shop, subject: str, cursor: str) -> None:
    shop.admin_call("GET", f"/export/{subject}?format=csv&cursor={cursor}").refusal(400, "InvalidCursor")


def test_nobody_exports_without_a_key(shop: Shop) -> None:
    shop.call("GET", "/admin/export/orders?format=csv").refusal(401, "Unauthorized")
    shop.call("POST", "/admin/import/orders").refusal(401, "Unauthorized")
