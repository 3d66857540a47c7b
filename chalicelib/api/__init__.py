"""The HTTP API, by audience."""

from . import callbacks, events, openapi, storefront
from .admin import endpoints, orders, products

ROOMS = (
    storefront.routes,
    callbacks.routes,
    endpoints.routes,
    orders.routes,
    products.routes,
    events.routes,
    openapi.routes,
)
