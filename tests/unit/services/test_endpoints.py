from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.adapters.jmespath import JmesPath
from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.endpoints import Endpoint, circuit_opened, disabled, paused
from chalicelib.domain.errors import EndpointNotFound, InvalidExpression, InvalidRequest, UnsafeEndpoint
from chalicelib.domain.event_types import EVENT_TYPES
from chalicelib.domain.health import Health
from chalicelib.ports import Moved
from chalicelib.services.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    draft_endpoint,
    read_endpoint,
    rotate_secret,
)
from tests.fakes import NOW, FakeResolver, interrupt
from tests.making import LOOPBACK, THE_PUBLIC, an_id
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
ANYWHERE = FakeResolver(
    {host: [ip_address("203.0.114.7")] for host in ("hooks.example.com", "evil.example.com")}
)


def create(
    shop: Shop,
    url: str = "https://hooks.example.com/till",
    *,
    events: tuple[str, ...] = ("order.*",),
    headers: dict[str, str] | None = None,
    policy: EndpointPolicy = THE_PUBLIC,
    **shape: object,
) -> tuple[Endpoint, str]:
    return create_endpoint(
        url,
        events,
        "warehouse",
        shape=shape,
        headers=headers,
        endpoints=shop.world,
        secrets=shop.world,
        expressions=JmesPath(),
        resolver=RESOLVER,
        policy=policy,
        entropy=shop.entropy,
        now=NOW,
    )


def change(
    shop: Shop,
    endpoint_id: str,
    *,
    headers: dict[str, str] | None = None,
    resolver: FakeResolver = RESOLVER,
    **changes: object,
) -> Endpoint:
    return change_endpoint(
        endpoint_id,
        changes,
        headers=headers,
        endpoints=shop.world,
        secrets=shop.world,
        expressions=JmesPath(),
        resolver=resolver,
        policy=THE_PUBLIC,
        now=LATER,
    )


def kept(shop: Shop, endpoint: Endpoint) -> dict[str, str]:
    return shop.world.get_secrets(endpoint.id, endpoint.secret_version).headers


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
    assert create(shop, "http://localhost:8000/hook", policy=LOOPBACK)[0].enabled
    with pytest.raises(UnsafeEndpoint):
        create(shop, "http://inside.example.com", policy=LOOPBACK)


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
    assert change(shop, endpoint.id, resolver=resolver, description="new").description == "new"


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
    shop.world.replace_endpoint(disabled(endpoint, "It answered 410 Gone.", now=LATER))
    described = change(shop, endpoint.id, description="the old warehouse", enabled=False)
    assert (described.enabled, described.disabled_because) == (False, "It answered 410 Gone.")
    enabled = change(shop, endpoint.id, enabled=True)
    assert (enabled.enabled, enabled.disabled_because) == (True, "")


def test_what_its_owner_disables_hears_of_nothing_and_holds_nothing_from_then_on(shop: Shop) -> None:
    endpoint, _ = create(shop)
    shop.world.replace_endpoint(circuit_opened(endpoint, now=LATER))
    off = change(shop, endpoint.id, enabled=False)
    assert (off.status, off.circuit_open, off.disabled_because, off.epoch) == ("disabled", False, "", 2)
    assert not off.hears_of("order.paid")


def test_a_new_address_begins_anew(shop: Shop) -> None:
    endpoint, _ = create(shop)
    shop.world.put_health(endpoint.id, Health(failures=4, failing_since=NOW, failed_at=NOW))
    change(shop, endpoint.id, description="the same address")
    assert shop.world.get_health(endpoint.id).failures == 4
    change(shop, endpoint.id, url="https://hooks.example.com/elsewhere")
    assert shop.world.get_health(endpoint.id) == Health()


def test_enabling_begins_anew_and_releases_what_was_held(shop: Shop) -> None:
    endpoint, _ = create(shop)
    shop.world.replace_endpoint(disabled(endpoint, "It has failed for 5 days.", now=LATER))
    shop.world.put_health(endpoint.id, Health(failures=99))
    on = change(shop, endpoint.id, enabled=True, description="mended")
    assert (on.status, on.version, on.epoch, on.description) == ("enabled", 3, 2, "mended")
    assert [(job.kind, job.epoch) for job in shop.world.jobs.values()] == [("release", on.epoch)]
    assert shop.world.get_health(endpoint.id) == Health()


