"""Endpoints as they were a few seconds ago, for the worker that asks for one with every message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.health import Health
from chalicelib.ports import HealthStore


class CachedEndpoints:
    """Keeps chalicelib.ports.EndpointReader, reading at most every `lifetime`; `monotonic` counts seconds."""

    def __init__(
        self,
        store: HealthStore,
        *,
        monotonic: Callable[[], float],
        lifetime: timedelta = timedelta(seconds=10),
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lifetime = lifetime.total_seconds()
        self._endpoints: dict[str, Endpoint] = {}
        self._health: dict[str, Health] = {}
        self._read_at = float("-inf")
        self._lock = Lock()

    def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        """As old as the cache; read anew where the cache knows of none, which may be brand new."""
        with self._lock:  # the deliveries of a batch ask side by side; one of them reads for all
            if self._monotonic() - self._read_at > self._lifetime or endpoint_id not in self._endpoints:
                self._read()
            return self._endpoints.get(endpoint_id)

    def get_health(self, endpoint_id: str) -> Health:
        """As old as what `get_endpoint` gave."""
        with self._lock:
            return self._health.get(endpoint_id, Health())

    def learn(self, endpoint_id: str, health: Health) -> None:
        with self._lock:
            self._health[endpoint_id] = health

    def expire(self) -> None:
        with self._lock:
            self._read_at = float("-inf")

    def _read(self) -> None:
        watched = self._store.list_watched()
        self._endpoints = {endpoint.id: endpoint for endpoint, _ in watched}
        self._health = {endpoint.id: health for endpoint, health in watched}
        self._read_at = self._monotonic()
