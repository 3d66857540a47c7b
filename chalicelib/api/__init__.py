"""The HTTP API, by audience."""

from . import callbacks, events, openapi, storefront
from .admin import deliveries, endpoints, flow, health, orders, persons, products, transfers

ROOMS = (
    storefront.routes,
    callbacks.routes,
    endpoints.routes,
    flow.routes,
    deliveries.routes,
    orders.routes,
    products.routes,
    transfers.routes,
    persons.routes,
    health.routes,
    events.routes,
    openapi.routes,
)
