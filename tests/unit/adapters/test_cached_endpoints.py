from __future__ import annotations

from msgspec.structs import replace

from chalicelib.adapters.cached_endpoints import CachedEndpoints
from tests.fakes import World, interrupt
from tests.making import an_endpoint, an_id

HOOK = an_endpoint()


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cached(world: World) -> tuple[CachedEndpoints, Seconds]:
    seconds = Seconds()
    return CachedEndpoints(world, monotonic=seconds), seconds


def test_an_endpoint_is_read_once_for_ten_seconds() -> None:
    world = World()
    world.create_endpoint(HOOK)
    endpoints, seconds = cached(world)
    assert endpoints.get_endpoint(HOOK.id) == HOOK
    world.replace_endpoint(replace(HOOK, version=2, enabled=False))
    seconds.now += 9.9
    assert endpoints.get_endpoint(HOOK.id) == HOOK
    seconds.now += 0.2
    assert endpoints.get_endpoint(HOOK.id) == replace(HOOK, version=2, enabled=False)


def test_a_deleted_endpoint_is_gone_after_ten_seconds() -> None:
    world = World()
    world.create_endpoint(HOOK)
    endpoints, seconds = cached(world)
    endpoints.get_endpoint(HOOK.id)
    world.delete_endpoint(HOOK.id)
    seconds.now += 10.1
    assert endpoints.get_endpoint(HOOK.id) is None


def test_a_brand_new_endpoint_is_found_at_once() -> None:
    world = World()
    endpoints, _ = cached(world)
    assert endpoints.get_endpoint(HOOK.id) is None
    world.create_endpoint(HOOK)
    assert endpoints.get_endpoint(HOOK.id) == HOOK


def test_all_endpoints_are_read_together() -> None:
    world = World()
    for seed in range(3):
        world.create_endpoint(an_endpoint(seed))
    interrupt(world, "list_endpoints", None, AssertionError("read again"))
    endpoints, _ = cached(world)
    assert all(endpoints.get_endpoint(an_id("ep", seed)) for seed in range(3))
