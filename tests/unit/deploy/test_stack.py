import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from deploy import stack as deploying
from deploy.package import Package
from deploy.stack import Client, Deployment, DeploymentFailed, deploy, deployed_outputs

Event = dict[str, Any]
REGION = "eu-central-1"
NO_CHANGE = [
    "The submitted information didn't contain changes. Submit different information to create a change set.",
    "No updates are to be performed.",
    "The submitted transform produced no changes.",
]


def event(number: int, resource: str, status: str, reason: str = "") -> Event:
    told: Event = {"EventId": str(number), "LogicalResourceId": resource, "ResourceStatus": status}
    return told | ({"ResourceStatusReason": reason} if reason else {})


@dataclass
class FakeCloudFormation:
    """One stack. `becomes` are its statuses, look by look, once something is under way; the last one stays.

    `tells` are the events that the change adds, oldest first.
    """

    status: str | None = None  # None: there is no such stack
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=lambda: {"TableName": "table-1"})
    reason: str = ""
    plan: tuple[str, str] = ("CREATE_COMPLETE", "")
    becomes: list[str] = field(default_factory=lambda: ["CREATE_COMPLETE"])
    tells: list[Event] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803  # as boto3 has it
        if self.status is None:
            error = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        found = {
            "StackStatus": self.status,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": self.parameters[key]} for key in self.parameters
            ],
            "Outputs": [{"OutputKey": key, "OutputValue": self.outputs[key]} for key in self.outputs],
        }
        if self.status.endswith("_IN_PROGRESS") and self.called("execute_change_set"):
            self.status = self.becomes.pop(0) if len(self.becomes) > 1 else self.becomes[0]
        return {"Stacks": [found | ({"StackStatusReason": self.reason} if self.reason else {})]}

    def describe_stack_events(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": list(reversed(self.events))}

    def create_change_set(self, **given: object) -> dict[str, str]:
        self.calls.append(("create_change_set", given))
        return {"Id": "change-1"}

    def describe_change_set(self, **_: object) -> dict[str, str]:
        status, reason = self.plan
        return {"Status": status, "StatusReason": reason}

    def delete_change_set(self, **given: object) -> None:
        self.calls.append(("delete_change_set", given))

    def execute_change_set(self, **given: object) -> None:
        self.calls.append(("execute_change_set", given))
        self.status = "UPDATE_IN_PROGRESS"
        self.events += self.tells

    def delete_stack(self, **given: object) -> None:
        self.calls.append(("delete_stack", given))
        self.status = None

    def called(self, name: str) -> list[dict[str, Any]]:
        return [given for called, given in self.calls if called == name]


@dataclass
class Trial:
    """A deployment to try: what CloudFormation will do, and what was said meanwhile."""

    cloudformation: FakeCloudFormation
    package: Package
    client: Client
    said: list[str] = field(default_factory=list)

    def deploy(self, **parameters: str) -> Deployment:
        return deploy(
            package=self.package,
            stage="prod",
            client=self.client,
            parameters=parameters,
            say=self.said.append,
        )

    def asked(self) -> dict[str, Any]:
        """The only change set that was asked for."""
        (given,) = self.cloudformation.called("create_change_set")
        return given

    def asked_parameters(self) -> dict[str, str]:
        return {
            parameter["ParameterKey"]: parameter.get("ParameterValue", "(as before)")
            for parameter in self.asked()["Parameters"]
        }


@pytest.fixture
def package(tmp_path: Path) -> Package:
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}}
    template = {
        "Parameters": {"Stage": {}, "AlertEmail": {"Default": ""}, "LogRetentionDays": {"Default": 30}},
        "Resources": {"Api": function, "Relay": function, "Queue": {"Type": "AWS::SQS::Queue"}},
    }
    made = Package(
        template=tmp_path / "template.json", archive=tmp_path / "deployment.zip", architecture="arm64"
    )
    made.template.write_text(json.dumps(template))
    made.archive.write_bytes(b"zip")
    return made


