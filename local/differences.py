"""Where the embedded AWS falls short of CloudFormation in AWS, made up for after each deployment.

Each function names one difference, seen with ministack 1.5.33. None of them changes what is deployed.
"""

import json
from collections.abc import Iterator
from typing import Any

from local.aws import REGION, EmbeddedAws

Template = dict[str, Any]


def make_up(template: Template, *, stack: str, api_id: str, aws: EmbeddedAws) -> None:
    """Bring the deployed stack to what `template`, the packaged one, says."""
    _count_concurrency(aws)
    _allow_batches(stack=stack, aws=aws)
    _allow_schedules(stack=stack, aws=aws)
    _allow_mails(stack=stack, aws=aws)
    _answer_as_gateway(template, api_id=api_id, aws=aws)
    _answer_preflights(template, api_id=api_id, aws=aws)
    aws.client("apigateway").create_deployment(restApiId=api_id, stageName="api")


def physical_id(logical_id: str, *, stack: str, aws: EmbeddedAws) -> str:
    """What a resource of the stack is really called."""
    found = aws.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _count_concurrency(aws: EmbeddedAws) -> None:
    """It keeps a number that came from a parameter as text, and its poller then fails comparing it."""
    functions = aws.client("lambda")
    for trigger in functions.list_event_source_mappings()["EventSourceMappings"]:
        if scaling := trigger.get("ScalingConfig"):
            functions.update_event_source_mapping(
                UUID=trigger["UUID"], ScalingConfig={"MaximumConcurrency": int(scaling["MaximumConcurrency"])}
            )


def _allow_batches(*, stack: str, aws: EmbeddedAws) -> None:
    """It asks for a permission of its own for SendMessageBatch, which in AWS is SendMessage."""
    patient, express = (
        _queue_arn(queue, stack=stack, aws=aws) for queue in ("DeliveriesQueue", "ExpressQueue")
    )
    _allow("RelayRole", "sqs:SendMessageBatch", patient, express, stack=stack, aws=aws)
    _allow("DeliverRole", "sqs:SendMessageBatch", patient, stack=stack, aws=aws)


def _queue_arn(logical_id: str, *, stack: str, aws: EmbeddedAws) -> str:
    url = physical_id(logical_id, stack=stack, aws=aws)
    queue = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(queue["Attributes"]["QueueArn"])


def _allow_schedules(*, stack: str, aws: EmbeddedAws) -> None:
    """It takes every schedule for one of the group `default` when it asks for permission."""
    account = aws.client("sts").get_caller_identity()["Account"]
    schedules = f"arn:aws:scheduler:{REGION}:{account}:schedule/default/*"
    _allow("DeliverRole", "scheduler:CreateSchedule", schedules, stack=stack, aws=aws)


def _allow_mails(*, stack: str, aws: EmbeddedAws) -> None:
    """It asks for permission to send from anywhere at all, not from the address that a mail is from."""
    _allow("DeliverRole", "ses:SendEmail", "*", stack=stack, aws=aws)


def _allow(role: str, action: str, *resources: str, stack: str, aws: EmbeddedAws) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resources}
    aws.client("iam").put_role_policy(
        RoleName=physical_id(role, stack=stack, aws=aws),
        PolicyName=action.replace(":", "-"),
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )


def _answer_as_gateway(template: Template, *, api_id: str, aws: EmbeddedAws) -> None:
    """It ignores the gateway responses of an API's definition; they count from the next deployment on."""
    for kind, response in gateway_responses(template).items():
        aws.client("apigateway").put_gateway_response(restApiId=api_id, responseType=kind, **response)


def gateway_responses(template: Template) -> dict[str, dict[str, Any]]:
    """The template's answers of API Gateway itself, by kind, as `put_gateway_response` takes them."""
    responses = _api(template)["GatewayResponses"]
    return {kind: _gateway_response(response) for kind, response in responses.items()}


def _gateway_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = response["ResponseParameters"]["Headers"]
    answer = {
        "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        "responseTemplates": response["ResponseTemplates"],
    }
    return answer | ({"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {})


def _answer_preflights(template: Template, *, api_id: str, aws: EmbeddedAws) -> None:
    """It drops what a mock integration answers, and so the headers that let browsers on other sites call."""
    gateway = aws.client("apigateway")
    pages = gateway.get_paginator("get_resources").paginate(restApiId=api_id)
    resources = {resource["path"]: resource["id"] for page in pages for resource in page["items"]}
    for path, headers in _preflights(template):
        gateway.put_integration_response(
            restApiId=api_id,
            resourceId=resources[path],
            httpMethod="OPTIONS",
            statusCode="200",
            responseParameters=headers,
        )


def _preflights(template: Template) -> Iterator[tuple[str, dict[str, str]]]:
    for path, methods in _api(template)["DefinitionBody"]["paths"].items():
        if "options" in methods:
            integration = methods["options"]["x-amazon-apigateway-integration"]
            yield path, integration["responses"]["default"]["responseParameters"]


def _api(template: Template) -> dict[str, Any]:
    properties: dict[str, Any] = template["Resources"]["RestAPI"]["Properties"]
    return properties
