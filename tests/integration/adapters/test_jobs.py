from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.adapters.dynamodb.jobs import DynamoJobs, job_row
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain.jobs import advanced, finished
from chalicelib.ports import Moved, Unreadable
from tests.fakes import NOW
from tests.integration.adapters.conftest import Stores
from tests.making import a_job, an_endpoint, an_id

HOOK = an_endpoint()
JOB = replace(
    a_job("replay", HOOK),
    since=NOW - timedelta(days=3),
    until=NOW,
    mode="all",
    dry_run=True,
    position="2026-11-24",
    starts_at=NOW,
    note="none",
)


def test_a_job_is_read_as_it_was_created(stores: Stores) -> None:
    assert stores.jobs.create_job(JOB) == JOB
    assert stores.jobs.get_job(JOB.id) == JOB


def test_a_job_that_nobody_asked_for_is_none(stores: Stores) -> None:
    assert stores.jobs.get_job(an_id("job")) is None


def test_a_job_that_is_there_stays_as_it_is(stores: Stores) -> None:
    stores.jobs.create_job(JOB)
    assert stores.jobs.create_job(replace(JOB, mode="missing")) == JOB
    assert stores.jobs.get_job(JOB.id) == JOB


def test_a_page_is_saved_over_the_page_before(stores: Stores) -> None:
    stores.jobs.create_job(JOB)
    second = advanced(JOB, now=NOW, examined=50, sent=20, position="2026-11-25")
    stores.jobs.save_job(second, page=1)
    assert stores.jobs.get_job(JOB.id) == second
    with pytest.raises(Moved):
        stores.jobs.save_job(second, page=1)
    stores.jobs.save_job(finished(second, now=NOW), page=2)


def test_a_change_of_an_endpoint_brings_its_job_or_nothing_at_all(stores: Stores) -> None:
    stores.endpoints.create_endpoint(HOOK)
    changed = replace(HOOK, version=2, epoch=1)
    stores.endpoints.replace_endpoint(changed, job=JOB)
    assert stores.jobs.get_job(JOB.id) == JOB
    other = a_job("release", HOOK, "other")
    with pytest.raises(Moved):
        stores.endpoints.replace_endpoint(changed, job=other)
    assert stores.jobs.get_job(other.id) is None


class TestJobsFromTheStream:
    """DynamoDB alone has one."""

    @pytest.fixture
    def jobs(self, table: Table) -> DynamoJobs:
        return DynamoJobs(table)

    def test_an_image_is_the_job_that_was_written(self, jobs: DynamoJobs) -> None:
        assert jobs.job_of(job_row(JOB)) == JOB

    def test_the_relay_knows_it_by_its_kind_and_it_is_forgotten_in_the_end(self) -> None:
        row = job_row(JOB)
        assert row["kind"] == {"S": "job"}
        assert row["expires_at"] == {"N": str(int((NOW + timedelta(days=90)).timestamp()))}

    @pytest.mark.parametrize("broken", [{"job_kind": {"S": "dance"}}, {"page": {"S": "x"}}], ids=str)
    def test_a_broken_image_is_unreadable_and_named(
        self, jobs: DynamoJobs, broken: dict[str, dict[str, str]]
    ) -> None:
        with pytest.raises(Unreadable) as refusal:
            jobs.job_of(job_row(JOB) | broken)
        assert refusal.value.row_id == JOB.id
