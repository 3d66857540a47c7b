"""Endpoints that fail: when their deliveries are held, how they are probed, and when they are disabled."""

from __future__ import annotations

import logging
from datetime import timedelta

from chalicelib.domain.endpoints import Endpoint, circuit_closed, circuit_opened, disabled
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.health import DISABLED_AFTER, Health, is_prompt, probe_delay, succeeded
from chalicelib.domain.jobs import Job, job_id
from chalicelib.domain.obituaries import farewell
from chalicelib.domain.retries import Decision

from .contention import until_settled
from .outbound import Outbound

log = logging.getLogger(__name__)

LONGEST_PAUSE = timedelta(minutes=15)
"""Between probes, even if a receiver asks for more: a probe is one request."""

FAILED_FOR_DAYS = f"It has failed for {DISABLED_AFTER.days} days."
GONE = "It answered 410 Gone."


def note_outcome(
    endpoint: Endpoint, reply: Reply, decision: Decision, *, at_first: bool, out: Outbound
) -> None:
    """Remember how the endpoint does; success on success costs nothing.

    `at_first` says that it was its delivery's first attempt.
    """
    known = out.endpoints.get_health(endpoint.id)
    prompt = is_prompt(reply, was_prompt=known.prompt)
    if decision.status == "delivered":
        if known != succeeded(prompt=prompt):
            remember(endpoint.id, succeeded(prompt=prompt), out=out)
        if endpoint.circuit_open:  # its owner's resend or test was faster than the probe
            close_circuit(endpoint.id, epoch=endpoint.epoch, out=out)
        return
    now = out.clock()
    health = out.health.add_failure(endpoint.id, at_first=at_first, prompt=prompt, now=now)
    out.endpoints.learn(endpoint.id, health)
    if decision.endpoint_gone:
        disable_endpoint(endpoint, GONE, out=out)
    elif health.calls_for_disabling(now):
        disable_endpoint(endpoint, FAILED_FOR_DAYS, out=out)
    elif health.calls_for_holding:
        open_circuit(endpoint.id, patience=probe_pause(1, decision), out=out)


def remember(endpoint_id: str, health: Health, *, out: Outbound) -> None:
    out.health.put_health(endpoint_id, health)
    out.endpoints.learn(endpoint_id, health)


def probe_pause(number: int, decision: Decision) -> timedelta:
    """How long to wait for probe `number`: as long as the receiver asks, if that is longer."""
    usual = probe_delay(number)
    return min(max(usual, decision.asked or usual), LONGEST_PAUSE)


def open_circuit(endpoint_id: str, *, patience: timedelta, out: Outbound) -> None:
    """Hold the endpoint's deliveries, and probe it after `patience`. One that holds them already goes on."""

    def change() -> None:
        endpoint = out.endpoint_store.get_endpoint(endpoint_id)
        if endpoint is None or endpoint.holds:
            return
        now = out.clock()
        opened = circuit_opened(endpoint, now=now)
        probe = Job(
            id=job_id("probe", endpoint_id, opened.epoch),
            kind="probe",
            endpoint_id=endpoint_id,
            epoch=opened.epoch,
            created_at=now,
            updated_at=now,
            starts_at=now + patience,
        )
        out.endpoint_store.replace_endpoint(opened, job=probe)
        log.warning("circuit opened: deliveries are held", extra={"endpoint_id": endpoint_id})

    until_settled(change)
    out.endpoints.expire()


def close_circuit(endpoint_id: str, *, epoch: int, out: Outbound) -> None:
    """Deliver there again, beginning with what was held, if the circuit that opened at `epoch` is open."""

    def change() -> None:
        endpoint = out.endpoint_store.get_endpoint(endpoint_id)
        if endpoint is None or not endpoint.circuit_open or endpoint.epoch != epoch:
            return
        closed = circuit_closed(endpoint, now=out.clock())
        out.endpoint_store.replace_endpoint(closed, job=release_of(closed))
        log.info("circuit closed", extra={"endpoint_id": endpoint_id})

    until_settled(change)
    out.endpoints.expire()


def release_of(endpoint: Endpoint) -> Job:
    """The job that delivers what was held until the endpoint was changed to this."""
    return Job(
        id=job_id("release", endpoint.id, endpoint.epoch),
        kind="release",
        endpoint_id=endpoint.id,
        epoch=endpoint.epoch,
        created_at=endpoint.updated_at,
        updated_at=endpoint.updated_at,
    )


def disable_endpoint(asked: Endpoint, reason: str, *, out: Outbound) -> None:
    """Deliver nothing more there, until the owner enables it again, and tell everybody.

    One that is gone, disabled, or meanwhile has another URL stays as it is.
    """

    def change() -> None:
        endpoint = out.endpoint_store.get_endpoint(asked.id)
        if endpoint is None or not endpoint.enabled or endpoint.url != asked.url:
            return
        now = out.clock()
        off = disabled(endpoint, reason, now=now)
        out.endpoint_store.replace_endpoint(off, event=farewell(off, now=now))
        log.warning("endpoint disabled: %s", reason, extra={"endpoint_id": asked.id})

    until_settled(change)
    out.endpoints.expire()
