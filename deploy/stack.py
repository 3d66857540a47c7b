"""Create or update the CloudFormation stack of one stage, and say what happens meanwhile.

    python -m deploy.stack --stage prod --parameter AlertEmail=owner@shop.example

Uses the AWS account, region and address that boto3 finds in the environment, so it deploys to AWS and to
an embedded AWS alike. Parameters that are not given keep their previous value. Afterwards, AWS asks the
address for alerts for its consent, if there is one that has not given it.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from deploy.alerts import verify_alert_address
from deploy.package import ARCHITECTURES, Package, PackagingFailed, build

Client = Callable[[str], BaseClient]
Say = Callable[[str], object]

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
PATIENCE = 30 * 60.0  # seconds that one change may take; a first deployment needs two or three minutes
NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed", "no changes")
# What AWS reports for the resources beside the one that failed: true, but no explanation.
ECHOES = ("cancelled", "The following resource(s) failed")


class DeploymentFailed(Exception):
    """The stack is not what was asked for; the text says which resource failed and why."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A stage that is up. `changed` is false if it already was as asked."""

    stack: str
    outputs: dict[str, str]
    changed: bool


def deploy(
    *,
    package: Package,
    stage: str,
    client: Client,
    parameters: dict[str, str] | None = None,
    say: Say = print,
) -> Deployment:
    """Bring the stack `tillhook-{stage}` to `package`; `client` makes a boto3 client by service name.

    Raises `DeploymentFailed`.
    """
    stack = f"tillhook-{stage}"
    cloudformation = client("cloudformation")
    template_url = _upload(package, client=client, say=say)
    existing = _describe(stack, cloudformation=cloudformation)
    if existing and existing["StackStatus"] == "ROLLBACK_COMPLETE":
        say("Removing what an earlier deployment left when it failed at its first attempt")
        cloudformation.delete_stack(StackName=stack)
        _await_rest(stack, cloudformation=cloudformation, say=say, since=set())
        existing = None
    creating = existing is None or existing["StackStatus"] == "REVIEW_IN_PROGRESS"
    seen = (
        set() if creating else {event["EventId"] for event in _events(stack, cloudformation=cloudformation)}
    )
    change_set = _plan(
        stack,
        template_url=template_url,
        parameters=_parameters({"Stage": stage} | (parameters or {}), template=package, existing=existing),
        creating=creating,
        cloudformation=cloudformation,
    )
    if change_set is None:
        say(f"Stack {stack} is up to date")
        return Deployment(stack=stack, outputs=_outputs(existing), changed=False)
    say(f"{'Creating' if creating else 'Updating'} stack {stack}")
    cloudformation.execute_change_set(StackName=stack, ChangeSetName=change_set)
    _await_rest(stack, cloudformation=cloudformation, say=say, since=seen)
    return Deployment(
        stack=stack, outputs=_outputs(_describe(stack, cloudformation=cloudformation)), changed=True
    )


def deployed_outputs(*, stage: str, client: Client) -> dict[str, str]:
    """The outputs of a stage that is up. Raises `DeploymentFailed` if there is none of that name."""
    found = _describe(f"tillhook-{stage}", cloudformation=client("cloudformation"))
    if found is None:
        raise DeploymentFailed(f"no stage {stage!r} is deployed here; `make deploy STAGE={stage}` does that")
    return _outputs(found)


# --- Artefacts ----------------------------------------------------------------------------------------


def _upload(package: Package, *, client: Client, say: Say) -> str:
    """Put the zip and the template that points to it into the account's bucket; return the template's URL."""
    s3 = client("s3")
    account = client("sts").get_caller_identity()["Account"]
    region = s3.meta.region_name
    bucket = f"tillhook-artefacts-{account}-{region}"
    _make_bucket(bucket, region=region, account=account, s3=s3)
    code = package.archive.read_bytes()
    code_key = f"{hashlib.sha256(code).hexdigest()}.zip"
    _put(code, "the code", bucket=bucket, key=code_key, account=account, s3=s3, say=say)
    template = json.loads(package.template.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": code_key}
    body = json.dumps(template, sort_keys=True).encode()
    key = f"{hashlib.sha256(body).hexdigest()}.json"
    _put(body, "the template", bucket=bucket, key=key, account=account, s3=s3, say=say)
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"


def _make_bucket(bucket: str, *, region: str, account: str, s3: BaseClient) -> None:
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
    else:
        return
    # us-east-1 is where buckets go by default, and S3 refuses to be told so.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **where)


def _put(body: bytes, what: str, *, bucket: str, key: str, account: str, s3: BaseClient, say: Say) -> None:
    """Upload unless it is there: keys are hashes of the content."""
    try:
        s3.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
            raise
    else:
        return
    say(f"Uploading {what} ({len(body) / 1_000_000:.2f} MB)")
    s3.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=account)


# --- The stack ----------------------------------------------------------------------------------------


