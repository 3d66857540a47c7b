"""The HTTP API, by audience."""

from . import callbacks, events, openapi, storefront
from .admin import deliveries, endpoints, flow, orders, pricing, products

ROOMS = (
    storefront.routes,
    callbacks.routes,
    endpoints.routes,
    flow.routes,
    deliveries.routes,
    orders.routes,
    products.routes,
    pricing.routes,
    events.routes,
    openapi.routes,
)
