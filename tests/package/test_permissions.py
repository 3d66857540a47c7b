"""Least privilege: each function may do exactly this, to exactly that."""

import re

import pytest

from tests.package.conftest import Properties

SSM = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/tillhook/${Stage}"
SCHEDULES = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule"
RECEIVING = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}

# What a role may do, by what it may do it to.
MAY = {
    "ApiRole": {
        "Table": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "${Table.Arn}/index/due": {"dynamodb:Query"},
        "${Table.Arn}/index/listing": {"dynamodb:Query"},
        "${Table.Arn}/index/undelivered": {"dynamodb:Query"},
        f"{SSM}/stripe": {"ssm:GetParameter"},
        f"{SSM}/endpoints/*": {"ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"},
        "ApiLog": LOGGING,
    },
    "RelayRole": {
        "Table": {
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "${Table.Arn}/stream/*": {
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        },
        "DeliveriesQueue": {"sqs:SendMessage"},
        "ExpressQueue": {"sqs:SendMessage"},
        "RelayDeadQueue": {"sqs:SendMessage"},
        "RelayLog": LOGGING,
    },
    "DeliverRole": {
        "Table": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "${Table.Arn}/index/listing": {"dynamodb:Query"},
        f"{SSM}/endpoints/*": {"ssm:GetParameter"},
        "DeliveriesQueue": RECEIVING | {"sqs:SendMessage"},
        "ExpressQueue": RECEIVING,
        f"{SCHEDULES}/${{RetrySchedules}}/*": {"scheduler:CreateSchedule"},
        "RetryScheduleRole": {"iam:PassRole"},
        "DeliverLog": LOGGING,
    },
    "HousekeepingRole": {
        "Table": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "${Table.Arn}/index/due": {"dynamodb:Query"},
        "${Table.Arn}/index/listing": {"dynamodb:Query"},
        f"{SSM}/stripe": {"ssm:GetParameter"},
        "HousekeepingLog": LOGGING,
    },
    "RetryScheduleRole": {
        "DeliveriesQueue": {"sqs:SendMessage"},
        "DeliveriesDeadQueue": {"sqs:SendMessage"},
    },
}
FUNCTIONS = MAY.keys() - {"RetryScheduleRole"}
# A star may only stand for one level below what is ours: a stream's label, an endpoint's id.
STARS = {"${Table.Arn}/stream/*", f"{SSM}/endpoints/*", f"{SCHEDULES}/${{RetrySchedules}}/*"}


def _list(one_or_many: object) -> list[object]:
    return one_or_many if isinstance(one_or_many, list) else [one_or_many]


def _named(resource: object) -> str:
    match resource:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::Sub": str(text)}:
            return text
    raise AssertionError(f"{resource} is no resource of this stack")


def _granted(role: Properties) -> dict[str, set[str]]:
    granted: dict[str, set[str]] = {}
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement.keys() - {"Condition"} == {"Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            for resource in _list(statement["Resource"]):
                granted.setdefault(_named(resource), set()).update(map(str, _list(statement["Action"])))
    return granted


@pytest.mark.parametrize("role", MAY)
def test_a_role_grants_what_its_function_does_and_nothing_else(
    resources: dict[str, Properties], role: str
) -> None:
    assert _granted(resources[role]["Properties"]) == MAY[role]


@pytest.mark.parametrize("role", MAY)
def test_no_permission_is_for_everything(resources: dict[str, Properties], role: str) -> None:
    for resource, actions in _granted(resources[role]["Properties"]).items():
        assert not [action for action in actions if "*" in action or "?" in action]
        assert "*" not in resource or resource in STARS


def test_each_function_has_a_role_of_its_own(functions: dict[str, Properties]) -> None:
    assert {name: _named(function["Role"]) for name, function in functions.items()} == {
        "APIHandler": "ApiRole",
        "Relay": "RelayRole",
        "Deliver": "DeliverRole",
        "Housekeeping": "HousekeepingRole",
    }


def test_there_is_no_other_role_policy_or_attached_permission(
    resources: dict[str, Properties], functions: dict[str, Properties]
) -> None:
    iam = {name for name, resource in resources.items() if resource["Type"].startswith("AWS::IAM::")}
    assert iam == MAY.keys() | {"DeliverAlertPolicy"}
    for role in MAY:
        assert resources[role]["Properties"].keys() == {"AssumeRolePolicyDocument", "Policies"}
    assert not [name for name, function in functions.items() if "Policies" in function]


def test_only_the_scheduler_gets_a_role_passed(resources: dict[str, Properties]) -> None:
    statements = resources["DeliverRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    conditions = [statement["Condition"] for statement in statements if "Condition" in statement]
    assert conditions == [{"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}]


def test_mail_goes_from_the_owners_address_to_itself_alone_and_only_where_there_is_one(
    resources: dict[str, Properties],
) -> None:
    policy = resources["DeliverAlertPolicy"]
    assert policy["Condition"] == "HasAlertEmail"
    assert policy["Properties"]["Roles"] == [{"Ref": "DeliverRole"}]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "ses:SendEmail",
            "Resource": {
                "Fn::Sub": "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${AlertEmail}"
            },
            "Condition": {"ForAllValues:StringEquals": {"ses:Recipients": {"Ref": "AlertEmail"}}},
        }
    ]


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("", True),
        ("owner@shop.example", True),
        ("O.Wner+alerts_1%x=y@mail.shop-1.example", True),
        ("*@shop.example", False),
        ("owner?@shop.example", False),
        ("owner@*", False),
        ("owner@Shop.example", False),
        ("owner@shop.example\n", False),
        ("owner@shop.example,everybody@shop.example", False),
        ("${aws:username}@shop.example", False),
        ("owner@localhost", False),
        ("owner", False),
    ],
)
def test_an_alert_address_is_one_address_that_stands_for_no_other(
    template: Properties, address: str, *, taken: bool
) -> None:
    pattern = template["Parameters"]["AlertEmail"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, address)) is taken  # CloudFormation matches the whole value


def test_only_this_accounts_scheduler_may_take_the_retry_role(resources: dict[str, Properties]) -> None:
    (statement,) = resources["RetryScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }


@pytest.mark.parametrize("role", sorted(FUNCTIONS))
def test_only_lambda_may_take_a_functions_role(resources: dict[str, Properties], role: str) -> None:
    (statement,) = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_only_our_own_api_may_call_the_api_function(resources: dict[str, Properties]) -> None:
    permissions = {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Permission"
    }
    (permission,) = permissions.values()
    assert permission["FunctionName"] == {"Ref": "APIHandler"}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source, names = permission["SourceArn"]["Fn::Sub"]
    assert source.endswith(":${RestAPIId}/*")
    assert names == {"RestAPIId": {"Ref": "RestAPI"}}
