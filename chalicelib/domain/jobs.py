"""Jobs: what is too long for one request, done page by page, with its progress in its row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from .errors import JobNotFound, KeyReused
from .identifiers import derived_id

JobKind = Literal["resend", "replay", "release", "probe", "erase"]
JobStatus = Literal["running", "done"]
ReplayMode = Literal["missing", "all"]

LIFETIME = timedelta(days=90)
"""How long a job can be looked at; a probe may run for days."""


class Job(Struct, frozen=True, kw_only=True):
    """`page` is the next one to be done, from 1; `examined` and `sent` count what was looked at and sent.

    resend: one `event_id` again. replay: the events between `since` and `until`, as far as `position`; those
    that are missing or all. release: what was held before `epoch`. probe: while the circuit that opened at
    `epoch` stays open. erase: a `person`, as far as `position`; `sent` counts her orders that were erased. A
    `dry_run` sends nothing. `note` says why a job ended early. A job begins at `starts_at`, or at once.
    """

    id: str
    kind: JobKind
    endpoint_id: str
    created_at: datetime
    updated_at: datetime
    status: JobStatus = "running"
    starts_at: datetime | None = None
    page: int = 1
    examined: int = 0
    sent: int = 0
    event_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    mode: ReplayMode = "missing"
    dry_run: bool = False
    position: str = ""
    epoch: int = 0
    person: str = ""
    note: str = ""

    @property
    def generation(self) -> int:
        """That of the deliveries it sends: the same in whichever try of whichever page, and ever rising."""
        return int(self.created_at.timestamp() * 1000)

    @property
    def expires_at(self) -> datetime:
        return self.created_at + LIFETIME


def requested(job: Job) -> tuple[object, ...]:
    """What was asked for, to tell the same request from another one under the same key."""
    return (job.kind, job.endpoint_id, job.event_id, job.since, job.until, job.mode, job.dry_run)


def require_same(job: Job, there: Job) -> Job:
    """The job that is there, if it is what is asked for; KeyReused if it is another one."""
    if requested(job) != requested(there):
        raise KeyReused("The Idempotency-Key has been used for another request. Use a new one.")
    return there


def job_id(kind: JobKind, about: str, key: object) -> str:
    """One request, one job: the same key for the same kind of job about the same thing gives its id.

    That is an endpoint, or the person of an erasure.
    """
    return derived_id("job", kind, about, key)


def advanced(
    job: Job, *, now: datetime, examined: int = 0, sent: int = 0, position: str | None = None
) -> Job:
    """After one more page, with more to come."""
    return replace(
        job,
        page=job.page + 1,
        examined=job.examined + examined,
        sent=job.sent + sent,
        position=job.position if position is None else position,
        updated_at=now,
    )


def finished(job: Job, *, now: datetime, note: str = "") -> Job:
    return replace(job, status="done", note=note, updated_at=now)


def require_job(job: Job | None) -> Job:
    if job is None:
        raise JobNotFound
    return job
