"""The owner's part: everything by the admin API but the first key, which is made beside it."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from chalicelib.services.admin_keys import create_key
from deploy.admin_key import key_store
from local.demo.web import Api, Json, Refused
from local.stack import STAGE, LocalStack

PAID = "order.paid"


def open_admin_api(stack: LocalStack) -> Api:
    """The admin API with a new key, made as `make admin-key` makes it."""
    store = key_store(stage=STAGE, client=stack.client)
    _, key = create_key("demo", store=store, entropy=secrets.token_bytes, now=datetime.now(UTC))
    return Api(url=stack.api_url, bearer=key)


def read_catalog(file: Path) -> Json:
    """A catalogue file: `products` as PUT /admin/catalog takes them, and `stock` by SKU."""
    try:
        catalog: Json = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"The catalogue {file} can't be read: {error}") from None
    if not isinstance(catalog, dict) or catalog.keys() != {"products", "stock"}:
        raise Refused(f"The catalogue {file} must have `products` and `stock`, and nothing else.")
    return catalog


def push_catalog(admin: Api, catalog: Json) -> Json:
    """Make it the shop's, stock and all; what the API says it changed."""
    change = admin.ask("PUT", "/admin/catalog", {"products": catalog["products"]})
    for sku, available in catalog["stock"].items():
        admin.ask("PUT", f"/admin/stock/{sku}", {"available": available})
    return change


def stock_of(admin: Api, *skus: str) -> dict[str, int]:
    return {sku: int(admin.ask("GET", f"/admin/stock/{sku}")["available"]) for sku in skus}


def register(admin: Api, url: str) -> tuple[str, str]:
    """Have `order.paid` delivered to `url`; the endpoint's id, and the secret that is shown once."""
    made = admin.ask(
        "POST", "/admin/endpoints", {"url": url, "events": [PAID], "description": "The demo's receiver"}
    )
    return made["endpoint"]["id"], made["secret"]
