"""The merged template as a whole."""

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest
from cfnlint import ManualArgs
from cfnlint.api import lint

from deploy.package import Package
from local.aws import PYTHON as MINISTACK_PYTHON
from tests.package.conftest import Properties

# Old and new ones, some of them small: not every region knows everything.
REGIONS = ["us-east-1", "us-west-2", "eu-central-1", "eu-north-1", "ap-southeast-2", "sa-east-1"]

# AWS's own translator from SAM to CloudFormation; it lives where the embedded AWS lives.
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

json.dump(transform(json.load(sys.stdin), {}, NoManagedPolicies()), sys.stdout)
"""


def _findings(template: str) -> list[str]:
    config = ManualArgs(regions=REGIONS, include_checks=["W", "E"])
    return [f"{found.rule.id} at {found.path}: {found.message}" for found in lint(template, config=config)]


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
    elif isinstance(node, str):
        yield node


def _portable(template: Properties) -> Properties:
    """A copy without what names the architecture; the tags are Chalice's and name its stage."""
    copy: Properties = json.loads(json.dumps(template))
    for resource in copy["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            del resource["Properties"]["Architectures"]
            del resource["Properties"]["Tags"]
    return copy


@pytest.fixture(scope="session")
def translated(template: Properties) -> Properties:
    """The template as CloudFormation has it once the SAM transform has run."""
    uploaded = json.loads(json.dumps(template))
    for resource in uploaded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "artefacts", "Key": "code.zip"}
    done = subprocess.run(
        [MINISTACK_PYTHON, "-c", TRANSLATE],
        input=json.dumps(uploaded),
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": REGIONS[0]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read: Properties = json.loads(done.stdout)
    return read


def test_cfn_lint_finds_nothing_in_the_template(any_package: Package) -> None:
    assert _findings(any_package.template.read_text()) == []


def test_cfn_lint_finds_nothing_once_the_transform_has_run(translated: Properties) -> None:
    assert _findings(json.dumps(translated)) == []


def test_the_linter_is_awake(template: Properties) -> None:
    broken = json.loads(json.dumps(template))
    broken["Resources"]["Table"]["Properties"]["BillingMode"] = "FREE"
    assert any(finding.startswith("E") for finding in _findings(json.dumps(broken)))


def test_the_transform_makes_no_role_and_loses_nothing(
    translated: Properties, resources: dict[str, Properties]
) -> None:
    made = translated["Resources"]
    assert _of_iam(made) == _of_iam(resources)
    assert made["Deliver"]["Properties"]["RecursiveLoop"] == "Allow"
    relayed = made["RelayRelayDynamodbEventSource"]["Properties"]
    assert relayed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert relayed["DestinationConfig"]["OnFailure"] == {
        "Destination": {"Fn::GetAtt": ["RelayDeadQueue", "Arn"]}
    }
    answers = made["RestAPI"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    assert answers.keys() == resources["RestAPI"]["Properties"]["GatewayResponses"].keys()


def test_the_firewall_stands_before_the_stage_that_the_transform_makes(translated: Properties) -> None:
    made = translated["Resources"]
    _, names = made["FirewallOfApi"]["Properties"]["ResourceArn"]["Fn::Sub"]
    assert made[names["StageName"]["Ref"]]["Type"] == "AWS::ApiGateway::Stage"


def _of_iam(resources: dict[str, Properties]) -> set[str]:
    return {name for name, resource in resources.items() if resource["Type"].startswith("AWS::IAM::")}


def test_no_placeholder_is_left(template: Properties) -> None:
    assert [text for text in _strings(template) if "placeholder" in text.lower()] == []


def test_chalices_own_role_is_gone(resources: dict[str, Properties]) -> None:
    assert "DefaultRole" not in resources


def test_the_template_names_no_account_and_no_region(any_package: Package) -> None:
    text = any_package.template.read_text()
    assert re.findall(r"\b\d{12}\b", text) == []
    assert re.findall(r"\b(?:us|eu|ap|sa|ca|me|af)-[a-z]+-\d\b", text) == []


def test_the_architectures_differ_in_nothing_else(any_package: Package, template: Properties) -> None:
    assert _portable(json.loads(any_package.template.read_text())) == _portable(template)


def test_every_parameter_but_the_stage_has_a_default(template: Properties) -> None:
    asked = {name for name, parameter in template["Parameters"].items() if "Default" not in parameter}
    assert asked == {"Stage"}


def test_in_aws_nothing_points_to_a_stand_in(template: Properties) -> None:
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    assert (defaults["AwsEndpointUrl"], defaults["StripeApiBase"]) == ("", "")
    assert defaults["EndpointPolicy"] == "public"
    variables = template["Resources"]["Deliver"]["Properties"]["Environment"]["Variables"]
    assert variables["AWS_ENDPOINT_URL"] == {
        "Fn::If": ["HasAwsEndpointUrl", {"Ref": "AwsEndpointUrl"}, {"Ref": "AWS::NoValue"}]
    }


def test_the_outputs_tell_tools_where_things_are(template: Properties) -> None:
    assert {
        "ApiUrl",
        "RestAPIId",
        "TableName",
        "ParameterPrefix",
        "DeliveriesQueueUrl",
        "DeliveriesDeadQueueUrl",
        "RelayDeadQueueUrl",
    } <= template["Outputs"].keys()


def test_the_alert_address_is_told_to_the_deployment_which_has_it_verified(template: Properties) -> None:
    assert template["Outputs"]["AlertEmail"]["Condition"] == "HasAlertEmail"
    assert template["Outputs"]["AlertEmail"]["Value"] == {"Ref": "AlertEmail"}
    topic = template["Resources"]["AlarmTopic"]
    assert topic["Condition"] == "HasAlertEmail"
    assert topic["Properties"]["Subscription"] == [{"Protocol": "email", "Endpoint": {"Ref": "AlertEmail"}}]


@pytest.mark.parametrize(
    ("alarm", "metric", "watched"),
    [
        ("DeliveriesDeadAlarm", "ApproximateNumberOfMessagesVisible", "DeliveriesDeadQueue"),
        ("RelayDeadAlarm", "ApproximateNumberOfMessagesVisible", "RelayDeadQueue"),
        ("RelayLagAlarm", "IteratorAge", "Relay"),
        ("ApiErrorsAlarm", "5XXError", "tillhook-${Stage}"),
    ],
)
def test_what_goes_wrong_unseen_raises_an_alarm(
    resources: dict[str, Properties], alarm: str, metric: str, watched: str
) -> None:
    properties = resources[alarm]["Properties"]
    assert properties["MetricName"] == metric
    assert watched in _strings(properties["Dimensions"])
    assert "AlarmTopic" in _strings(properties["AlarmActions"])
