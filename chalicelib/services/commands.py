"""What an owner asks for about deliveries: each is a row, which the table's stream carries to the workers."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from chalicelib.domain.deliveries import delivery_id, parse_delivery_id
from chalicelib.domain.endpoints import Endpoint, paused, resumed
from chalicelib.domain.errors import EndpointIsDisabled, EventNotFound, InvalidRequest
from chalicelib.domain.event_types import EVENT_TYPES, example_of
from chalicelib.domain.events import announce
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.jobs import Job, ReplayMode, job_id, require_job, require_same
from chalicelib.ports import EndpointStore, EventStore, JobStore

from .circuits import release_of
from .contention import until_settled
from .endpoints import read_endpoint


class Test(Struct, frozen=True, kw_only=True):
    """Where to look for what became of a test."""

    event_id: str
    delivery_id: str


def pause(endpoint_id: str, *, endpoints: EndpointStore, now: datetime) -> Endpoint:
    """Hold its deliveries from now on, until it is resumed. Asked again, it is the same."""

    def change() -> Endpoint:
        endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
        if not endpoint.enabled:
            raise EndpointIsDisabled
        if endpoint.paused:
            return endpoint
        held = paused(endpoint, now=now)
        endpoints.replace_endpoint(held)
        return held

    return until_settled(change)


def resume(endpoint_id: str, *, endpoints: EndpointStore, now: datetime) -> tuple[Endpoint, Job]:
    """Deliver there again, whyever it stopped, beginning with what was held: that is the job."""

    def change() -> tuple[Endpoint, Job]:
        endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
        flowing = resumed(endpoint, now=now)
        job = release_of(flowing)
        endpoints.replace_endpoint(flowing, job=job, fresh_start=True)
        return flowing, job

    return until_settled(change)


def resend(
    delivery: str,
    *,
    key: str,
    endpoints: EndpointStore,
    events: EventStore,
    jobs: JobStore,
    now: datetime,
) -> Job:
    """Send one delivery again, even one that arrived, even to an endpoint that is paused. One key, once."""
    event_id, endpoint_id = parse_delivery_id(delivery)
    endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
    if events.get_event(event_id) is None:
        raise EventNotFound
    job = Job(
        id=job_id("resend", endpoint.id, key),
        kind="resend",
        endpoint_id=endpoint.id,
        event_id=event_id,
        created_at=now,
        updated_at=now,
    )
    return require_same(job, jobs.create_job(job))


def replay(
    endpoint_id: str,
    *,
    since: datetime,
    until: datetime | None,
    mode: ReplayMode,
    dry_run: bool,
    key: str,
    endpoints: EndpointStore,
    jobs: JobStore,
    now: datetime,
) -> Job:
    """Send an endpoint what happened in a range, until now if it is open. One key, once."""
    endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
    if not endpoint.enabled:
        raise EndpointIsDisabled
    since, until = _in_utc(since), _in_utc(until) if until else None
    if since >= min(until or now, now):
        raise InvalidRequest("since must be before until, and in the past.")
    job = Job(
        id=job_id("replay", endpoint.id, key),
        kind="replay",
        endpoint_id=endpoint.id,
        since=since,
        until=until,
        mode=mode,
        dry_run=dry_run,
        created_at=now,
        updated_at=now,
    )
    return require_same(job, jobs.create_job(job))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest("since and until must be times that there are in UTC.") from None


def send_test(
    endpoint_id: str,
    event_type: str,
    *,
    key: str,
    endpoints: EndpointStore,
    events: EventStore,
    now: datetime,
) -> Test:
    """Send one endpoint the example of an event type, once, whatever it subscribes to. One key, once."""
    endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
    if event_type not in EVENT_TYPES:
        raise InvalidRequest(f"There is no event type {event_type!r}. See GET /events/types.")
    event = announce(
        event_type,
        order_id="",
        about=f"{endpoint.id}#{key}",
        data=example_of(event_type)["data"],
        now=now,
        only_to=endpoint.id,
    )
    events.put_event(event)
    return Test(event_id=event.id, delivery_id=delivery_id(event.id, endpoint.id))


def read_job(job: str, *, jobs: JobStore) -> Job:
    return require_job(jobs.get_job(job) if is_id("job", job) else None)
