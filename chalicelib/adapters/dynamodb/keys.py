"""ADMIN_KEYS / id: hashes of the owner's keys."""

from __future__ import annotations

from chalicelib.domain.keys import AdminKey

from .items import from_row, to_row
from .table import Table

_PARTITION = "ADMIN_KEYS"


class DynamoKeys:
    """Keeps chalicelib.ports.KeyStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_key(self, key_id: str) -> AdminKey | None:
        row = self._table.get((_PARTITION, key_id))
        return from_row(row, AdminKey) if row else None

    def put_key(self, key: AdminKey) -> None:
        self._table.put(to_row(key, pk=_PARTITION, sk=key.id, kind="admin_key"))

    def list_keys(self) -> list[AdminKey]:
        return [from_row(row, AdminKey) for row in self._table.query(_PARTITION)]
