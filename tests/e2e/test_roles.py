"""The roles, proven: the embedded AWS enforces them, and refuses whatever a role lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack import ALERT_EMAIL, FUNCTIONS, LocalStack

Arguments = dict[str, object]

# Names in braces stand for outputs of the stack.
ROW = {"TableName": "{TableName}", "Key": {"pk": {"S": "NOBODY"}, "sk": {"S": "NOBODY"}}}
KNOWN = {"RequestItems": {"{TableName}": {"Keys": [ROW["Key"]]}}}
ROWS = {
    "TableName": "{TableName}",
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "NOBODY"}},
}
LISTED = {
    "TableName": "{TableName}",
    "IndexName": "listing",
    "KeyConditionExpression": "listing = :listing",
    "ExpressionAttributeValues": {":listing": {"S": "NOBODY"}},
}
UNDELIVERED = LISTED | {
    "IndexName": "undelivered",
    "KeyConditionExpression": "undelivered = :listing",
}
DUE = LISTED | {"IndexName": "due", "KeyConditionExpression": "due = :listing"}
TABLE = {"TableName": "{TableName}"}
STRIPE_KEYS = {"Name": "{ParameterPrefix}/stripe", "WithDecryption": True}
ENDPOINT_SECRETS = {"Name": "{ParameterPrefix}/endpoints/ep_nobody", "WithDecryption": True}
ENDPOINT_SECRETS_OF_ANOTHER = {"Name": "/tillhook/another/endpoints/ep_nobody", "WithDecryption": True}
DELIVERIES = {"QueueUrl": "{DeliveriesQueueUrl}"}
PARKED = {"QueueUrl": "{RelayDeadQueueUrl}", "MessageBody": "{}"}
MAIL = {
    "FromEmailAddress": ALERT_EMAIL,
    "Destination": {"ToAddresses": [ALERT_EMAIL]},
    "Content": {"Simple": {"Subject": {"Data": "A test"}, "Body": {"Text": {"Data": "of the roles"}}}},
}

MAY = [
    ("api", "dynamodb", "get_item", ROW),
    ("api", "dynamodb", "query", LISTED),
    ("api", "dynamodb", "query", UNDELIVERED),
    ("api", "ssm", "get_parameter", STRIPE_KEYS),
    ("api", "ssm", "get_parameter", ENDPOINT_SECRETS),
    ("relay", "dynamodb", "batch_get_item", KNOWN),
    ("relay", "dynamodb", "query", ROWS),
    ("relay", "sqs", "send_message", PARKED),
    ("deliver", "dynamodb", "query", ROWS),
    ("deliver", "dynamodb", "query", LISTED),
    ("deliver", "dynamodb", "get_item", ROW),
    ("deliver", "ssm", "get_parameter", ENDPOINT_SECRETS),
    ("deliver", "sqs", "get_queue_attributes", DELIVERIES),
    ("deliver", "sesv2", "send_email", MAIL),
    ("api", "dynamodb", "query", DUE),
    ("housekeeping", "dynamodb", "query", DUE),
    ("housekeeping", "dynamodb", "query", LISTED),
    ("housekeeping", "dynamodb", "get_item", ROW),
    ("housekeeping", "ssm", "get_parameter", STRIPE_KEYS),
]
MAY_NOT = [
    ("api", "dynamodb", "scan", TABLE),
    ("api", "dynamodb", "delete_table", TABLE),
    ("api", "ssm", "get_parameter", ENDPOINT_SECRETS_OF_ANOTHER),
    ("api", "sqs", "send_message", DELIVERIES | {"MessageBody": "{}"}),
    ("relay", "dynamodb", "delete_item", ROW),
    ("relay", "dynamodb", "query", LISTED),
    ("relay", "ssm", "get_parameter", STRIPE_KEYS),
    ("relay", "ssm", "get_parameter", ENDPOINT_SECRETS),
    ("relay", "sqs", "receive_message", DELIVERIES),
    ("deliver", "dynamodb", "delete_item", ROW),
    ("deliver", "dynamodb", "query", UNDELIVERED),
    ("deliver", "ssm", "get_parameter", STRIPE_KEYS),
    ("deliver", "ssm", "get_parameter", ENDPOINT_SECRETS_OF_ANOTHER),
    ("deliver", "sqs", "send_message", PARKED),
    ("deliver", "sqs", "purge_queue", DELIVERIES),
    ("api", "sesv2", "send_email", MAIL),
    ("relay", "sesv2", "send_email", MAIL),
    ("relay", "dynamodb", "query", DUE),
    ("deliver", "dynamodb", "query", DUE),
    ("housekeeping", "dynamodb", "delete_item", ROW),
    ("housekeeping", "dynamodb", "query", UNDELIVERED),
    ("housekeeping", "ssm", "get_parameter", ENDPOINT_SECRETS),
    ("housekeeping", "sqs", "send_message", DELIVERIES | {"MessageBody": "{}"}),
    ("housekeeping", "sesv2", "send_email", MAIL),
    ("deliver", "sesv2", "create_email_identity", {"EmailIdentity": "nobody@shop.example"}),
]


def _filled(arguments: Arguments, outputs: dict[str, str]) -> Arguments:
    text = json.dumps(arguments)
    for output, found in outputs.items():
        text = text.replace(f"{{{output}}}", found)
    filled: Arguments = json.loads(text)
    return filled


def _error(stack: LocalStack, role: str, service: str, operation: str, arguments: Arguments) -> str:
    """The code of the error that somebody with the role gets for the call; '' if it works."""
    client: Any = stack.aws.client(service, credentials=stack.aws.assume(stack.role(role)))
    try:
        getattr(client, operation)(**_filled(arguments, stack.outputs))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize(("role", "service", "operation", "arguments"), MAY)
def test_a_role_opens_what_its_function_needs(
    stack: LocalStack, role: str, service: str, operation: str, arguments: Arguments
) -> None:
    # A parameter that is not there is found missing only by who may look.
    assert _error(stack, role, service, operation, arguments) in {"", "ParameterNotFound"}


@pytest.mark.parametrize(("role", "service", "operation", "arguments"), MAY_NOT)
def test_a_role_opens_nothing_else(
    stack: LocalStack, role: str, service: str, operation: str, arguments: Arguments
) -> None:
    assert _error(stack, role, service, operation, arguments) in {"AccessDenied", "AccessDeniedException"}


def test_each_function_runs_under_its_own_role(stack: LocalStack) -> None:
    assert len({stack.role(function) for function in FUNCTIONS}) == len(FUNCTIONS)
