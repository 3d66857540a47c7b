from __future__ import annotations

from msgspec import Struct

from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.limits import Limits


class Settings(Struct, frozen=True, kw_only=True):
    """What a deployment sets, once. A function gets only what it needs; the rest is empty.

    `shop` tells this deployment's payments from others' in the same Stripe account. `alert_email` is where
    the owner is told of what fails, empty for nowhere.
    """

    shop: str
    table: str
    parameter_prefix: str
    deliveries_queue_url: str
    express_queue_url: str
    express_queue_arn: str
    relay_dead_queue_url: str
    deliveries_queue_arn: str
    deliveries_dead_queue_arn: str
    schedule_group: str
    schedule_role_arn: str
    stripe_api_base: str
    alert_email: str
    endpoint_policy: EndpointPolicy
    limits: Limits
    stage: str
