"""Jobs, done page by page: each page saves its progress, then asks for the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from chalicelib.domain.errands import JobPage
from chalicelib.domain.jobs import Job, JobKind
from chalicelib.ports import ErrandQueue, Moved

from .circuits import LONGEST_PAUSE
from .contention import until_settled
from .erasures import erase
from .outbound import Outbound
from .probing import probe
from .replays import release, replay, resend

log = logging.getLogger(__name__)

Page = Callable[..., tuple[Job, timedelta]]

PAGES: Mapping[JobKind, Page] = {
    "resend": resend,
    "replay": replay,
    "release": release,
    "probe": probe,
    "erase": erase,
}
"""How to do one page: the job after it, and how long to wait before the next."""


def start_job(job: Job, *, queue: ErrandQueue, now: datetime) -> None:
    """Have the first page done. Asked again, it is the same."""
    wait = (job.starts_at - now) if job.starts_at else timedelta()
    queue.send_later(_next_page(job), max(wait, timedelta()))


def do_page(page: JobPage, *, seen_before: bool, out: Outbound) -> None:
    """Do the page if it is the job's next. Whatever it sends twice is known by the job's generation.

    The progress is saved before the next page is asked for: a page that is given out again after a crash in
    between finds itself done, and asks for its successor once more. So does one that comes when the successor
    should long have been there, as when its owner takes it out of the dead queue.
    """
    job = out.jobs.get_job(page.job_id)
    if job is None or job.status == "done":
        return
    if page.page == job.page:
        _do(job, out=out)
    elif page.page == job.page - 1 and (seen_before or out.clock() - job.updated_at > LONGEST_PAUSE):
        out.queue.send_later(_next_page(job), timedelta())


def _do(job: Job, *, out: Outbound) -> None:
    after, pause = PAGES[job.kind](job, out=out)
    if not _is_saved(after, over=job, out=out):
        return  # a second copy of this page was faster
    done = {"job_id": job.id, "endpoint_id": job.endpoint_id, "sent": after.sent, "status": after.status}
    log.info("%s: page %d done", job.kind, job.page, extra=done)
    if after.status == "running":
        out.queue.send_later(_next_page(after), pause)


def _is_saved(after: Job, *, over: Job, out: Outbound) -> bool:
    """Whether the progress that stands is this one.

    What seems to be somebody else's may be our own: where only the answer of a write is lost, it is written
    again, and in vain.
    """

    def save() -> bool:
        there = out.jobs.get_job(over.id)
        if there != over:
            return there == after
        out.jobs.save_job(after, page=over.page)
        return True

    try:
        out.jobs.save_job(after, page=over.page)
    except Moved:
        return until_settled(save)
    return True


def _next_page(job: Job) -> JobPage:
    return JobPage(job_id=job.id, endpoint_id=job.endpoint_id, page=job.page)
