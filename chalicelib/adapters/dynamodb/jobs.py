"""JOB#id / JOB: what was asked for, and how far it is.

The stream carries new ones to the relay, which knows them by their `kind`.
"""

from __future__ import annotations

import msgspec

from chalicelib.domain.jobs import Job
from chalicelib.ports import Moved, Unreadable

from .items import Row, from_row, to_row
from .table import Key, Table


class DynamoJobs:
    """Keeps chalicelib.ports.JobStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_job(self, job_id: str) -> Job | None:
        row = self._table.get(_key(job_id))
        return _job(row) if row else None

    def create_job(self, job: Job) -> Job:
        try:
            self._table.put(job_row(job), condition="attribute_not_exists(pk)")
        except Moved:
            return self.get_job(job.id) or job
        return job

    def save_job(self, job: Job, *, page: int) -> None:
        self._table.put(job_row(job), condition="page = :read", values={"read": page})

    def job_of(self, image: Row) -> Job:
        """The job of a stream record's new image; Unreadable if it is none."""
        try:
            return _job(image)
        except (msgspec.ValidationError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise Unreadable(str(image.get("pk", {}).get("S", "")).removeprefix("JOB#")) from error


def job_row(job: Job) -> Row:
    pk, sk = _key(job.id)
    # `kind` tells the relay what a row is; what kind of job it is stands beside it.
    return to_row(
        job,
        pk=pk,
        sk=sk,
        kind="job",
        job_kind=job.kind,
        expires_at=int(job.expires_at.timestamp()),
    )


def _job(row: Row) -> Job:
    return from_row(row | {"kind": row["job_kind"]}, Job)


def _key(job_id: str) -> Key:
    return f"JOB#{job_id}", "JOB"