def test_what_is_so_already_begins_and_ends_nothing(shop: Shop) -> None:
    endpoint, _ = create(shop)
    shop.world.replace_endpoint(paused(endpoint, now=LATER))
    on = change(shop, endpoint.id, enabled=True)
    assert (on.status, on.epoch, shop.world.jobs) == ("paused", 1, {})
    off = change(shop, endpoint.id, enabled=False)
    assert change(shop, endpoint.id, enabled=False).epoch == off.epoch


def test_a_new_endpoint_has_the_shape_that_was_asked_for(shop: Shop) -> None:
    shape: dict[str, Any] = {
        "filter": "data.order.lines[?sku=='mug']",
        "payload": "{email: data.order.contact.email}",
        "method": "PUT",
        "content_type": "form",
        "timeout_seconds": 30,
        "rate_limit": 5,
    }
    endpoint, _ = create(shop, **shape)
    assert {name: getattr(endpoint, name) for name in shape} == shape
    assert change(shop, endpoint.id, rate_limit=None).rate_limit is None


def test_headers_are_kept_beside_the_secret_and_only_their_names_in_the_row(shop: Shop) -> None:
    endpoint, secret = create(shop, headers={"Authorization": "Basic x", "X-Shop": "mine"})
    secrets = shop.world.get_secrets(endpoint.id, endpoint.secret_version)
    assert (secrets.at(NOW), secrets.headers) == ([secret], {"Authorization": "Basic x", "X-Shop": "mine"})
    assert endpoint.header_names == ["Authorization", "X-Shop"]
    assert "Basic" not in repr(endpoint) + repr(secrets)


def test_headers_are_replaced_together_beside_the_same_secret(shop: Shop) -> None:
    endpoint, secret = create(shop, headers={"Authorization": "Basic x", "X-Shop": "mine"})
    changed = change(shop, endpoint.id, headers={"X-Key": "y"})
    assert (changed.header_names, kept(shop, changed)) == (["X-Key"], {"X-Key": "y"})
    assert shop.world.get_secrets(changed.id, changed.secret_version).at(LATER) == [secret]
    # For a worker that has read the row before this change:
    assert kept(shop, endpoint) == {"Authorization": "Basic x", "X-Shop": "mine"}
    none = change(shop, endpoint.id, headers={})
    assert (none.header_names, kept(shop, none)) == ([], {})


def test_other_changes_write_no_secrets(shop: Shop) -> None:
    endpoint, _ = create(shop, headers={"X-Key": "y"})
    assert change(shop, endpoint.id, description="new").secret_version == endpoint.secret_version
    assert len(shop.world.secrets[endpoint.id]) == 1


def test_headers_are_written_before_the_row_that_names_their_version(shop: Shop) -> None:
    endpoint, _ = create(shop)
    interrupt(shop.world, "replace_endpoint", OSError("crash"))
    with pytest.raises(OSError, match="crash"):
        change(shop, endpoint.id, headers={"X-Key": "y"})
    assert read_endpoint(endpoint.id, endpoints=shop.world) == endpoint
    assert len(shop.world.secrets[endpoint.id]) == 2


def rotate(shop: Shop, endpoint: Endpoint) -> tuple[Endpoint, str]:
    return rotate_secret(
        endpoint.id,
        secret=None,
        overlap=timedelta(hours=2),
        endpoints=shop.world,
        secrets=shop.world,
        entropy=shop.entropy,
        now=NOW,
    )


def test_a_new_secret_leaves_the_headers(shop: Shop) -> None:
    endpoint, _ = create(shop, headers={"X-Key": "y"})
    rotated, _ = rotate(shop, endpoint)
    assert (rotated.header_names, kept(shop, rotated)) == (["X-Key"], {"X-Key": "y"})


def test_headers_and_a_new_secret_at_the_same_time_are_both_kept(shop: Shop) -> None:
    endpoint, before = create(shop)
    made: list[str] = []
    interrupt(shop.world, "replace_endpoint", lambda: made.append(rotate(shop, endpoint)[1]))
    changed = change(shop, endpoint.id, headers={"X-Key": "y"})
    secrets = shop.world.get_secrets(changed.id, changed.secret_version)
    assert (secrets.at(NOW), secrets.headers) == ([*made, before], {"X-Key": "y"})