def _describe(stack: str, *, cloudformation: BaseClient) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _outputs(stack: dict[str, Any] | None) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in (stack or {}).get("Outputs", [])}


def _parameters(
    given: dict[str, str], *, template: Package, existing: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """What is given, and the previous value of what is not."""
    known = json.loads(template.template.read_text())["Parameters"]
    if unknown := sorted(given.keys() - known.keys()):
        raise DeploymentFailed(
            f"no such parameter: {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    previous = {parameter["ParameterKey"] for parameter in (existing or {}).get("Parameters", [])}
    kept = sorted((previous & known.keys()) - given.keys())
    return [
        *({"ParameterKey": key, "ParameterValue": value} for key, value in sorted(given.items())),
        *({"ParameterKey": key, "UsePreviousValue": True} for key in kept),
    ]


def _plan(
    stack: str,
    *,
    template_url: str,
    parameters: list[dict[str, Any]],
    creating: bool,
    cloudformation: BaseClient,
) -> str | None:
    """Make a change set; return its id, or None if there is nothing to change."""
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"tillhook-{time.time_ns()}",
        ChangeSetType="CREATE" if creating else "UPDATE",
        TemplateURL=template_url,
        Parameters=parameters,
        Capabilities=CAPABILITIES,
    )
    change_set: str = made["Id"]
    for _ in _until(PATIENCE, what="the change set"):
        plan = cloudformation.describe_change_set(StackName=stack, ChangeSetName=change_set)
        if plan["Status"] == "CREATE_COMPLETE":
            return change_set
        if plan["Status"] == "FAILED":
            break
    reason = plan.get("StatusReason", "no reason given")
    cloudformation.delete_change_set(StackName=stack, ChangeSetName=change_set)
    if any(phrase in reason for phrase in NOTHING_TO_DO):
        return None
    raise DeploymentFailed(f"the change can't be made: {reason}")


def _await_rest(stack: str, *, cloudformation: BaseClient, say: Say, since: set[str]) -> None:
    """Report the stack's events that are not in `since` until it rests; raise unless it rests well."""
    seen = set(since)
    failures: list[str] = []
    found: dict[str, Any] = {}
    for _ in _until(PATIENCE, what=f"stack {stack}"):
        described = _describe(stack, cloudformation=cloudformation)
        if described is None:
            return
        found = described
        for event in reversed(_events(stack, cloudformation=cloudformation)):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            _report(event, stack=stack, say=say, failures=failures)
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            break
    status = found["StackStatus"]
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        return
    explained = failures or [found.get("StackStatusReason", "no reason given")]
    raise DeploymentFailed(f"stack {stack} is {status}:\n  " + "\n  ".join(explained))


def _report(event: dict[str, Any], *, stack: str, say: Say, failures: list[str]) -> None:
    name, status = event["LogicalResourceId"], event["ResourceStatus"]
    if status.endswith("_FAILED"):
        reason = event.get("ResourceStatusReason", "no reason given")
        if not any(echo in reason for echo in ECHOES):
            failures.append(f"{name}: {reason}")
    if name != stack and status.endswith(("_COMPLETE", "_FAILED")):
        say(f"  {name} {status.lower().replace('_', ' ')}")


def _events(stack: str, *, cloudformation: BaseClient) -> list[dict[str, Any]]:
    """Newest first; one page is enough between two looks."""
    events: list[dict[str, Any]] = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return events


def _until(deadline: float, *, what: str) -> Iterator[None]:
    """Yield now and then, quickly at first, for `deadline` seconds; then raise `DeploymentFailed`."""
    end = time.monotonic() + deadline
    pause = 0.05
    while time.monotonic() < end:
        yield
        time.sleep(pause)
        pause = min(pause * 1.5, 3.0)
    raise DeploymentFailed(f"{what} is not done after {deadline / 60:.0f} minutes; look in the AWS console")


# --- The command --------------------------------------------------------------------------------------


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("write NAME=VALUE")
    return name, value


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description="Deploy one stage to AWS.")
    parser.add_argument("--stage", required=True, help="name of the deployment, such as prod")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="arm64")
    parser.add_argument(
        "--parameter", metavar="NAME=VALUE", action="append", type=_parameter, default=[], help="repeatable"
    )
    chosen = parser.parse_args()
    client = boto3.Session().client
    try:
        deployment = deploy(
            package=build(architecture=chosen.architecture),
            stage=chosen.stage,
            client=client,
            parameters=dict(chosen.parameter),
        )
        _show(deployment.outputs)
        if address := deployment.outputs.get("AlertEmail"):
            verify_alert_address(address, ses=client("ses"))
    except (PackagingFailed, DeploymentFailed, BotoCoreError, ClientError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


def _show(outputs: dict[str, str]) -> None:
    width = max(map(len, outputs), default=0)
    for name, value in sorted(outputs.items()):
        sys.stdout.write(f"{name:<{width}}  {value}\n")


if __name__ == "__main__":
    sys.exit(main())
