"""The whole shop on this machine: the package that AWS would get, deployed into an embedded AWS.

Used by the demo and by the end-to-end tests. Every start has a folder of its own, so that two of them
don't meet.
"""

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from deploy.alerts import verify_alert_address
from deploy.package import Package, build, machine_architecture
from deploy.stack import deploy
from deploy.stripe_keys import StripeKeys, store
from local.aws import ROOT, EmbeddedAws, embedded_aws
from local.differences import make_up, physical_id

STAGE = "local"
ALERT_EMAIL = "owner@shop.example"
FUNCTIONS = {
    "api": "APIHandler",
    "relay": "Relay",
    "deliver": "Deliver",
    "housekeeping": "Housekeeping",
}
HOMES = ROOT / ".local"


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """A shop that is up. `api_url` has no slash at its end; `outputs` are the stack's."""

    api_url: str
    outputs: dict[str, str]
    aws: EmbeddedAws
    package: Package

    def client(self, service: str) -> BaseClient:
        """A boto3 client with all rights in the embedded account."""
        return self.aws.client(service)

    def logs(self, function: str) -> list[str]:
        """All that a function (one of FUNCTIONS) has logged, line by line, oldest first."""
        if function not in FUNCTIONS:
            raise KeyError(function)
        return self.aws.log_lines(f"/aws/lambda/tillhook-{STAGE}-{function}")

    def function_name(self, function: str) -> str:
        """The deployed name of one of FUNCTIONS."""
        return physical_id(FUNCTIONS[function], stack=f"tillhook-{STAGE}", aws=self.aws)

    def role(self, function: str) -> str:
        """The ARN of the role that one of FUNCTIONS runs under."""
        configuration = self.client("lambda").get_function_configuration(
            FunctionName=self.function_name(function)
        )
        return str(configuration["Role"])

    def mails(self) -> list[dict[str, Any]]:
        """All that was mailed, oldest first; each has Source, To, Subject and BodyText."""
        url = f"{self.aws.endpoint}/_ministack/ses/messages"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own, on this machine)
            messages = json.load(answer)["messages"]
        return [mail for of_account in messages.values() for mail in of_account]

    def warm_up(self) -> None:
        """Start each worker once, with nothing to do, so that the next delivery waits for no cold start."""
        for function in ("relay", "deliver"):
            self.client("lambda").invoke(
                FunctionName=self.function_name(function), Payload=b'{"Records": []}'
            )


@contextmanager
def local_stack(
    *,
    stripe_api_base: str,
    stripe_keys: StripeKeys,
    name: str = "stack",
    say: Callable[[str], object] = print,
) -> Iterator[LocalStack]:
    """Package, start the embedded AWS, deploy, and yield the shop; end all of it afterwards.

    `stripe_api_base` is a sandbox's address, or '' for Stripe itself. Raises what packaging, starting and
    deploying raise: `PackagingFailed`, `ProgramFailed`, `DeploymentFailed`.
    """
    package = build(architecture=machine_architecture(), say=say)
    template = json.loads(package.template.read_text())  # now: somebody may build anew beside us
    with _home(name) as home, embedded_aws(home=home, say=say) as aws:
        store(stripe_keys, stage=STAGE, ssm=aws.client("ssm"))
        deployment = deploy(
            package=package,
            stage=STAGE,
            client=aws.client,
            parameters={
                "AwsEndpointUrl": aws.endpoint,
                "StripeApiBase": stripe_api_base,
                "EndpointPolicy": "loopback",
                "AlertEmail": ALERT_EMAIL,
                # On one machine, everybody has one address.
                "CartsPerAddressPerHour": "1000000",
                "OrdersPerAddressPerHour": "1000000",
            },
            say=say,
        )
        verify_alert_address(ALERT_EMAIL, ses=aws.client("ses"), say=say)
        api_id = deployment.outputs["RestAPIId"]
        make_up(template, stack=f"tillhook-{STAGE}", api_id=api_id, aws=aws)
        yield LocalStack(
            api_url=f"{aws.endpoint}/restapis/{api_id}/api/_user_request_",
            outputs=deployment.outputs,
            aws=aws,
            package=package,
        )


@contextmanager
def _home(name: str) -> Iterator[Path]:
    """A folder for one start. It goes at the end, unless something went wrong: then its logs stay."""
    _sweep()
    home = HOMES / f"{name}-{os.getpid()}"
    home.mkdir(parents=True, exist_ok=True)
    try:
        yield home
    except (KeyboardInterrupt, SystemExit):  # somebody ended it: that is no failure
        shutil.rmtree(home, ignore_errors=True)
        raise
    shutil.rmtree(home, ignore_errors=True)


def _sweep() -> None:
    """Remove what starts that are over have left."""
    for home in HOMES.glob("*-*"):
        with suppress(ValueError):
            if not _alive(int(home.name.rpartition("-")[2])):
                shutil.rmtree(home, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
