from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.domain.errors import Unauthorized
from chalicelib.services.admin_keys import authenticate
from deploy import admin_key
from deploy.stack import Client, DeploymentFailed

TABLE = "the-table"


def _deployed_outputs(*, stage: str, client: Client) -> dict[str, str]:
    """Stands for deploy.stack's: only prod is deployed."""
    if stage != "prod":
        raise DeploymentFailed(f"no stage {stage!r} is deployed here")
    return {"TableName": TABLE}


class Command:
    """`python -m deploy.admin_key`, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str, stage: str = "prod", status: int = 0) -> str:
        """What it prints: to standard output if it succeeds, else to standard error."""
        self._monkeypatch.setattr("sys.argv", ["admin_key", *arguments, "--stage", stage])
        assert admin_key.main() == status
        shown = self._capsys.readouterr()
        assert (shown.err if status == 0 else shown.out) == ""
        return shown.err if status else shown.out


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(admin_key, "deployed_outputs", _deployed_outputs)
    with mock_aws():
        dynamodb: Any = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield Command(monkeypatch, capsys)
        # moto's world is one in a process, and another test's may be around this one.
        dynamodb.delete_table(TableName=TABLE)


def _opens(key: str) -> bool:
    try:
        authenticate(f"Bearer {key}", store=admin_key.key_store(stage="prod", client=boto3.client))
    except Unauthorized:
        return False
    return True


def test_a_new_key_is_shown_once_and_opens_the_api(command: Command) -> None:
    shown = command("create", "--name", "laptop")
    key = shown.splitlines()[0]
    assert "only time" in shown
    assert "'laptop'" in shown
    assert _opens(key)


def test_the_table_and_the_list_hold_no_key(command: Command) -> None:
    key = command("create", "--name", "laptop").splitlines()[0]
    secret = key.rpartition("_")[2]
    dynamodb: Any = boto3.client("dynamodb")
    assert secret not in str(dynamodb.scan(TableName=TABLE)["Items"])
    assert secret not in command("list")


def test_keys_are_listed_oldest_first_with_their_state(command: Command) -> None:
    assert command("list") == "There is no admin key yet.\n"
    command("create", "--name", "laptop")
    command("create", "--name", "warehouse")
    (first, second) = command("list").splitlines()
    assert first.endswith("UTC  laptop  live")
    assert second.endswith("UTC  warehouse  live")


def test_a_revoked_key_opens_nothing_and_its_neighbour_still_does(command: Command) -> None:
    lost, kept = (command("create", "--name", name).splitlines()[0] for name in ("lost", "kept"))
    key_id = f"key_{lost.split('_')[1]}"
    assert command("revoke", key_id).startswith(f"Revoked: {key_id}")
    assert (_opens(lost), _opens(kept)) == (False, True)
    assert "  lost  revoked " in command("list")


def test_revoking_a_key_that_is_not_there_fails(command: Command) -> None:
    assert command("revoke", "key_of_nobody", status=1) == "There is no such admin key.\n"


def test_a_stage_that_is_not_there_is_refused(command: Command) -> None:
    assert "no stage 'test' is deployed here" in command("list", stage="test", status=1)
