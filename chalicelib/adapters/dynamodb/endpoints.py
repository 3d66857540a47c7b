"""ENDPOINTS / id, and id#HEALTH beside it: the owner's endpoints, few enough to be read together."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Busy
from chalicelib.domain.events import Event
from chalicelib.domain.health import FORGOTTEN_AFTER, Health
from chalicelib.domain.jobs import Job
from chalicelib.ports import Moved

from .events import event_row
from .items import Row, from_row, sortable, to_row
from .jobs import job_row
from .table import Key, Table, TransactionRefused

_PARTITION = "ENDPOINTS"
_HEALTH = "#HEALTH"
_UNCHANGED = "version = :read"

_ONE_MORE = "SET failed_at = :now, prompt = :prompt ADD failures :more", "failed_at >= :recent"
_BEGIN = (
    "SET failing_since = :now, failed_at = :now, prompt = :prompt, failures = :more",
    "attribute_not_exists(failed_at) OR failed_at < :recent",
)
"""Another failure; or the first one, also after a long time: of those that fail at once, one begins."""

_TRIES = 10


class DynamoEndpoints:
    """Keeps chalicelib.ports.EndpointStore and HealthStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_endpoints(self) -> list[Endpoint]:
        return [endpoint for endpoint, _ in self.list_watched()]

    def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        row = self._table.get(endpoint_key(endpoint_id))
        return from_row(row, Endpoint) if row else None

    def create_endpoint(self, endpoint: Endpoint) -> None:
        self._table.put(_row(endpoint))  # its id is new; asked twice, it is the same

    def replace_endpoint(
        self,
        endpoint: Endpoint,
        *,
        job: Job | None = None,
        event: Event | None = None,
        fresh_start: bool = False,
    ) -> None:
        before: dict[str, object] = {"read": endpoint.version - 1}
        follows = [job_row(job)] if job else []
        follows += [event_row(event)] if event else []
        if not follows and not fresh_start:
            self._table.put(_row(endpoint), condition=_UNCHANGED, values=before)
            return
        actions = [self._table.put_action(_row(endpoint), condition=_UNCHANGED, values=before)]
        actions += [self._table.put_action(row, condition="attribute_not_exists(pk)") for row in follows]
        if fresh_start:
            actions.append(self._table.delete_action(_health_key(endpoint.id)))
        try:
            self._table.transact(actions)
        except TransactionRefused:
            raise Moved from None

    def delete_endpoint(self, endpoint_id: str) -> bool:
        self._table.delete(_health_key(endpoint_id))
        return self._table.delete(endpoint_key(endpoint_id))

    def get_health(self, endpoint_id: str) -> Health:
        row = self._table.get(_health_key(endpoint_id))
        return from_row(row, Health) if row else Health()

    def put_health(self, endpoint_id: str, health: Health) -> None:
        pk, sk = _health_key(endpoint_id)
        self._table.put(to_row(health, pk=pk, sk=sk))

    def add_failure(self, endpoint_id: str, *, at_first: bool, prompt: bool, now: datetime) -> Health:
        said = {"now": sortable(now), "prompt": prompt, "more": int(at_first)}
        values = said | {"recent": sortable(now - FORGOTTEN_AFTER)}
        for _ in range(_TRIES):
            for update, condition in (_ONE_MORE, _BEGIN):
                try:
                    row = self._table.update(
                        _health_key(endpoint_id), update, condition=condition, values=values
                    )
                except Moved:
                    continue
                return from_row(row, Health)
        raise Busy

    def list_watched(self) -> list[tuple[Endpoint, Health]]:
        rows = {row["sk"]["S"]: row for row in self._table.query(_PARTITION)}
        return [
            (from_row(row, Endpoint), from_row(rows.get(f"{sk}{_HEALTH}", {}), Health))
            for sk, row in rows.items()
            if not sk.endswith(_HEALTH)
        ]


def endpoint_key(endpoint_id: str) -> Key:
    return _PARTITION, endpoint_id


def _health_key(endpoint_id: str) -> Key:
    return _PARTITION, f"{endpoint_id}{_HEALTH}"


def _row(endpoint: Endpoint) -> Row:
    return to_row(endpoint, pk=_PARTITION, sk=endpoint.id, kind="endpoint")
