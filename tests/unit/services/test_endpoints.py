from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

import pytest

from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import EndpointNotFound, UnsafeEndpoint
from chalicelib.ports import Moved
from chalicelib.services.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    disable_endpoint,
    read_endpoint,
)
from tests.fakes import NOW, FakeResolver, interrupt
from tests.making import an_id
from tests.unit.services.shop import Shop

LATER = NOW + timedelta(hours=1)
RESOLVER = FakeResolver(
    {
        "hooks.example.com": [ip_address("203.0.114.7"), ip_address("2a00:1450::7")],
        "inside.example.com": [ip_address("203.0.114.7"), ip_address("10.0.0.7")],
        "metadata.example.com": [ip_address("169.254.169.254")],
        "localhost": [ip_address("127.0.0.1")],
    }
)


def create(
    shop: Shop, url: str = "https://hooks.example.com/till", *, policy: EndpointPolicy = "public"
) -> tuple[Endpoint, str]:
    return create_endpoint(
        url,
        ["order.*"],
        "warehouse",
        endpoints=shop.world,
        secrets=shop.world,
        resolver=RESOLVER,
        policy=policy,
        entropy=shop.entropy,
        now=NOW,
    )


def change(shop: Shop, endpoint_id: str, **changes: object) -> Endpoint:
    return change_endpoint(
        endpoint_id, changes, endpoints=shop.world, resolver=RESOLVER, policy="public", now=LATER
    )


def test_a_new_endpoint_is_enabled_and_has_a_secret_of_its_own(shop: Shop) -> None:
    (one, secret), (other, other_secret) = create(shop), create(shop)
    assert read_endpoint(one.id, endpoints=shop.world) == one
    assert (one.version, one.enabled, one.events, one.description) == (1, True, ["order.*"], "warehouse")
    assert shop.world.get_secrets(one.id, one.secret_version).at(LATER) == [secret]
    assert one.id != other.id
    assert secret != other_secret
    assert secret not in repr(one)


def test_the_secret_is_written_before_the_endpoint_that_needs_it(shop: Shop) -> None:
    interrupt(shop.world, "create_endpoint", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        create(shop)
    assert (len(shop.world.secrets), shop.world.endpoints) == (1, {})


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com",
        "https://nowhere.example.com",
        "https://inside.example.com",
        "https://metadata.example.com",
        "https://localhost",
        "https://127.0.0.1",
        "https://[::1]",
        "https://2130706433",
        "https://me:secret@hooks.example.com",
    ],
)
def test_an_unsafe_endpoint_is_neither_created_nor_changed_to(shop: Shop, url: str) -> None:
    with pytest.raises(UnsafeEndpoint):
        create(shop, url)
    assert (shop.world.endpoints, shop.world.secrets) == ({}, {})
    endpoint, _ = create(shop)
    with pytest.raises(UnsafeEndpoint):
        change(shop, endpoint.id, url=url)
    assert read_endpoint(endpoint.id, endpoints=shop.world) == endpoint


def test_the_local_stack_may_send_to_itself(shop: Shop) -> None:
    assert create(shop, "http://localhost:8000/hook", policy="loopback")[0].enabled
    with pytest.raises(UnsafeEndpoint):
        create(shop, "http://inside.example.com", policy="loopback")


def test_a_change_keeps_what_it_does_not_name(shop: Shop) -> None:
    endpoint, _ = create(shop)
    changed = change(shop, endpoint.id, enabled=False)
    assert (changed.enabled, changed.version, changed.updated_at) == (False, 2, LATER)
    assert (changed.url, changed.events, changed.created_at) == (endpoint.url, endpoint.events, NOW)
    assert read_endpoint(endpoint.id, endpoints=shop.world) == changed


def test_a_change_without_a_url_asks_no_resolver(shop: Shop) -> None:
    endpoint, _ = create(shop)
    resolver = FakeResolver({})
    interrupt(resolver, "resolve", AssertionError("asked for a name"))
    changes: dict[str, object] = {"description": "new"}
    changed = change_endpoint(
        endpoint.id, changes, endpoints=shop.world, resolver=resolver, policy="public", now=LATER
    )
    assert changed.description == "new"


def test_changes_at_the_same_time_keep_both(shop: Shop) -> None:
    endpoint, _ = create(shop)
    interrupt(shop.world, "replace_endpoint", lambda: change(shop, endpoint.id, description="first"))
    changed = change(shop, endpoint.id, enabled=False)
    assert (changed.description, changed.enabled, changed.version) == ("first", False, 3)


def test_a_change_is_tried_again_when_somebody_was_faster(shop: Shop) -> None:
    endpoint, _ = create(shop)
    interrupt(shop.world, "replace_endpoint", Moved(), Moved())
    assert change(shop, endpoint.id, enabled=False).version == 2


def test_an_endpoint_that_is_deleted_during_its_change_stays_deleted(shop: Shop) -> None:
    endpoint, _ = create(shop)
    interrupt(shop.world, "replace_endpoint", lambda: shop.world.delete_endpoint(endpoint.id))
    with pytest.raises(EndpointNotFound):
        change(shop, endpoint.id, enabled=False)
    assert shop.world.endpoints == {}


def test_a_deleted_endpoint_leaves_no_secret(shop: Shop) -> None:
    endpoint, _ = create(shop)
    delete_endpoint(endpoint.id, endpoints=shop.world, secrets=shop.world)
    assert (shop.world.endpoints, shop.world.secrets) == ({}, {})
    with pytest.raises(EndpointNotFound):
        delete_endpoint(endpoint.id, endpoints=shop.world, secrets=shop.world)


@pytest.mark.parametrize("endpoint_id", ["", "ep_", "ep_x", an_id("ord"), an_id("ep", "missing")])
def test_what_is_no_endpoint_is_not_found(shop: Shop, endpoint_id: str) -> None:
    with pytest.raises(EndpointNotFound):
        read_endpoint(endpoint_id, endpoints=shop.world)
    with pytest.raises(EndpointNotFound):
        change(shop, endpoint_id, enabled=False)
    with pytest.raises(EndpointNotFound):
        delete_endpoint(endpoint_id, endpoints=shop.world, secrets=shop.world)


def test_deleting_an_endpoint_again_finishes_what_was_cut_off(shop: Shop) -> None:
    endpoint, _ = create(shop)
    interrupt(shop.world, "delete_secrets", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        delete_endpoint(endpoint.id, endpoints=shop.world, secrets=shop.world)
    with pytest.raises(EndpointNotFound):
        delete_endpoint(endpoint.id, endpoints=shop.world, secrets=shop.world)
    assert endpoint.id not in shop.world.secrets


def test_why_an_endpoint_was_disabled_is_told_until_it_is_enabled_again(shop: Shop) -> None:
    endpoint, _ = create(shop)
    disable_endpoint(endpoint, "It answered 410 Gone.", endpoints=shop.world, now=LATER)
    described = change(shop, endpoint.id, description="the old warehouse")
    assert (described.enabled, described.disabled_because) == (False, "It answered 410 Gone.")
    enabled = change(shop, endpoint.id, enabled=True)
    assert (enabled.enabled, enabled.disabled_because) == (True, "")
