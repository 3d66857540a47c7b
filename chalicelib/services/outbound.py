"""What delivering needs from the world."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from chalicelib.domain.identifiers import Entropy
from chalicelib.ports import (
    Clock,
    DeliveryStore,
    EndpointReader,
    EndpointStore,
    ErrandQueue,
    EventStore,
    Expressions,
    HealthStore,
    JobStore,
    OrderStore,
    SecretStore,
    Sender,
    Slots,
)


class Outbound(Struct, frozen=True, kw_only=True):
    """`endpoints` may be some seconds old; what is changed is read anew from `endpoint_store`.

    `pause` waits so many seconds.
    """

    endpoints: EndpointReader
    endpoint_store: EndpointStore
    health: HealthStore
    secrets: SecretStore
    events: EventStore
    deliveries: DeliveryStore
    orders: OrderStore
    jobs: JobStore
    queue: ErrandQueue
    slots: Slots
    sender: Sender
    expressions: Expressions
    clock: Clock
    entropy: Entropy
    pause: Callable[[float], None]
