"""Endpoints at work: pausing, resuming, testing, replaying, and the jobs that this begins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from chalicelib import wiring
from chalicelib.api.answers import EndpointAnswer, JobAnswer, ResumedAnswer
from chalicelib.api.routing import IDEMPOTENT, Call
from chalicelib.domain import errors
from chalicelib.domain.jobs import ReplayMode
from chalicelib.services import commands

from .guard import admin_routes

routes = admin_routes(__name__)

_Moment = Annotated[datetime, Meta(tz=True, description="With its offset, such as 2026-11-24T12:00:00Z")]


class Test(Struct, forbid_unknown_fields=True, kw_only=True):
    """`type` is one of GET /events/types."""

    type: Annotated[str, Meta(max_length=100)] = "test.ping"


class Replay(Struct, forbid_unknown_fields=True, kw_only=True):
    """Events from `since` until before `until` (now, if left out): those that have not arrived, or all.

    `dry_run` counts them and sends nothing.
    """

    since: _Moment
    until: _Moment | None = None
    mode: ReplayMode = "missing"
    dry_run: bool = False


@routes.route(
    "POST",
    "/admin/endpoints/{endpoint_id}/pause",
    answer=EndpointAnswer,
    refusals=[errors.EndpointNotFound, errors.EndpointIsDisabled],
)
def pause(_call: Call, endpoint_id: str) -> EndpointAnswer:
    """Hold an endpoint's deliveries, within ten seconds, until it is resumed. Nothing is lost."""
    return EndpointAnswer.of(commands.pause(endpoint_id, endpoints=wiring.endpoints(), now=wiring.now()))


@routes.route(
    "POST",
    "/admin/endpoints/{endpoint_id}/resume",
    answer=ResumedAnswer,
    refusals=[errors.EndpointNotFound],
)
def resume(_call: Call, endpoint_id: str) -> ResumedAnswer:
    """Deliver again, whyever it stopped, beginning with what was held; the job shows how far that is."""
    endpoint, job = commands.resume(endpoint_id, endpoints=wiring.endpoints(), now=wiring.now())
    return ResumedAnswer(endpoint=EndpointAnswer.of(endpoint), job=JobAnswer.of(job))


@routes.route(
    "POST",
    "/admin/endpoints/{endpoint_id}/test",
    body=Test,
    answer=commands.Test,
    status=202,
    parameters=[IDEMPOTENT],
    refusals=[errors.EndpointNotFound],
)
def send_test(call: Call, body: Test, endpoint_id: str) -> commands.Test:
    """Send an endpoint an example of an event, once, marked by `test: true`, even while it is paused."""
    return commands.send_test(
        endpoint_id,
        body.type,
        key=call.idempotency_key(),
        endpoints=wiring.endpoints(),
        events=wiring.events(),
        now=wiring.now(),
    )


@routes.route(
    "POST",
    "/admin/endpoints/{endpoint_id}/replay",
    body=Replay,
    answer=JobAnswer,
    status=202,
    parameters=[IDEMPOTENT],
    refusals=[errors.EndpointNotFound, errors.EndpointIsDisabled, errors.KeyReused],
)
def replay(call: Call, body: Replay, endpoint_id: str) -> JobAnswer:
    """Send an endpoint what happened in a range of time; the job shows how far that is."""
    job = commands.replay(
        endpoint_id,
        since=body.since,
        until=body.until,
        mode=body.mode,
        dry_run=body.dry_run,
        key=call.idempotency_key(),
        endpoints=wiring.endpoints(),
        jobs=wiring.jobs(),
        now=wiring.now(),
    )
    return JobAnswer.of(job)


@routes.route("GET", "/admin/jobs/{job_id}", answer=JobAnswer, refusals=[errors.JobNotFound])
def get_job(_call: Call, job_id: str) -> JobAnswer:
    """How far a resend, a replay or a release of held deliveries is."""
    return JobAnswer.of(commands.read_job(job_id, jobs=wiring.jobs()))
