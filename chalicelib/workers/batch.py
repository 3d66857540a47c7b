"""Batches in which one bad message harms no neighbour."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class Failures:
    """Collects what Lambda shall hand out again (`ReportBatchItemFailures`)."""

    def __init__(self) -> None:
        self._identifiers: list[str] = []

    def add(self, identifier: str, error: BaseException) -> None:
        log.error(
            "message failed and comes again",
            extra={"message_id": identifier, "error": type(error).__name__},
            exc_info=error,
        )
        self._identifiers.append(identifier)

    def answer(self) -> dict[str, list[dict[str, str]]]:
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in self._identifiers]}
