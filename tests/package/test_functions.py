"""What each function is, what it is told, and what wakes it."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from chalicelib import wiring
from chalicelib.workers.deliver import BATCH
from chalicelib.workers.housekeeping import ENOUGH
from deploy.package import Package
from tests.package.conftest import Properties


@dataclass(frozen=True, kw_only=True)
class Expected:
    handler: str
    timeout: int  # seconds
    log: str
    variables: set[str]
    memory: int = 512  # MB


TABLE = {"TILLHOOK_TABLE", "AWS_ENDPOINT_URL"}
EXPECTED = {
    "APIHandler": Expected(
        handler="app.app",
        timeout=29,
        log="api",
        variables=TABLE
        | {
            "TILLHOOK_SHOP",
            "TILLHOOK_PARAMETER_PREFIX",
            "TILLHOOK_STRIPE_API_BASE",
            "TILLHOOK_ENDPOINT_POLICY",
            "TILLHOOK_ENDPOINT_PORTS",
        }
        | {"TILLHOOK_CARTS_PER_ADDRESS", "TILLHOOK_ORDERS_PER_ADDRESS", "TILLHOOK_ORDERS_PER_CART"},
    ),
    "Relay": Expected(
        handler="chalicelib.workers.relay.relay",
        timeout=60,
        log="relay",
        variables=TABLE
        | {"TILLHOOK_DELIVERIES_QUEUE_URL", "TILLHOOK_EXPRESS_QUEUE_URL", "TILLHOOK_RELAY_DEAD_QUEUE_URL"}
        | {"TILLHOOK_ALERT_EMAIL"},
    ),
    "Deliver": Expected(
        handler="chalicelib.workers.deliver.deliver",
        timeout=60,
        log="deliver",
        variables=TABLE
        | {
            "TILLHOOK_DELIVERIES_QUEUE_URL",
            "TILLHOOK_PARAMETER_PREFIX",
            "TILLHOOK_ENDPOINT_POLICY",
            "TILLHOOK_ENDPOINT_PORTS",
        }
        | {
            "TILLHOOK_DELIVERIES_QUEUE_ARN",
            "TILLHOOK_EXPRESS_QUEUE_ARN",
            "TILLHOOK_DELIVERIES_DEAD_QUEUE_ARN",
        }
        | {"TILLHOOK_SCHEDULE_GROUP", "TILLHOOK_SCHEDULE_ROLE_ARN"}
        | {"TILLHOOK_ALERT_EMAIL", "TILLHOOK_STAGE"},
    ),
    "Housekeeping": Expected(
        handler="chalicelib.workers.housekeeping.housekeeping",
        timeout=300,
        log="housekeeping",
        variables=TABLE | {"TILLHOOK_SHOP", "TILLHOOK_PARAMETER_PREFIX", "TILLHOOK_STRIPE_API_BASE"},
    ),
}


def _triggers(function: Properties, kind: str) -> list[Properties]:
    """The properties of all that wakes a function."""
    assert {event["Type"] for event in function["Events"].values()} == {kind}
    return [event["Properties"] for event in function["Events"].values()]


def _trigger(function: Properties, kind: str) -> Properties:
    """Those of its only one."""
    (properties,) = _triggers(function, kind)
    return properties


def test_there_are_these_functions(functions: dict[str, Properties]) -> None:
    assert functions.keys() == EXPECTED.keys()


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_a_function_has_its_handler_memory_and_time(
    functions: dict[str, Properties], name: str, expected: Expected
) -> None:
    function = functions[name]
    assert function["Handler"] == expected.handler
    assert (function["MemorySize"], function["Timeout"]) == (expected.memory, expected.timeout)


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_a_function_is_told_only_what_it_needs(
    functions: dict[str, Properties], name: str, expected: Expected
) -> None:
    assert functions[name]["Environment"]["Variables"].keys() == expected.variables


def test_the_variables_are_those_that_the_wiring_reads(functions: dict[str, Properties]) -> None:
    told = {name for function in functions.values() for name in function["Environment"]["Variables"]}
    read = set(re.findall(r"\bTILLHOOK_[A-Z_]+", Path(wiring.__file__).read_text()))
    assert told - {"AWS_ENDPOINT_URL"} == read  # boto3 reads that one by itself


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_a_function_logs_to_its_own_group_which_forgets(
    resources: dict[str, Properties], functions: dict[str, Properties], name: str, expected: Expected
) -> None:
    group = resources[functions[name]["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["Type"] == "AWS::Logs::LogGroup"
    assert group["Properties"] == {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/tillhook-${{Stage}}-{expected.log}"},
        "RetentionInDays": {"Ref": "LogRetentionDays"},
    }


def test_card_testers_are_limited_unless_asked_otherwise(template: Properties) -> None:
    parameters = template["Parameters"]
    named = ("CartsPerAddressPerHour", "OrdersPerAddressPerHour", "OrdersPerCart")
    assert [(parameters[name]["Default"], parameters[name]["MinValue"]) for name in named] == [
        (300, 0),
        (60, 0),
        (20, 0),
    ]


def test_logs_are_kept_for_a_month_unless_asked_otherwise(template: Properties) -> None:
    assert template["Parameters"]["LogRetentionDays"]["Default"] == 30


def test_functions_run_on_the_interpreter_and_the_architecture_they_were_packaged_for(
    any_package: Package,
) -> None:
    resources = json.loads(any_package.template.read_text())["Resources"]
    for name in EXPECTED:
        function = resources[name]["Properties"]
        assert function["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"
        assert function["Architectures"] == [any_package.architecture]
        assert function["CodeUri"] == "./deployment.zip"


@pytest.mark.parametrize(("name", "kind"), [("Relay", "DynamoDB"), ("Deliver", "SQS")])
def test_a_batch_fails_in_parts(functions: dict[str, Properties], name: str, kind: str) -> None:
    for trigger in _triggers(functions[name], kind):
        assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_relay_is_woken_by_new_events_and_jobs_and_by_watched_stock_alone(
    functions: dict[str, Properties],
) -> None:
    trigger = _trigger(functions["Relay"], "DynamoDB")
    assert trigger["Stream"] == {"Fn::GetAtt": ["Table", "StreamArn"]}
    patterns = [json.loads(found["Pattern"]) for found in trigger["FilterCriteria"]["Filters"]]
    assert patterns == [
        {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["event", "job"]}}}},
        {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"kind": {"S": ["stock"]}}}},
    ]


def test_no_record_stands_in_the_relays_way_for_ever(functions: dict[str, Properties]) -> None:
    trigger = _trigger(functions["Relay"], "DynamoDB")
    assert trigger["BisectBatchOnFunctionError"] is True
    assert trigger["MaximumRetryAttempts"] == 30
    assert trigger["DestinationConfig"] == {
        "OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": ["RelayDeadQueue", "Arn"]}}
    }


def test_the_relay_misses_nothing_and_waits_for_nothing(functions: dict[str, Properties]) -> None:
    trigger = _trigger(functions["Relay"], "DynamoDB")
    assert trigger["StartingPosition"] == "TRIM_HORIZON"
    assert trigger["MaximumBatchingWindowInSeconds"] == 0


def test_deliveries_can_not_take_the_concurrency_that_checkout_needs(
    template: Properties, functions: dict[str, Properties]
) -> None:
    triggers = _triggers(functions["Deliver"], "SQS")
    queues = [trigger["Queue"]["Fn::GetAtt"] for trigger in triggers]
    assert sorted(queues) == [["DeliveriesQueue", "Arn"], ["ExpressQueue", "Arn"]]
    for trigger in triggers:
        assert trigger["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "DeliverMaximumConcurrency"}}
    parameter = template["Parameters"]["DeliverMaximumConcurrency"]
    assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (2, 2, 1000)


def test_a_delivery_starts_at_once_and_a_batch_fits_the_workers_threads(
    functions: dict[str, Properties],
) -> None:
    for trigger in _triggers(functions["Deliver"], "SQS"):
        assert trigger["MaximumBatchingWindowInSeconds"] == 0
        assert trigger["BatchSize"] == BATCH


def test_the_function_that_feeds_its_own_queue_is_allowed_to(functions: dict[str, Properties]) -> None:
    looping = {name: function.get("RecursiveLoop") for name, function in functions.items()}
    assert looping == {"APIHandler": None, "Relay": None, "Deliver": "Allow", "Housekeeping": None}


def test_the_clock_wakes_housekeeping_every_few_minutes(functions: dict[str, Properties]) -> None:
    trigger = _trigger(functions["Housekeeping"], "Schedule")
    assert trigger == {"Schedule": "rate(5 minutes)"}
    assert ENOUGH.total_seconds() < functions["Housekeeping"]["Timeout"]
