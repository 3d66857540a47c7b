from __future__ import annotations

import pytest

from tests.integration.api.callers import Json, Shop
from tests.making import a_product

MUG: Json = {
    "name": "A mug",
    "amount": 1200,
    "currency": "eur",
    "stock": "tracked",
    "when_unavailable": "ask",
}


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    shop.admin("PUT", "/products/mug", MUG)
    shop.admin("PUT", "/stock/mug", {"available": 5})
    return shop


def test_a_product_is_put_read_listed_replaced_and_deleted(open_shop: Shop) -> None:
    mug = open_shop.admin("GET", "/products/mug")
    assert mug == MUG | {
        "sku": "mug",
        "description": "",
        "image": "",
        "shippable": True,
        "weight_grams": 0,
        "tax_code": None,
        "stock_shards": 1,
    }
    assert open_shop.admin("GET", "/products") == {"items": [mug], "cursor": None}
    dearer = open_shop.admin("PUT", "/products/mug", MUG | {"amount": 1500})
    assert dearer == mug | {"amount": 1500}
    answer = open_shop.admin_call("DELETE", "/products/mug")
    assert (answer.status, answer.content) == (204, b"")
    open_shop.admin_call("GET", "/products/mug").refusal(404, "ProductNotFound")
    open_shop.admin_call("DELETE", "/products/mug").refusal(404, "ProductNotFound")
    assert open_shop.admin("GET", "/stock/mug")["available"] == 5


@pytest.mark.parametrize(
    "sku", ["-mug", "mug%20cup", "mug cup", "mug%2Fcup", "müg", "x" * 65, "mug%0A", "%00", ".."]
)
def test_what_can_not_stand_in_a_path_is_no_sku(shop: Shop, sku: str) -> None:
    with shop.unchanged():
        shop.admin_call("PUT", f"/products/{sku}", MUG).refusal(400, "InvalidRequest")


WRONG: list[Json] = [
    {"name": ""}, {"name": None}, {"amount": -1}, {"amount": 12.5}, {"amount": "1200"}, {"amount": 10**8},
    {"amount": True}, {"currency": "EUR"}, {"currency": "xyz"}, {"currency": "eu"}, {"currency": None},
    {"shippable": 1}, {"weight_grams": -1}, {"weight_grams": 1.5}, {"tax_code": ""}, {"tax_code": "a b"},
    {"stock": "some"}, {"stock_shards": 0}, {"stock_shards": 33}, {"stock_shards": None},
    {"price": 5}, {"description": "x" * 4001},
]  # fmt: skip


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_a_product_of_the_wrong_form_is_refused(open_shop: Shop, changes: Json) -> None:
    with open_shop.unchanged():
        open_shop.admin_call("PUT", "/products/mug", MUG | changes).refusal(400, "InvalidRequest")


@pytest.mark.parametrize("changes", [*WRONG, {"sku": "-cup"}, {"sku": "cup\n"}, {"sku": None}], ids=str)
def test_one_wrong_product_refuses_the_whole_catalogue(open_shop: Shop, changes: Json) -> None:
    wrong = {"sku": "cup"} | MUG | changes
    with open_shop.unchanged():
        answer = open_shop.admin_call("PUT", "/catalog", {"products": [MUG | {"sku": "bowl"}, wrong]})
        answer.refusal(400, "InvalidRequest")


def test_a_catalogue_with_a_sku_twice_names_it(open_shop: Shop) -> None:
    twice = [MUG | {"sku": sku} for sku in ("mug", "cup", "cup", "mug", "bowl")]
    with open_shop.unchanged():
        answer = open_shop.admin_call("PUT", "/catalog", {"products": twice})
        assert answer.refusal(400, "InvalidRequest")["skus"] == ["cup", "mug"]


