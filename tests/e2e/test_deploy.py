"""Deploying, as somebody does it: the commands, each a process of its own.

In an embedded AWS of their own: a stage that was deployed without the local stack's corrections stops
ministack's poller, and with it the deliveries of every other stage there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from chalicelib.domain.errors import Unauthorized
from chalicelib.services.admin_keys import authenticate, create_key
from deploy.admin_key import key_store
from deploy.package import Package, build, machine_architecture
from deploy.stack import DeploymentFailed, deploy
from local.aws import ROOT, EmbeddedAws, embedded_aws

STAGE = "shop2"
STRIPE = {
    "STRIPE_SECRET_KEY": "sk_test_of_shop2",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_of_shop2",
    "STRIPE_WEBHOOK_SECRET": "whsec_of_shop2",
}


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    with embedded_aws(home=tmp_path_factory.mktemp("aws"), say=lambda _: None) as running:
        yield running


@pytest.fixture(scope="module")
def package() -> Package:
    return build(architecture=machine_architecture())


@pytest.fixture(scope="module")
def first(aws: EmbeddedAws, package: Package) -> Done:
    """The stage's first deployment."""
    return _deploy(aws)


def _run(aws: EmbeddedAws, *arguments: str, **more: str) -> Done:
    """Run `python -m …` as its user would, with the account in the environment and no terminal."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={"PATH": os.defpath, **aws.environment(), **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _deploy(aws: EmbeddedAws, *arguments: str, stage: str = STAGE) -> Done:
    return _run(aws, "deploy.stack", "--stage", stage, "--architecture", machine_architecture(), *arguments)


def _retention(aws: EmbeddedAws) -> set[int]:
    logs: Any = aws.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/tillhook-{STAGE}-")["logGroups"]
    return {group["retentionInDays"] for group in groups}


def _opens(key: str, *, aws: EmbeddedAws) -> bool:
    try:
        authenticate(f"Bearer {key}", store=key_store(stage=STAGE, client=aws.client))
    except Unauthorized:
        return False
    return True


def test_the_first_deployment_creates_the_stage_and_tells_of_it(first: Done) -> None:
    assert (first.status, first.err) == (0, "")
    assert f"Creating stack tillhook-{STAGE}" in first.out
    assert "\n  Table create complete\n" in first.out
    assert re.search(rf"^TableName +tillhook-{STAGE}-\S+$", first.out, re.MULTILINE)
    assert re.search(r"^ApiUrl +https://\S+/api$", first.out, re.MULTILINE)


def test_deploying_the_same_again_changes_nothing(aws: EmbeddedAws, first: Done) -> None:
    again = _deploy(aws)
    assert (again.status, again.err) == (0, "")
    assert f"Stack tillhook-{STAGE} is up to date" in again.out
    assert again.out.splitlines()[-10:] == first.out.splitlines()[-10:]  # where things are


def test_a_changed_parameter_is_updated_and_kept_from_then_on(aws: EmbeddedAws, first: Done) -> None:
    assert first.status == 0
    assert _retention(aws) == {30}
    changed = _deploy(aws, "--parameter", "LogRetentionDays=7")
    assert (changed.status, changed.err) == (0, "")
    assert f"Updating stack tillhook-{STAGE}" in changed.out
    assert _retention(aws) == {7}
    assert "is up to date" in _deploy(aws).out
    assert _retention(aws) == {7}


def test_an_alert_address_is_made_known_to_ses_and_kept_until_it_is_taken_away(
    aws: EmbeddedAws, first: Done
) -> None:
    assert first.status == 0
    assert "AlertEmail" not in first.out
    given = _deploy(aws, "--parameter", "AlertEmail=owner@shop2.example")
    assert (given.status, given.err) == (0, "")
    assert re.search(r"^AlertEmail +owner@shop2\.example$", given.out, re.MULTILINE)
    ses: Any = aws.client("ses")
    assert ses.list_verified_email_addresses()["VerifiedEmailAddresses"] == ["owner@shop2.example"]
    assert "owner@shop2.example" in _deploy(aws).out
    taken = _deploy(aws, "--parameter", "AlertEmail=")
    assert (taken.status, taken.err) == (0, "")
    assert "AlertEmail" not in taken.out


@pytest.mark.parametrize("address", ["*@shop.example", "owner"])
def test_an_alert_address_that_is_none_is_refused(aws: EmbeddedAws, address: str) -> None:
    refused = _deploy(aws, "--parameter", f"AlertEmail={address}", stage="shop3")
    assert refused.status == 1
    assert "AlertEmail" in refused.err
    assert "Traceback" not in refused.err


def test_a_parameter_that_is_not_allowed_is_refused_by_name(aws: EmbeddedAws) -> None:
    refused = _deploy(aws, "--parameter", "LogRetentionDays=2", stage="shop3")
    assert refused.status == 1
    assert "LogRetentionDays" in refused.err
    assert "Traceback" not in refused.err


def test_a_failing_deployment_explains_itself_and_the_next_one_mends_it(
    aws: EmbeddedAws, package: Package, tmp_path: Path
) -> None:
    template = json.loads(package.template.read_text())
    template["Resources"]["RelayDeadQueue"]["Properties"]["MessageRetentionPeriod"] = 1
    broken = replace(package, template=tmp_path / "template.json")
    broken.template.write_text(json.dumps(template))
    said: list[str] = []
    with pytest.raises(DeploymentFailed) as failed:
        deploy(package=broken, stage="shop4", client=aws.client, say=said.append)
    status, *reasons = str(failed.value).splitlines()
    assert status == "stack tillhook-shop4 is ROLLBACK_COMPLETE:"
    assert len(reasons) == 1
    assert reasons[0].startswith("  RelayDeadQueue: Invalid value for the parameter MessageRetentionPeriod")
    assert "  RelayDeadQueue create failed" in said

    mended = _deploy(aws, stage="shop4")
    assert (mended.status, mended.err) == (0, "")
    assert "Removing what an earlier deployment left" in mended.out


def test_an_admin_key_is_created_listed_and_revoked(aws: EmbeddedAws, first: Done) -> None:
    assert first.status == 0
    _, neighbour = create_key(
        "neighbour",
        store=key_store(stage=STAGE, client=aws.client),
        entropy=token_bytes,
        now=datetime.now(UTC),
    )
    created = _run(aws, "deploy.admin_key", "create", "--stage", STAGE, "--name", "laptop")
    assert (created.status, created.err) == (0, "")
    key = created.out.splitlines()[0]
    assert _opens(key, aws=aws)
    key_id = f"key_{key.split('_')[1]}"

    def listed() -> str:
        (line,) = (
            line
            for line in _run(aws, "deploy.admin_key", "list", "--stage", STAGE).out.splitlines()
            if line.startswith(key_id)
        )
        return line

    assert listed().endswith("  laptop  live")
    revoked = _run(aws, "deploy.admin_key", "revoke", key_id, "--stage", STAGE)
    assert (revoked.status, revoked.err) == (0, "")
    assert "  laptop  revoked " in listed()
    assert not _opens(key, aws=aws)
    assert _opens(neighbour, aws=aws)


def test_keys_of_a_stage_that_is_not_there_are_refused_plainly(aws: EmbeddedAws) -> None:
    refused = _run(aws, "deploy.admin_key", "list", "--stage", "shop9")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == "no stage 'shop9' is deployed here; `make deploy STAGE=shop9` does that\n"


def test_stripes_keys_are_stored_and_never_shown(aws: EmbeddedAws) -> None:
    stored = _run(aws, "deploy.stripe_keys", "--stage", STAGE, **STRIPE)
    assert stored == Done(0, f"Stored three secrets in /tillhook/{STAGE}/stripe\n", "")
    ssm: Any = aws.client("ssm")
    found = ssm.get_parameter(Name=f"/tillhook/{STAGE}/stripe", WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    assert json.loads(found["Value"]) == {
        "secret_key": "sk_test_of_shop2",
        "publishable_key": "pk_test_of_shop2",
        "webhook_secrets": ["whsec_of_shop2"],
    }
