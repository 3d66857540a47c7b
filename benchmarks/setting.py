"""Whom the functions deal with when they run in a process of the benchmark's: AWS, Stripe, a receiver."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from benchmarks.lambda_events import queue_arn
from deploy.package import Package
from deploy.stripe_keys import store
from local.aws import REGION, EmbeddedAws, embedded_aws
from local.demo.programs import listening
from local.demo.stripe import SANDBOX_KEYS
from local.dynamodb_local import Unavailable, dynamodb_local
from local.processes import ProgramFailed

STAGE = "bench"
EMBEDDED = "the embedded AWS"
GENUINE = "Amazon's DynamoDB Local"

# Out of reach here, where everybody has one address; counting costs the same.
LIMITS = {
    "TILLHOOK_CARTS_PER_ADDRESS": "1000000",
    "TILLHOOK_ORDERS_PER_ADDRESS": "1000000",
    "TILLHOOK_ORDERS_PER_CART": "20",
}


@dataclass(frozen=True, kw_only=True)
class Database:
    """`process_id` is None where its processor time can't be asked for."""

    name: str
    endpoint: str
    process_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Setting:
    """`databases` are the embedded AWS's own and, where it can be had, Amazon's, which comes first."""

    databases: tuple[Database, ...]
    missing: str
    """Why Amazon's is not there; empty if it is."""
    aws: EmbeddedAws
    queues: dict[str, str]
    """Addresses by name, the express one first."""
    stripe_url: str
    receiver_url: str
    table: dict[str, Any]

    def environment(self, database: Database, *, table: str) -> dict[str, str]:
        """What a function's environment holds, and where the benchmark finds the others."""
        more = {} if database.process_id is None else {"BENCH_DATABASE_PROCESS": str(database.process_id)}
        return {
            **self.aws.environment(),
            "AWS_ENDPOINT_URL_DYNAMODB": database.endpoint,
            "TILLHOOK_SHOP": STAGE,
            "TILLHOOK_TABLE": table,
            "TILLHOOK_PARAMETER_PREFIX": f"/tillhook/{STAGE}",
            "TILLHOOK_DELIVERIES_QUEUE_URL": self.queues["deliveries"],
            "TILLHOOK_EXPRESS_QUEUE_URL": self.queues["express"],
            "TILLHOOK_EXPRESS_QUEUE_ARN": queue_arn("express"),
            "TILLHOOK_STRIPE_API_BASE": self.stripe_url,
            "TILLHOOK_ENDPOINT_POLICY": "loopback",
            **LIMITS,
            "BENCH_RECEIVER_URL": self.receiver_url,
            **more,
        }

    def client(self, database: Database) -> BaseClient:
        return boto3.Session().client(
            "dynamodb",
            endpoint_url=database.endpoint,
            region_name=REGION,
            aws_access_key_id=self.aws.root.access_key,
            aws_secret_access_key=self.aws.root.secret_key,
            config=Config(parameter_validation=False),  # a third of the time it takes to write very much
        )

    def create_table(self, database: Database, *, name: str) -> None:
        """A table as the shipped template describes it."""
        client = self.client(database)
        client.create_table(TableName=name, **self.table)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


@contextmanager
def setting(package: Package, *, folder: Path, say: Callable[[str], object]) -> Iterator[Setting]:
    """Start everybody; end them with the context. Raises `ProgramFailed`."""
    with ExitStack() as programs:
        aws = programs.enter_context(embedded_aws(home=folder / "aws", say=say))
        databases = [Database(name=EMBEDDED, endpoint=aws.endpoint)]
        missing = ""
        try:
            genuine = programs.enter_context(dynamodb_local(log=folder / "dynamodb.log", say=say))
            databases.insert(
                0, Database(name=GENUINE, endpoint=genuine.endpoint, process_id=genuine.process_id)
            )
        except (Unavailable, ProgramFailed) as failure:
            missing = str(failure)
        say("Starting the Stripe sandbox and a receiver")
        stripe_url = programs.enter_context(
            listening("local.stripe_sandbox", log=folder / "stripe.log", what="the Stripe sandbox")
        )
        receiver_url = programs.enter_context(
            listening("local.receiver", log=folder / "receiver.log", what="the receiver")
        )
        store(SANDBOX_KEYS, stage=STAGE, ssm=aws.client("ssm"))
        yield Setting(
            databases=tuple(databases),
            missing=missing,
            aws=aws,
            queues=_queues(aws.client("sqs")),
            stripe_url=stripe_url,
            receiver_url=receiver_url,
            table=table_of(json.loads(package.template.read_text())),
        )


def table_of(template: dict[str, Any]) -> dict[str, Any]:
    """The template's table as `create_table` takes it, without the name."""
    properties = template["Resources"]["Table"]["Properties"]
    kept = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return {name: properties[name] for name in kept} | {"StreamSpecification": stream}


def _queues(sqs: BaseClient) -> dict[str, str]:
    return {name: str(sqs.create_queue(QueueName=name)["QueueUrl"]) for name in ("express", "deliveries")}
