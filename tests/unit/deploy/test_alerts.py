from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from deploy.alerts import verify_alert_address

OWNER = "owner@shop.example"


class FakeSes:
    """Knows one address's `status`, None if it was never asked, and has to wait for its owner's click."""

    def __init__(self, status: str | None) -> None:
        self.status = status
        self.links = 0

    def get_identity_verification_attributes(self, *, Identities: list[str]) -> dict[str, Any]:  # noqa: N803  # as boto3 has it
        known = {} if self.status is None else {OWNER: {"VerificationStatus": self.status}}
        return {"VerificationAttributes": {name: known[name] for name in Identities if name in known}}

    def verify_email_identity(self, *, EmailAddress: str) -> None:  # noqa: N803  # as above
        assert EmailAddress == OWNER
        self.status = "Pending"
        self.links += 1


def verify(ses: Any) -> list[str]:  # noqa: ANN401 (boto3 makes its clients at run time)
    said: list[str] = []
    verify_alert_address(OWNER, ses=ses, say=said.append)
    return said


@pytest.fixture
def moto_ses() -> Iterator[Any]:
    with mock_aws():
        yield boto3.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-central-1"
        ).client("ses")


@pytest.mark.parametrize("status", [None, "Pending", "Failed", "NotStarted", "TemporaryFailure"])
def test_an_owner_who_has_not_agreed_is_mailed_a_new_link_and_told_to_click_it(status: str | None) -> None:
    ses = FakeSes(status)
    (said,) = verify(ses)
    assert f"AWS has mailed {OWNER} a link" in said
    assert ses.links == 1


def test_an_owner_who_has_agreed_is_left_in_peace() -> None:
    ses = FakeSes("Success")
    assert verify(ses) == []
    assert ses.links == 0


def test_where_nobody_is_asked_the_address_is_verified_at_once(moto_ses: Any) -> None:  # noqa: ANN401 (as above)
    assert verify(moto_ses) == []
    assert moto_ses.list_identities()["Identities"] == [OWNER]
    assert verify(moto_ses) == []
