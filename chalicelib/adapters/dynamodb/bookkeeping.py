"""HOUSEKEEPING / SWEEP, RECONCILIATION, ACKNOWLEDGEMENTS: how far the clock's work is."""

from __future__ import annotations

from msgspec import Struct

from chalicelib.domain.bookkeeping import Acknowledgements, Reconciliation, SweepReport

from .items import Record, from_row, to_row
from .table import Table

_PARTITION = "HOUSEKEEPING"


class DynamoBookkeeping:
    """Keeps chalicelib.ports.Bookkeeping."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_sweep(self) -> SweepReport | None:
        return self._get("SWEEP", SweepReport)

    def put_sweep(self, report: SweepReport) -> None:
        self._table.put(to_row(report, pk=_PARTITION, sk="SWEEP"))

    def get_reconciliation(self) -> Reconciliation | None:
        return self._get("RECONCILIATION", Reconciliation)

    def save_reconciliation(self, state: Reconciliation) -> None:
        self._save("RECONCILIATION", state, version=state.version)

    def get_acknowledgements(self) -> Acknowledgements | None:
        return self._get("ACKNOWLEDGEMENTS", Acknowledgements)

    def save_acknowledgements(self, state: Acknowledgements) -> None:
        self._save("ACKNOWLEDGEMENTS", state, version=state.version)

    def _get(self, name: str, kind: type[Record]) -> Record | None:
        row = self._table.get((_PARTITION, name))
        return from_row(row, kind) if row else None

    def _save(self, name: str, state: Struct, *, version: int) -> None:
        row = to_row(state, pk=_PARTITION, sk=name)
        if version == 1:
            self._table.put(row, condition="attribute_not_exists(pk)")
        else:
            self._table.put(row, condition="version = :read", values={"read": version - 1})
