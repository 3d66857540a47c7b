"""The embedded AWS as a program: it starts within half a second, so these start it for real."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import aws as embedding
from local.aws import Credentials, EmbeddedAws, embedded_aws
from local.processes import ProgramFailed, free_port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("aws")


@pytest.fixture(scope="module")
def aws(home: Path) -> Iterator[EmbeddedAws]:
    with embedded_aws(home=home, say=lambda _: None) as running:
        yield running


def test_whoever_knows_the_roots_secret_is_root(aws: EmbeddedAws) -> None:
    sts: Any = aws.client("sts")
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{embedding.ACCOUNT}:root"


def test_a_key_that_nobody_made_opens_nothing(aws: EmbeddedAws) -> None:
    sqs: Any = aws.client("sqs", credentials=Credentials(access_key="AKIANOBODY", secret_key="secret"))
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sqs.list_queues()


def test_each_start_has_a_secret_of_its_own_that_is_not_printed(aws: EmbeddedAws) -> None:
    assert len(aws.root.secret_key) == 32
    assert aws.root.secret_key not in repr(aws)


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 needs Linux")
def test_it_listens_on_this_machine_alone(aws: EmbeddedAws) -> None:
    port = int(aws.endpoint.rpartition(":")[2])
    assert aws.endpoint.startswith("http://127.0.0.1:")
    with socket.socket() as everywhere:
        everywhere.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        everywhere.bind(("127.0.0.2", port))  # taken if it listened on all addresses


def test_its_files_are_in_the_folder_it_was_given(aws: EmbeddedAws, home: Path) -> None:
    assert aws.log == home / "aws.log"
    assert aws.log.exists()


def test_nothing_of_the_callers_environment_reaches_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the-owners")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-owners")
    root = Credentials(access_key="test", secret_key="secret")
    environment = embedding._environment(tmp_path, port=1, root=root)  # noqa: SLF001  # what is handed over
    assert "the-owners" not in environment.values()
    assert (environment["BIND_HOST"], environment["AUTH"]) == ("127.0.0.1", "true")


def test_other_programs_are_pointed_at_it(aws: EmbeddedAws) -> None:
    assert aws.environment() == {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": aws.root.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_group_that_nobody_logged_to_has_no_lines(aws: EmbeddedAws) -> None:
    assert aws.log_lines("/aws/lambda/nobody") == []


def test_lines_are_told_oldest_first_and_only_of_the_group_asked_for(aws: EmbeddedAws) -> None:
    logs: Any = aws.client("logs")
    for group, lines in {"/shop/api": ["one\n", "two\n"], "/shop/api-of-another": ["three"]}.items():
        logs.create_log_group(logGroupName=group)
        for number, line in reversed(list(enumerate(lines))):
            stream = f"stream-{number}"
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            written = [{"timestamp": 1_700_000_000_000 + number, "message": line}]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=written)
    assert aws.log_lines("/shop/api") == ["one", "two"]
    assert aws.log_lines("/shop") == []


def test_a_port_that_somebody_took_meanwhile_is_left_to_him(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        ports = iter([somebody.getsockname()[1], free_port()])
        monkeypatch.setattr(embedding, "free_port", lambda: next(ports))
        with embedded_aws(home=tmp_path, say=lambda _: None) as running:
            sqs: Any = running.client("sqs")
            assert not sqs.list_queues().get("QueueUrls")
    assert list(ports) == []


def test_when_it_is_not_installed_it_says_who_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PYTHON", tmp_path / "nowhere/python")
    with pytest.raises(ProgramFailed, match="not installed; run `make demo`"), embedded_aws(home=tmp_path):
        pass