@pytest.mark.parametrize("headers", [{"Host": "x"}, {"X-Key": "a\r\nb"}, {"webhook-id": "x"}])
def test_headers_that_must_not_be_sent_are_neither_created_nor_changed_to(
    shop: Shop, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest):
        create(shop, headers=headers)
    assert (shop.world.endpoints, shop.world.secrets) == ({}, {})
    endpoint, _ = create(shop)
    with pytest.raises(InvalidRequest):
        change(shop, endpoint.id, headers=headers)
    assert len(shop.world.secrets[endpoint.id]) == 1


def test_headers_follow_an_endpoint_to_another_host_only_if_they_are_sent_again(shop: Shop) -> None:
    endpoint, _ = create(shop, headers={"X-Key": "y"})
    assert change(shop, endpoint.id, url="https://hooks.example.com/other").url.endswith("/other")
    for url in ("https://evil.example.com/", "https://hooks.example.com:8443/till"):
        with pytest.raises(InvalidRequest, match="another host"):
            change(shop, endpoint.id, url=url, resolver=ANYWHERE)
    moved = change(shop, endpoint.id, url="https://evil.example.com/", headers={}, resolver=ANYWHERE)
    assert (moved.url, moved.header_names) == ("https://evil.example.com/", [])


@pytest.mark.parametrize("pattern", ["order.payed", "orders.*", "order", "orde.*", "paid", "order.paid.*"])
def test_a_pattern_that_no_event_matches_is_refused_with_what_there_is(shop: Shop, pattern: str) -> None:
    with pytest.raises(InvalidRequest, match="There are order") as refusal:
        create(shop, events=("order.paid", pattern))
    assert refusal.value.details == {"types": list(EVENT_TYPES)}
    endpoint, _ = create(shop)
    with pytest.raises(InvalidRequest):
        change(shop, endpoint.id, events=[pattern])


def test_a_shape_that_fails_is_neither_created_nor_changed_to(shop: Shop) -> None:
    with pytest.raises(InvalidExpression):
        create(shop, filter="data..order")
    assert (shop.world.endpoints, shop.world.secrets) == ({}, {})
    endpoint, _ = create(shop, payload="{n: length(data.order.lines)}")
    for changes in ({"events": ["*"]}, {"payload": "data.missing"}, {"filter": "length(`1`)"}):
        with pytest.raises(InvalidExpression):
            change(shop, endpoint.id, **changes)
    assert read_endpoint(endpoint.id, endpoints=shop.world) == endpoint


def test_what_a_later_version_would_not_take_does_not_stand_in_the_way_of_other_changes(shop: Shop) -> None:
    endpoint, _ = create(shop)
    shop.world.replace_endpoint(replace(endpoint, version=2, events=["order.gone"], filter="length(`1`)"))
    assert change(shop, endpoint.id, description="new").description == "new"


def test_a_draft_is_the_endpoint_with_changes_and_nothing_is_kept(shop: Shop) -> None:
    endpoint, _ = create(shop, headers={"X-Key": "y"})
    fields = {"url": "https://nowhere.example.com/", "method": "PUT"}
    kept_before = dict(shop.world.endpoints), dict(shop.world.secrets)
    draft = draft_endpoint(endpoint.id, fields, None, endpoints=shop.world, policy=THE_PUBLIC, now=LATER)
    assert draft == replace(endpoint, **fields)
    new = draft_endpoint(None, fields, {"X-A": "b"}, endpoints=shop.world, policy=THE_PUBLIC, now=LATER)
    assert (new.method, new.events, new.header_names) == ("PUT", ["*"], ["X-A"])
    assert (shop.world.endpoints, shop.world.secrets) == kept_before


def test_a_draft_that_could_not_be_saved_is_refused(shop: Shop) -> None:
    for fields, headers in (
        ({}, None), ({"url": "http://a.example"}, None), ({"url": "https://a.example"}, {"host": "x"}),
        ({"url": "https://a.example", "events": ["x"]}, None),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest):
            draft_endpoint(None, fields, headers, endpoints=shop.world, policy=THE_PUBLIC, now=LATER)
    with pytest.raises(EndpointNotFound):
        draft_endpoint(an_id("ep", "x"), {}, None, endpoints=shop.world, policy=THE_PUBLIC, now=LATER)