def test_a_pushed_catalogue_tells_what_it_changed_and_leaves_stock_alone(open_shop: Shop) -> None:
    open_shop.sell(a_product("old"), a_product("cup"))
    same = open_shop.admin("GET", "/products/mug")
    cup = open_shop.admin("GET", "/products/cup") | {"amount": 1}
    pushed = {"products": [same, cup, MUG | {"sku": "new"}]}
    assert open_shop.admin("PUT", "/catalog", pushed) == {
        "added": ["new"],
        "changed": ["cup"],
        "removed": ["old"],
        "unchanged": 1,
    }
    assert open_shop.admin("PUT", "/catalog", pushed)["unchanged"] == 3
    assert [item["sku"] for item in open_shop.admin("GET", "/products")["items"]] == ["cup", "mug", "new"]
    assert open_shop.admin("GET", "/stock/mug")["available"] == 5


def test_the_same_adjustment_sent_again_adjusts_nothing_more(open_shop: Shop) -> None:
    for _ in range(3):
        answer = open_shop.admin("POST", "/stock/mug/adjustments", {"by": 7}, idempotency_key="delivery 1")
        assert answer == {"sku": "mug", "available": 12, "low_at": None}
    open_shop.admin("POST", "/stock/mug/adjustments", {"by": -2}, idempotency_key="broken")
    assert open_shop.admin("GET", "/stock/mug") == {"sku": "mug", "available": 10, "low_at": None}


def test_a_threshold_is_set_kept_and_taken_away(open_shop: Shop) -> None:
    changes: list[Json] = [{"low_at": 3}, {}, {"low_at": 0}, {"low_at": None}, {}]
    for change, low_at in zip(changes, [3, 3, 0, None, None], strict=True):
        answer = open_shop.admin("PUT", "/stock/mug", change | {"available": 7})
        assert answer == open_shop.admin("GET", "/stock/mug")
        assert answer == {"sku": "mug", "available": 7, "low_at": low_at}


@pytest.mark.parametrize("low_at", [-1, 1.5, "5", True, 10**30], ids=repr)
def test_a_threshold_is_a_whole_number(open_shop: Shop, low_at: object) -> None:
    with open_shop.unchanged():
        answer = open_shop.admin_call("PUT", "/stock/mug", {"available": 5, "low_at": low_at})
        answer.refusal(400, "InvalidRequest")


def test_a_key_of_another_adjustment_is_refused(open_shop: Shop) -> None:
    open_shop.admin("POST", "/stock/mug/adjustments", {"by": 7}, idempotency_key="one")
    with open_shop.unchanged():
        answer = open_shop.admin_call("POST", "/stock/mug/adjustments", {"by": 8}, idempotency_key="one")
        answer.refusal(409, "KeyReused")


def test_more_than_there_is_can_not_be_taken_away(open_shop: Shop) -> None:
    with open_shop.unchanged():
        answer = open_shop.admin_call("POST", "/stock/mug/adjustments", {"by": -6}, idempotency_key="x")
        answer.refusal(409, "Conflict")


@pytest.mark.parametrize("key", [{}, {"idempotency_key": ""}, {"idempotency_key": "x" * 101}], ids=str)
def test_an_adjustment_needs_a_key(open_shop: Shop, key: dict[str, str]) -> None:
    with open_shop.unchanged():
        answer = open_shop.admin_call("POST", "/stock/mug/adjustments", {"by": 1}, **key)
        answer.refusal(400, "InvalidRequest")


@pytest.mark.parametrize("level", [-1, 1.5, "5", None, True, 10**30], ids=repr)
def test_a_stock_level_is_a_whole_number(open_shop: Shop, level: object) -> None:
    with open_shop.unchanged():
        answer = open_shop.admin_call("PUT", "/stock/mug", {"available": level})
        answer.refusal(400, "InvalidRequest")
        answer = open_shop.admin_call(
            "POST", "/stock/mug/adjustments", {"by": level if level != -1 else -(10**30)}, idempotency_key="x"
        )
        answer.refusal(400, "InvalidRequest")


def test_stock_that_nobody_keeps_is_not_found(open_shop: Shop) -> None:
    open_shop.sell(a_product("shirt"))
    with open_shop.unchanged():
        open_shop.admin_call("GET", "/stock/shirt").refusal(404, "StockNotTracked")
        open_shop.admin_call("PUT", "/stock/cup", {"available": 1}).refusal(404, "ProductNotFound")
        answer = open_shop.admin_call("POST", "/stock/shirt/adjustments", {"by": 1}, idempotency_key="x")
        answer.refusal(404, "StockNotTracked")
