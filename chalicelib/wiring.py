"""Where the services' needs meet the world: lazy, each thing once per process.

The only reader of the environment. SDKs are imported where they are first needed, since each function
pays for what it imports at every cold start.
"""

from __future__ import annotations

import gc
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from botocore.session import Session

    from chalicelib.adapters.cached_endpoints import CachedEndpoints
    from chalicelib.adapters.dynamodb.bookkeeping import DynamoBookkeeping
    from chalicelib.adapters.dynamodb.carts import DynamoCarts
    from chalicelib.adapters.dynamodb.catalog import DynamoCatalog
    from chalicelib.adapters.dynamodb.counters import DynamoCounters
    from chalicelib.adapters.dynamodb.deliveries import DynamoDeliveries
    from chalicelib.adapters.dynamodb.endpoints import DynamoEndpoints
    from chalicelib.adapters.dynamodb.events import DynamoEvents
    from chalicelib.adapters.dynamodb.jobs import DynamoJobs
    from chalicelib.adapters.dynamodb.keys import DynamoKeys
    from chalicelib.adapters.dynamodb.orders import DynamoOrders
    from chalicelib.adapters.dynamodb.pricing import DynamoPricing
    from chalicelib.adapters.dynamodb.slots import DynamoSlots
    from chalicelib.adapters.dynamodb.stock import DynamoStock
    from chalicelib.adapters.dynamodb.table import Table
    from chalicelib.adapters.http.resolver import SystemResolver
    from chalicelib.adapters.http.sender import HttpSender
    from chalicelib.adapters.jmespath import JmesPath
    from chalicelib.adapters.scheduler import OneShotSchedules
    from chalicelib.adapters.ses import SesMailer
    from chalicelib.adapters.sqs import SqsDeadLetters, SqsErrands
    from chalicelib.adapters.ssm import SsmSecrets
    from chalicelib.adapters.stripe.payments import StripePayments
    from chalicelib.services import housekeeping as housekeeping_service
    from chalicelib.services.outbound import Outbound
    from chalicelib.services.placing import Shop
    from chalicelib.services.reconciliation import Books

entropy: Callable[[int], bytes] = secrets.token_bytes


_one_at_a_time = Lock()


def now() -> datetime:
    return datetime.now(UTC)


@cache
def settings() -> Settings:
    return msgspec.convert(
        {
            "shop": os.environ.get("TILLHOOK_SHOP", ""),
            "table": os.environ["TILLHOOK_TABLE"],
            "parameter_prefix": os.environ.get("TILLHOOK_PARAMETER_PREFIX", ""),
            "deliveries_queue_url": os.environ.get("TILLHOOK_DELIVERIES_QUEUE_URL", ""),
            "express_queue_url": os.environ.get("TILLHOOK_EXPRESS_QUEUE_URL", ""),
            "express_queue_arn": os.environ.get("TILLHOOK_EXPRESS_QUEUE_ARN", ""),
            "relay_dead_queue_url": os.environ.get("TILLHOOK_RELAY_DEAD_QUEUE_URL", ""),
            "deliveries_queue_arn": os.environ.get("TILLHOOK_DELIVERIES_QUEUE_ARN", ""),
            "deliveries_dead_queue_arn": os.environ.get("TILLHOOK_DELIVERIES_DEAD_QUEUE_ARN", ""),
            "schedule_group": os.environ.get("TILLHOOK_SCHEDULE_GROUP", ""),
            "schedule_role_arn": os.environ.get("TILLHOOK_SCHEDULE_ROLE_ARN", ""),
            "stripe_api_base": os.environ.get("TILLHOOK_STRIPE_API_BASE", ""),
            "alert_email": os.environ.get("TILLHOOK_ALERT_EMAIL", ""),
            "endpoint_policy": {
                "reach": os.environ.get("TILLHOOK_ENDPOINT_POLICY", "public"),
                "ports": [
                    int(port) for port in os.environ.get("TILLHOOK_ENDPOINT_PORTS", "443,8443").split(",")
                ],
            },
            "limits": {
                "carts_per_address": os.environ.get("TILLHOOK_CARTS_PER_ADDRESS", "0"),
                "orders_per_address": os.environ.get("TILLHOOK_ORDERS_PER_ADDRESS", "0"),
                "orders_per_cart": os.environ.get("TILLHOOK_ORDERS_PER_CART", "0"),
            },
            "stage": os.environ.get("TILLHOOK_STAGE", ""),
        },
        Settings,
        strict=False,  # numbers come as text
    )


