"""The embedded AWS: ministack, as a process of its own, with IAM enforced.

It runs from its own environment (.venv-ministack), because it pins another botocore than we do. State and
logs stay in the folder it is given; it listens on 127.0.0.1 only.
"""

import os
import secrets
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from local.processes import ProgramFailed, await_ready, end, free_port, running

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-ministack/bin/python"
REGION = "us-east-1"
ACCOUNT = "000000000000"
# ministack takes this key for the account's root. It checks no signature of it, so that the secret keeps
# nobody out: whoever reaches the port is root.
ROOT_KEY = "test"
ATTEMPTS = 3  # somebody may take the port between choosing and using it


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What an AWS client signs with."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class EmbeddedAws:
    """A running embedded AWS; `root` are its account's root credentials."""

    endpoint: str
    root: Credentials
    log: Path

    def client(self, service: str, *, credentials: Credentials | None = None) -> BaseClient:
        """A boto3 client, as root or as somebody else; nothing from the environment or ~/.aws is used."""
        who = credentials or self.root
        return boto3.Session().client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=who.session_token,
            config=Config(retries={"max_attempts": 1}),
        )

    def assume(self, role_arn: str) -> Credentials:
        """Temporary credentials of a role, as a function that runs under it gets them."""
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="local")["Credentials"]
        return Credentials(
            access_key=answer["AccessKeyId"],
            secret_key=answer["SecretAccessKey"],
            session_token=answer["SessionToken"],
        )

    def log_lines(self, group: str) -> list[str]:
        """All lines of a CloudWatch log group, oldest first; none if nothing has logged there yet."""
        logs = self.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        try:
            events = [event for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].rstrip() for event in sorted(events, key=lambda event: event["timestamp"])]

    def environment(self) -> dict[str, str]:
        """Variables that point another program's AWS SDK here, as root."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.root.access_key,
            "AWS_SECRET_ACCESS_KEY": self.root.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }


@contextmanager
def embedded_aws(*, home: Path, say: Callable[[str], object] = print) -> Iterator[EmbeddedAws]:
    """Run an embedded AWS while the context lasts, with all its files in `home`.

    Raises `ProgramFailed`.
    """
    if not PYTHON.exists():
        raise ProgramFailed(
            "the embedded AWS is not installed; run `make demo` or `make test`, which install it"
        )
    say("Starting the embedded AWS")
    root = Credentials(access_key=ROOT_KEY, secret_key=secrets.token_hex(16))
    log = home / "aws.log"
    for attempt in range(1, ATTEMPTS + 1):
        port = free_port()
        with running(
            "ministack",
            log=log,
            python=PYTHON,
            environment=_environment(home, port=port, root=root),
            folder=home,
        ) as process:
            try:
                _await_health(process, port=port, log=log)
            except ProgramFailed:
                end(process)
                if attempt == ATTEMPTS or "already in use" not in log.read_text():
                    raise
                continue
            yield EmbeddedAws(endpoint=f"http://127.0.0.1:{port}", root=root, log=log)
            return


def _environment(home: Path, *, port: int, root: Credentials) -> dict[str, str]:
    """All that ministack, and so every function it runs, sees: nothing of the caller's environment."""
    scratch = home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": root.access_key,
        "AWS_SECRET_ACCESS_KEY": root.secret_key,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "MINISTACK_HOST": "127.0.0.1",
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
        "LOG_LEVEL": "INFO",
    }


def _await_health(process: subprocess.Popen[bytes], *, port: int, log: Path) -> None:
    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004  # HTTP's OK
        except OSError:
            return False

    await_ready(process, healthy, log=log, what="the embedded AWS")
