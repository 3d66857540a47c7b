from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from chalicelib.domain.keys import AdminKey, new_key
from tests.fakes import NOW, FakeEntropy
from tests.integration.adapters.conftest import Stores


def keys(*names: str) -> list[AdminKey]:
    entropy = FakeEntropy()
    return [new_key(name, entropy=entropy, now=NOW)[0] for name in names]


def test_a_key_is_read_as_it_was_put(stores: Stores) -> None:
    (key,) = keys("laptop")
    stores.keys.put_key(key)
    assert stores.keys.get_key(key.id) == key


def test_a_key_that_nobody_made_is_none(stores: Stores) -> None:
    assert stores.keys.get_key(keys("laptop")[0].id) is None
    assert stores.keys.list_keys() == []


def test_putting_a_key_again_replaces_it(stores: Stores) -> None:
    (key,) = keys("laptop")
    revoked = replace(key, revoked_at=NOW + timedelta(days=1))
    stores.keys.put_key(key)
    stores.keys.put_key(revoked)
    assert stores.keys.list_keys() == [revoked]


def test_all_keys_are_listed(stores: Stores) -> None:
    made = keys("laptop", "build", "phone")
    for key in made:
        stores.keys.put_key(key)
    assert stores.keys.list_keys() == sorted(made, key=lambda key: key.id)
