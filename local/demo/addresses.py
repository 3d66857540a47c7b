"""What is there to be tried once the shop is up."""

import shlex

from local.demo.opening import Shop
from local.demo.sale import Sale
from local.demo.stripe import Sandbox
from local.timeline import Timeline


def show(timeline: Timeline, shop: Shop, sale: Sale) -> None:
    """Print the addresses, and commands that work as they stand."""
    timeline.section("Have a look")
    for name, value in _places(shop).items():
        timeline.line(f"  {name:<16} {value}")
    timeline.section("Try it")
    for what, command in _commands(shop, sale).items():
        timeline.line(f"  # {what}", style="dim")
        timeline.line(f"  {command}")


def _places(shop: Shop) -> dict[str, str]:
    places = {
        "Receiver's page": f"{shop.receiver.url}/",
        "Shop API": shop.stack.api_url,
        "Admin key": shop.admin.bearer,
    }
    if isinstance(shop.stripe, Sandbox):
        places["Stripe sandbox"] = shop.stripe.api_base
    return places


def _commands(shop: Shop, sale: Sale) -> dict[str, str]:
    api, key = shop.stack.api_url, shop.admin.bearer
    return {
        "What is for sale": _curl(f"{api}/products"),
        "A new cart": _curl(f"{api}/carts", "-X", "POST"),
        "The order, as its shopper sees it": _curl(f"{api}/orders/{sale.order_id}", bearer=sale.order_token),
        "… as its owner sees it": _curl(f"{api}/admin/orders/{sale.order_id}", bearer=key),
        "To whom its webhook went": _curl(f"{api}/admin/events/{sale.event_id}/deliveries", bearer=key),
        "All there is (OpenAPI 3.1)": _curl(f"{api}/openapi.json"),
    }


def _curl(url: str, *options: str, bearer: str = "") -> str:
    authorization = ("-H", f"Authorization: Bearer {bearer}") if bearer else ()
    return shlex.join(["curl", "-sw", r"\n", *options, *authorization, url])
