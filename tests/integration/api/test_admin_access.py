from __future__ import annotations

import re

import pytest

from app import app
from chalicelib import wiring
from chalicelib.services.admin_keys import create_key, revoke_key
from tests.integration.api.callers import Shop
from tests.making import a_product, an_id

OWNERS = sorted(
    (method, path) for path, methods in app.routes.items() if "/admin" in path for method in methods
)


@pytest.mark.parametrize(("method", "path"), OWNERS)
def test_nothing_of_the_owners_opens_without_a_key(shop: Shop, method: str, path: str) -> None:
    """Not even a broken body is read before."""
    shop.sell(a_product("mug"))
    with shop.unchanged():
        answer = shop.send(method, re.sub(r"{\w+}", "mug", path), b"{", content_type="text/plain")
        answer.refusal(401, "Unauthorized")


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer", "Bearer ", "Bearer till_", "Bearer till_a_b", "Bearer {key}x", "Bearer {id}", "{key}",
        "Basic {key}", "Bearer {key} {key}", "Bearer  x{key}", "Bearer {upper}", "Bearer till_é_é",
        "Bearer {unknown}", "Bearer {wrong}", "Bearer {foreign}", "Bearer " + "x" * 5000,
    ],
    ids=[
        "no key", "a blank", "no id", "not an id", "a letter more", "half of it", "no scheme",
        "another scheme", "twice", "a letter before", "upper case", "not ASCII", "an unknown id",
        "a wrong secret", "another key's secret", "endless",
    ],
)  # fmt: skip
def test_a_key_opens_only_as_it_was_made(shop: Shop, authorization: str) -> None:
    _, other = create_key("other", store=wiring.keys(), entropy=wiring.entropy, now=wiring.now())
    prefix, key_id, secret = shop.admin_key.split("_")
    texts = {
        "key": shop.admin_key,
        "id": f"{prefix}_{key_id}",
        "upper": shop.admin_key.upper(),
        "unknown": f"{prefix}_{an_id('key').removeprefix('key_')}_{secret}",
        "wrong": f"{prefix}_{key_id}_{an_id('x').removeprefix('x_')}",
        "foreign": f"{prefix}_{key_id}_{other.split('_')[2]}",
    }
    with shop.unchanged():
        answer = shop.call("GET", "/admin/products", authorization=authorization.format(**texts))
        answer.refusal(401, "Unauthorized")
    assert secret not in answer.content.decode()


def test_a_revoked_key_opens_nothing_more(shop: Shop) -> None:
    assert shop.admin_call("GET", "/products").status == 200
    key_id = f"key_{shop.admin_key.split('_')[1]}"
    revoke_key(key_id, store=wiring.keys(), now=wiring.now())
    shop.admin_call("GET", "/products").refusal(401, "Unauthorized")


def test_the_scheme_may_be_written_in_any_case(shop: Shop) -> None:
    assert shop.call("GET", "/admin/products", authorization=f"bearer {shop.admin_key}").status == 200


def test_the_table_has_no_key_that_opens(shop: Shop) -> None:
    assert shop.admin_key.split("_")[2] not in repr(shop.dump())