@contextmanager
def _loading() -> Iterator[None]:
    """Load without collecting garbage: what is loaded stays, so looking for garbage meanwhile is in vain.

    It is a tenth of a cold start, mostly while botocore reads its descriptions of services.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _session() -> Session:
    # boto3's own clients are botocore's; importing boto3 itself adds S3's transfer manager, which is a
    # third of such a cold start.
    from botocore.session import get_session

    return get_session()


@cache
def _client(service: Literal["dynamodb", "scheduler", "sesv2", "sqs", "ssm"]) -> Any:  # noqa: ANN401 (botocore makes its clients at run time)
    with _one_at_a_time, _loading():  # sessions can't make two clients at once; deliveries run side by side
        from botocore.config import Config

        # Short timeouts, so that a lost packet is a retry within the caller's patience, not its end.
        config = Config(
            connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4}
        )
        return _session().create_client(service, config=config)


@cache
def table() -> Table:
    from chalicelib.adapters.dynamodb.table import Table

    return Table(_client("dynamodb"), settings().table)


@cache
def carts() -> DynamoCarts:
    from chalicelib.adapters.dynamodb.carts import DynamoCarts

    return DynamoCarts(table())


@cache
def counters() -> DynamoCounters:
    from chalicelib.adapters.dynamodb.counters import DynamoCounters

    return DynamoCounters(table())


@cache
def catalog() -> DynamoCatalog:
    from chalicelib.adapters.dynamodb.catalog import DynamoCatalog

    return DynamoCatalog(table())


@cache
def stock() -> DynamoStock:
    from chalicelib.adapters.dynamodb.stock import DynamoStock

    return DynamoStock(table())


@cache
def orders() -> DynamoOrders:
    from chalicelib.adapters.dynamodb.orders import DynamoOrders

    return DynamoOrders(table())


@cache
def prices() -> DynamoPricing:
    from chalicelib.adapters.dynamodb.pricing import DynamoPricing

    return DynamoPricing(table())


@cache
def events() -> DynamoEvents:
    from chalicelib.adapters.dynamodb.events import DynamoEvents

    return DynamoEvents(table())


@cache
def deliveries() -> DynamoDeliveries:
    from chalicelib.adapters.dynamodb.deliveries import DynamoDeliveries

    return DynamoDeliveries(table())


@cache
def jobs() -> DynamoJobs:
    from chalicelib.adapters.dynamodb.jobs import DynamoJobs

    return DynamoJobs(table())


@cache
def slots() -> DynamoSlots:
    from chalicelib.adapters.dynamodb.slots import DynamoSlots

    return DynamoSlots(table())


@cache
def endpoints() -> DynamoEndpoints:
    from chalicelib.adapters.dynamodb.endpoints import DynamoEndpoints

    return DynamoEndpoints(table())


@cache
def recent_endpoints() -> CachedEndpoints:
    from chalicelib.adapters.cached_endpoints import CachedEndpoints

    return CachedEndpoints(endpoints(), monotonic=time.monotonic)


@cache
def keys() -> DynamoKeys:
    from chalicelib.adapters.dynamodb.keys import DynamoKeys

    return DynamoKeys(table())


@cache
def endpoint_secrets() -> SsmSecrets:
    from chalicelib.adapters.ssm import SsmSecrets

    return SsmSecrets(_client("ssm"), settings().parameter_prefix)


@cache
def stripe() -> StripePayments:
    from chalicelib.adapters.ssm import read_stripe_keys
    from chalicelib.adapters.stripe.payments import StripePayments

    return StripePayments(
        lambda: read_stripe_keys(_client("ssm"), settings().parameter_prefix),
        shop=settings().shop,
        api_base=settings().stripe_api_base,
    )


@cache
def checkout() -> Shop:
    from chalicelib.services.placing import Shop

    return Shop(
        carts=carts(),
        prices=prices(),
        stock=stock(),
        orders=orders(),
        provider=stripe(),
        limits=settings().limits,
    )


@cache
def housekeeping() -> housekeeping_service.Shop:
    from chalicelib.services.housekeeping import Shop

    return Shop(orders=orders(), stock=stock(), catalog=catalog(), provider=stripe())


@cache
def bookkeeping() -> DynamoBookkeeping:
    from chalicelib.adapters.dynamodb.bookkeeping import DynamoBookkeeping

    return DynamoBookkeeping(table())


@cache
def books() -> Books:
    from chalicelib.services.reconciliation import Books

    return Books(
        shop=settings().shop, provider=stripe(), orders=orders(), events=events(), progress=bookkeeping()
    )


@cache
def errands() -> SqsErrands:
    from chalicelib.adapters.sqs import SqsErrands

    return SqsErrands(
        _client("sqs"),
        queue_url=settings().deliveries_queue_url,
        express_url=settings().express_queue_url,
        schedules=_schedules(),
    )


@cache
def _schedules() -> OneShotSchedules:
    from chalicelib.adapters.scheduler import OneShotSchedules, ScheduleTarget

    target = ScheduleTarget(
        group=settings().schedule_group,
        queue_arn=settings().deliveries_queue_arn,
        dead_queue_arn=settings().deliveries_dead_queue_arn,
        role_arn=settings().schedule_role_arn,
    )
    return OneShotSchedules(lambda: _client("scheduler"), target, clock=now)


@cache
def dead_letters() -> SqsDeadLetters:
    from chalicelib.adapters.sqs import SqsDeadLetters

    return SqsDeadLetters(_client("sqs"), settings().relay_dead_queue_url)


@cache
def resolver() -> SystemResolver:
    from chalicelib.adapters.http.resolver import SystemResolver

    return SystemResolver()


@cache
def sender() -> HttpSender:
    with _loading():
        from chalicelib.adapters.http.sender import HttpSender

    return HttpSender(resolver(), settings().endpoint_policy)


@cache
def mailer() -> SesMailer:
    from chalicelib.adapters.ses import SesMailer

    return SesMailer(_client("sesv2"), address=settings().alert_email, stage=settings().stage)


@cache
def expressions() -> JmesPath:
    from chalicelib.adapters.jmespath import JmesPath

    return JmesPath()


@cache
def outbound() -> Outbound:
    from chalicelib.services.outbound import Outbound

    return Outbound(
        endpoints=recent_endpoints(),
        endpoint_store=endpoints(),
        health=endpoints(),
        secrets=endpoint_secrets(),
        events=events(),
        deliveries=deliveries(),
        orders=orders(),
        jobs=jobs(),
        queue=errands(),
        slots=slots(),
        sender=sender(),
        expressions=expressions(),
        clock=now,
        entropy=entropy,
        pause=time.sleep,
    )
