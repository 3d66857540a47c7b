from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.adapters.dynamodb.endpoints import DynamoEndpoints
from chalicelib.adapters.dynamodb.table import Key, Table
from chalicelib.domain.endpoints import disabled
from chalicelib.domain.health import FORGOTTEN_AFTER, Health
from chalicelib.ports import Moved
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import an_endpoint, an_event, an_id

HOOK = an_endpoint(events=("order.*", "order.paid"))


def test_an_endpoint_is_read_as_it_was_created(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    assert stores.endpoints.get_endpoint(HOOK.id) == HOOK


def test_an_endpoint_that_nobody_created_is_none(stores: Stores) -> None:
    assert stores.endpoints.get_endpoint(an_id("ep")) is None
    assert stores.endpoints.list_endpoints() == []


def test_creating_an_endpoint_twice_is_creating_it_once(stores: Stores) -> None:
    """As botocore does when the first answer is lost."""
    stores.endpoints.create_endpoint(HOOK)
    stores.endpoints.create_endpoint(HOOK)
    assert stores.endpoints.get_endpoint(HOOK.id) == HOOK


def test_all_endpoints_are_listed(stores: Stores) -> None:
    hooks = [an_endpoint(number) for number in range(12)]
    for hook in hooks:
        stores.endpoints.create_endpoint(hook)
    assert stores.endpoints.list_endpoints() == sorted(hooks, key=lambda hook: hook.id)


def test_an_endpoint_is_replaced_over_the_version_before(stores: Stores) -> None:
    changed = replace(HOOK, version=2, enabled=False, updated_at=NOW + timedelta(seconds=1))
    stores.endpoints.create_endpoint(HOOK)
    stores.endpoints.replace_endpoint(changed)
    assert stores.endpoints.get_endpoint(HOOK.id) == changed


@pytest.mark.parametrize("version", [0, 1, 3])
def test_an_endpoint_is_not_replaced_over_any_other_version(stores: Stores, version: int) -> None:
    stores.endpoints.create_endpoint(HOOK)
    with pytest.raises(Moved):
        stores.endpoints.replace_endpoint(replace(HOOK, version=version, enabled=False))
    assert stores.endpoints.get_endpoint(HOOK.id) == HOOK


def test_a_deleted_endpoint_does_not_come_back(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    assert stores.endpoints.delete_endpoint(HOOK.id)
    assert not stores.endpoints.delete_endpoint(HOOK.id)
    with pytest.raises(Moved):
        stores.endpoints.replace_endpoint(replace(HOOK, version=2))
    assert stores.endpoints.get_endpoint(HOOK.id) is None


def test_an_endpoint_has_a_clean_record_at_first(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    assert stores.health.get_health(HOOK.id) == Health()
    assert stores.health.list_watched() == [(HOOK, Health())]


def test_failures_add_up_since_the_first(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    for number, at_first in enumerate((True, False, True)):
        health = stores.health.add_failure(
            HOOK.id, at_first=at_first, prompt=True, now=NOW + timedelta(hours=number)
        )
    last = NOW + timedelta(hours=2)
    assert health == Health(failures=2, failing_since=NOW, failed_at=last, prompt=True)
    assert stores.health.list_watched() == [(HOOK, health)]
    assert stores.endpoints.list_endpoints() == [HOOK]


def test_a_failure_long_after_the_last_one_begins_anew(stores: Stores) -> None:
    stores.health.add_failure(HOOK.id, at_first=True, prompt=False, now=NOW)
    later = NOW + FORGOTTEN_AFTER + timedelta(seconds=1)
    health = stores.health.add_failure(HOOK.id, at_first=True, prompt=False, now=later)
    assert health == Health(failures=1, failing_since=later, failed_at=later)


def test_of_failures_that_come_at_once_each_counts(table: Table) -> None:
    """Both have found none before; the other one was faster to say so."""
    endpoints = DynamoEndpoints(table)
    update = table.update
    meanwhile = [lambda: endpoints.add_failure(HOOK.id, at_first=True, prompt=True, now=NOW)]

    def overtaken(key: Key, text: str, **more: Any) -> Any:  # noqa: ANN401 (as the table's own)
        if text.startswith("SET failing_since") and meanwhile:
            meanwhile.pop()()
        return update(key, text, **more)

    table.update = overtaken  # type: ignore[assignment,method-assign]
    health = endpoints.add_failure(HOOK.id, at_first=True, prompt=True, now=NOW)
    assert health.failures == 2


def test_a_record_is_put_and_forgotten(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    stores.health.add_failure(HOOK.id, at_first=True, prompt=False, now=NOW)
    stores.health.put_health(HOOK.id, Health(prompt=True))
    assert stores.health.get_health(HOOK.id) == Health(prompt=True)
    stores.endpoints.replace_endpoint(replace(HOOK, version=2), fresh_start=True)
    assert stores.health.get_health(HOOK.id) == Health()
    stores.endpoints.replace_endpoint(replace(HOOK, version=3), fresh_start=True)


def test_a_change_that_was_overtaken_forgets_no_record(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    stores.health.put_health(HOOK.id, Health(prompt=True))
    with pytest.raises(Moved):
        stores.endpoints.replace_endpoint(replace(HOOK, version=3), fresh_start=True)
    assert stores.health.get_health(HOOK.id) == Health(prompt=True)


def test_a_deleted_endpoint_leaves_no_record(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    stores.health.add_failure(HOOK.id, at_first=True, prompt=False, now=NOW)
    stores.endpoints.delete_endpoint(HOOK.id)
    assert stores.health.get_health(HOOK.id) == Health()
    assert stores.health.list_watched() == []


def test_an_endpoint_that_is_disabled_says_so_by_an_event_or_not_at_all(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    event = an_event(event_type="endpoint.disabled")
    off = disabled(HOOK, "It failed.", now=NOW)
    stores.endpoints.replace_endpoint(off, event=event)
    assert stores.events.get_event(event.id) == event
    with pytest.raises(Moved):
        stores.endpoints.replace_endpoint(off, event=an_event("other"))
    assert stores.events.get_event(an_event("other").id) is None