@pytest.fixture
def trial(package: Package, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    cloudformation: Any = FakeCloudFormation()
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        yield Trial(
            cloudformation,
            package,
            client=lambda name: cloudformation if name == "cloudformation" else session.client(name),
        )


def _uploaded(trial: Trial) -> dict[str, bytes]:
    """Everything in the account's one bucket, by key."""
    s3: Any = trial.client("s3")
    (bucket,) = (bucket["Name"] for bucket in s3.list_buckets()["Buckets"])
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_a_new_stage_is_created(trial: Trial) -> None:
    deployment = trial.deploy(AlertEmail="owner@shop.example")
    assert deployment == Deployment(stack="tillhook-prod", outputs={"TableName": "table-1"}, changed=True)
    asked = trial.asked()
    assert (asked["StackName"], asked["ChangeSetType"]) == ("tillhook-prod", "CREATE")
    assert asked["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert trial.asked_parameters() == {"Stage": "prod", "AlertEmail": "owner@shop.example"}
    assert "Creating stack tillhook-prod" in trial.said


def test_what_is_not_given_keeps_its_previous_value(trial: Trial) -> None:
    trial.cloudformation.status = "UPDATE_COMPLETE"
    trial.cloudformation.parameters = {
        "Stage": "prod",
        "AlertEmail": "old@shop.example",
        "LogRetentionDays": "7",
    }
    trial.deploy(AlertEmail="new@shop.example")
    assert trial.asked()["ChangeSetType"] == "UPDATE"
    assert trial.asked_parameters() == {
        "Stage": "prod",
        "AlertEmail": "new@shop.example",
        "LogRetentionDays": "(as before)",
    }


def test_a_parameter_that_the_template_no_longer_has_is_forgotten(trial: Trial) -> None:
    trial.cloudformation.status = "CREATE_COMPLETE"
    trial.cloudformation.parameters = {"Stage": "prod", "Colour": "red"}
    trial.deploy()
    assert trial.asked_parameters() == {"Stage": "prod"}


def test_an_unknown_parameter_is_refused_with_those_there_are(trial: Trial) -> None:
    with pytest.raises(DeploymentFailed) as refused:
        trial.deploy(AlertMail="owner@shop.example")
    assert str(refused.value) == "no such parameter: AlertMail; there are AlertEmail, LogRetentionDays, Stage"
    assert trial.cloudformation.calls == []


@pytest.mark.parametrize("reason", NO_CHANGE)
def test_nothing_to_change_is_success(trial: Trial, reason: str) -> None:
    trial.cloudformation.status = "CREATE_COMPLETE"
    trial.cloudformation.plan = ("FAILED", reason)
    deployment = trial.deploy()
    assert (deployment.changed, deployment.outputs) == (False, {"TableName": "table-1"})
    assert trial.said[-1] == "Stack tillhook-prod is up to date"
    assert len(trial.cloudformation.called("delete_change_set")) == 1
    assert trial.cloudformation.called("execute_change_set") == []


def test_a_change_that_can_not_be_planned_says_why(trial: Trial) -> None:
    trial.cloudformation.plan = (
        "FAILED",
        "Transform AWS::Serverless-2016-10-31 failed with: Relay has no code",
    )
    with pytest.raises(DeploymentFailed, match=r"can't be made: Transform .* Relay has no code"):
        trial.deploy()


def test_what_happens_is_told_as_it_happens_and_old_stories_are_not(trial: Trial) -> None:
    trial.cloudformation.status = "CREATE_COMPLETE"
    trial.cloudformation.events = [event(1, "Table", "CREATE_COMPLETE")]
    trial.cloudformation.becomes = ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    trial.cloudformation.tells = [
        event(2, "tillhook-prod", "UPDATE_IN_PROGRESS"),
        event(3, "Relay", "UPDATE_IN_PROGRESS"),
        event(4, "Relay", "UPDATE_COMPLETE"),
        event(5, "tillhook-prod", "UPDATE_COMPLETE"),
    ]
    trial.deploy()
    assert trial.said[-2:] == ["Updating stack tillhook-prod", "  Relay update complete"]


def test_a_failure_names_the_resource_that_failed_not_those_it_took_along(trial: Trial) -> None:
    trial.cloudformation.becomes = ["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    trial.cloudformation.tells = [
        event(1, "ApiLog", "CREATE_FAILED", "/aws/lambda/tillhook-prod-api already exists"),
        event(2, "Table", "CREATE_FAILED", "Resource creation cancelled"),
        event(
            3, "tillhook-prod", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [ApiLog]"
        ),
    ]
    with pytest.raises(DeploymentFailed) as failed:
        trial.deploy()
    assert str(failed.value) == (
        "stack tillhook-prod is ROLLBACK_COMPLETE:\n  ApiLog: /aws/lambda/tillhook-prod-api already exists"
    )


def test_a_failure_without_a_guilty_resource_says_what_the_stack_says(trial: Trial) -> None:
    trial.cloudformation.status = "CREATE_COMPLETE"
    trial.cloudformation.becomes = ["UPDATE_ROLLBACK_FAILED"]
    trial.cloudformation.reason = "Export in use"
    with pytest.raises(DeploymentFailed, match="is UPDATE_ROLLBACK_FAILED:\n  Export in use"):
        trial.deploy()


def test_what_a_first_attempt_left_when_it_failed_is_removed(trial: Trial) -> None:
    trial.cloudformation.status = "ROLLBACK_COMPLETE"
    assert trial.deploy().changed
    assert trial.cloudformation.called("delete_stack") == [{"StackName": "tillhook-prod"}]
    assert trial.asked()["ChangeSetType"] == "CREATE"


def test_a_stack_that_was_only_planned_is_created(trial: Trial) -> None:
    trial.cloudformation.status = "REVIEW_IN_PROGRESS"
    trial.deploy()
    assert trial.asked()["ChangeSetType"] == "CREATE"


def test_patience_has_an_end() -> None:
    with pytest.raises(DeploymentFailed, match="the change set is not done after 0 minutes"):
        list(deploying._until(0.0, what="the change set"))  # noqa: SLF001  # nobody waits half an hour


def test_the_template_points_to_the_uploaded_code(trial: Trial) -> None:
    trial.deploy()
    uploaded = _uploaded(trial)
    (code,) = (key for key in uploaded if key.endswith(".zip"))
    (template,) = (key for key in uploaded if key.endswith(".json"))
    assert uploaded[code] == b"zip"
    resources = json.loads(uploaded[template])["Resources"]
    bucket = f"tillhook-artefacts-123456789012-{REGION}"
    for function in ("Api", "Relay"):
        assert resources[function]["Properties"]["CodeUri"] == {"Bucket": bucket, "Key": code}
    assert trial.asked()["TemplateURL"] == f"https://s3.{REGION}.amazonaws.com/{bucket}/{template}"


def test_what_is_there_is_not_uploaded_again(trial: Trial) -> None:
    trial.deploy()
    trial.cloudformation.status = "CREATE_COMPLETE"
    said_before = len(trial.said)
    trial.deploy()
    assert [line for line in trial.said[said_before:] if line.startswith("Uploading")] == []
    assert len(_uploaded(trial)) == 2


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_bucket_is_made_in_the_stacks_region(trial: Trial, region: str) -> None:
    session = boto3.Session(region_name=region)
    cloudformation: Any = trial.cloudformation
    trial.client = lambda name: cloudformation if name == "cloudformation" else session.client(name)
    trial.deploy()
    where = session.client("s3").get_bucket_location(Bucket=f"tillhook-artefacts-123456789012-{region}")
    assert (where["LocationConstraint"] or "us-east-1") == region


def test_the_outputs_of_a_stage_are_found(trial: Trial) -> None:
    trial.cloudformation.status = "UPDATE_COMPLETE"
    assert deployed_outputs(stage="prod", client=trial.client) == {"TableName": "table-1"}


@pytest.mark.parametrize("status", [None, "DELETE_COMPLETE"])
def test_a_stage_that_is_not_there_says_how_to_make_it(trial: Trial, status: str | None) -> None:
    trial.cloudformation.status = status
    with pytest.raises(
        DeploymentFailed, match="no stage 'prod' is deployed here; `make deploy STAGE=prod` does"
    ):
        deployed_outputs(stage="prod", client=trial.client)


def test_a_parameter_on_the_command_line_needs_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["stack", "--stage", "prod", "--parameter", "owner@shop.example"])
    with pytest.raises(SystemExit):
        deploying.main()
    assert "write NAME=VALUE" in capsys.readouterr().err
