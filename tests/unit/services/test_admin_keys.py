from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.errors import KeyNotFound, Unauthorized
from chalicelib.domain.keys import AdminKey
from chalicelib.services.admin_keys import authenticate, create_key, revoke_key
from tests.fakes import NOW, interrupt
from tests.making import an_id
from tests.unit.services.shop import Shop


@pytest.fixture
def laptop(shop: Shop) -> tuple[AdminKey, str]:
    return create_key("laptop", store=shop.world, entropy=shop.entropy, now=NOW)


def opens(shop: Shop, authorization: str) -> bool:
    try:
        authenticate(authorization, store=shop.world)
    except Unauthorized:
        return False
    return True


def test_a_key_opens_the_api(shop: Shop, laptop: tuple[AdminKey, str]) -> None:
    record, key = laptop
    assert authenticate(f"Bearer {key}", store=shop.world) == record


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_schemes_case_does_not_matter(shop: Shop, laptop: tuple[AdminKey, str], scheme: str) -> None:
    assert opens(shop, f"{scheme} {laptop[1]}")


def test_only_a_hash_of_a_key_is_kept(shop: Shop, laptop: tuple[AdminKey, str]) -> None:
    record, key = laptop
    assert key.rpartition("_")[2] not in repr(shop.world.keys)
    assert key != record.id


def test_nothing_else_opens_it(shop: Shop, laptop: tuple[AdminKey, str]) -> None:
    _, key = laptop
    start, _, secret = key.rpartition("_")
    _, other = create_key("phone", store=shop.world, entropy=shop.entropy, now=NOW)
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        key,
        f"Basic {key}",
        f"Bearer {key}x",
        f"Bearer {key[:-1]}",
        f"Bearer {start}_",
        f"Bearer {start}",
        f"Bearer {start}_{secret.upper()}",
        f"Bearer x{key}",
        f"Bearer {key} {key}",
        f"Bearer {start}_{other.rpartition('_')[2]}",
        f"Bearer till_{'a' * 26}_{secret}",
        "Bearer till_ä_ß",
        "Bearer \x00",
    ]
    assert [authorization for authorization in wrong if opens(shop, authorization)] == []


def test_what_cannot_be_a_key_never_reaches_the_table(shop: Shop) -> None:
    interrupt(shop.world, "get_key", AssertionError("asked the table"))
    assert not opens(shop, "Bearer till_../.._secret")


def test_a_revoked_key_opens_nothing_from_then_on(shop: Shop, laptop: tuple[AdminKey, str]) -> None:
    record, key = laptop
    revoked = revoke_key(record.id, store=shop.world, now=NOW + timedelta(days=1))
    assert revoked.revoked_at == NOW + timedelta(days=1)
    assert not opens(shop, f"Bearer {key}")


def test_revoking_again_keeps_the_first_time(shop: Shop, laptop: tuple[AdminKey, str]) -> None:
    record, _ = laptop
    first = revoke_key(record.id, store=shop.world, now=NOW)
    assert revoke_key(record.id, store=shop.world, now=NOW + timedelta(days=9)) == first


@pytest.mark.parametrize("key_id", ["", "key_", "key_x", an_id("key", "missing")])
def test_what_is_no_key_cannot_be_revoked(shop: Shop, key_id: str) -> None:
    with pytest.raises(KeyNotFound):
        revoke_key(key_id, store=shop.world, now=NOW)


def test_refusals_quote_no_key(shop: Shop, laptop: tuple[AdminKey, str]) -> None:
    record, key = laptop
    revoke_key(record.id, store=shop.world, now=NOW)
    for authorization in (f"Bearer {key}", f"Bearer {key}x", f"Basic {key}"):
        with pytest.raises(Unauthorized) as refusal:
            authenticate(authorization, store=shop.world)
        assert key.rpartition("_")[2] not in f"{refusal.value}{refusal.value.details}"
