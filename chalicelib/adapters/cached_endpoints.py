"""Endpoints as they were a few seconds ago, for the worker that asks for one with every message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from chalicelib.domain.endpoints import Endpoint
from chalicelib.ports import EndpointStore


class CachedEndpoints:
    """Reads of an EndpointStore, repeated at most every `lifetime`; `monotonic` counts seconds."""

    def __init__(
        self,
        store: EndpointStore,
        *,
        monotonic: Callable[[], float],
        lifetime: timedelta = timedelta(seconds=10),
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lifetime = lifetime.total_seconds()
        self._known: dict[str, Endpoint] = {}
        self._read_at = float("-inf")
        self._lock = Lock()

    def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        """As old as the cache; read anew where the cache knows of none, which may be brand new."""
        with self._lock:  # the deliveries of a batch ask side by side; one of them reads for all
            if self._monotonic() - self._read_at > self._lifetime or endpoint_id not in self._known:
                self._known = {endpoint.id: endpoint for endpoint in self._store.list_endpoints()}
                self._read_at = self._monotonic()
            return self._known.get(endpoint_id)
