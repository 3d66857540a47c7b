"""ENDPOINTS / id: the owner's endpoints, few enough to be read together."""

from __future__ import annotations

from chalicelib.domain.endpoints import Endpoint

from .items import Row, from_row, to_row
from .table import Table

_PARTITION = "ENDPOINTS"


class DynamoEndpoints:
    """Keeps chalicelib.ports.EndpointStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_endpoints(self) -> list[Endpoint]:
        return [from_row(row, Endpoint) for row in self._table.query(_PARTITION)]

    def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        row = self._table.get((_PARTITION, endpoint_id))
        return from_row(row, Endpoint) if row else None

    def create_endpoint(self, endpoint: Endpoint) -> None:
        self._table.put(_row(endpoint))  # its id is new; asked twice, it is the same

    def replace_endpoint(self, endpoint: Endpoint) -> None:
        self._table.put(_row(endpoint), condition="version = :read", values={"read": endpoint.version - 1})

    def delete_endpoint(self, endpoint_id: str) -> bool:
        return self._table.delete((_PARTITION, endpoint_id))


def _row(endpoint: Endpoint) -> Row:
    return to_row(endpoint, pk=_PARTITION, sk=endpoint.id, kind="endpoint")
