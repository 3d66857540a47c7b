"""From the shopper's confirmation to the delivery that the owner's receiver verified, on the local stack."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Figure, Finding, Goal
from local.aws import ROOT
from local.demo import owner, shopper
from local.demo.programs import listening
from local.demo.stripe import SANDBOX_KEYS, Sandbox
from local.demo.web import Api, wait_for
from local.stack import local_stack

CATALOG = ROOT / "local/catalog.json"
WARMING, SALES = 2, 10
PLENTY = 1000
PATIENCE = 30.0  # seconds for one delivery
MOST = 3.0


@dataclass(frozen=True, kw_only=True)
class Shop:
    api: Api
    sandbox: Sandbox
    receiver: Api


def measure(*, folder: Path, say: Callable[[str], object]) -> Finding:
    """Run the packaged shop and buy in it. Raises what starting it raises, `Refused` and `NotSeen`."""
    with (
        listening("local.stripe_sandbox", log=folder / "stripe.log", what="the Stripe sandbox") as stripe_url,
        listening("local.receiver", log=folder / "receiver.log", what="the receiver") as receiver_url,
        local_stack(stripe_api_base=stripe_url, stripe_keys=SANDBOX_KEYS, name="delivery", say=say) as stack,
    ):
        sandbox, receiver = Sandbox(api_base=stripe_url), Api(url=receiver_url)
        sandbox.call_back(f"{stack.api_url}/callbacks/stripe", secret=SANDBOX_KEYS.webhook_secrets)
        _open(owner.open_admin_api(stack), receiver)
        stack.warm_up()
        shop = Shop(api=Api(url=stack.api_url), sandbox=sandbox, receiver=receiver)
        took = []
        for sale in range(WARMING + SALES):
            say(f" sale {sale + 1} of {WARMING + SALES}")
            took.append(_buy(shop))
    return judge(took[WARMING:])


def _open(admin: Api, receiver: Api) -> None:
    catalog = owner.read_catalog(CATALOG)
    owner.push_catalog(admin, catalog | {"stock": dict.fromkeys(catalog["stock"], PLENTY)})
    _, secret = owner.register(admin, f"{receiver.url}/hook")
    receiver.ask("PUT", "/secret", {"secret": secret})


def _buy(shop: Shop) -> float:
    """Seconds from confirming the card to the receiver's verdict, by its own clock, which is ours."""
    wishes, _ = shopper.choose(shop.api)
    cart = shop.api.ask("POST", "/carts")
    shopper.set_quantity(shop.api, cart, wishes.more, 1)
    cart = shopper.set_quantity(shop.api, cart, wishes.one, 1)
    placed = shopper.check_out(shop.api, cart)
    confirmed_at = datetime.now(UTC)
    shop.sandbox.pay(placed.client_secret)
    verified_at = wait_for(
        lambda: _verified_at(shop.receiver, placed.order_id),
        what=f"The receiver got no webhook of {placed.order_id}",
        patience=PATIENCE,
    )
    return (verified_at - confirmed_at).total_seconds()


def _verified_at(receiver: Api, order_id: str) -> datetime | None:
    for one in receiver.ask("GET", "/received.json")["received"]:
        if one["verified"] and one["payload"]["data"]["order"]["id"] == order_id:
            return datetime.fromisoformat(one["at"])
    return None


def judge(took: Sequence[float]) -> Finding:
    goal = Goal(limit=MOST)
    note = (
        "Warm, on the packaged stack in the embedded AWS. Expect more in AWS, which asks a stream four times "
        "a second."
    )
    return Finding(
        title="From the shopper's confirmation to the verified delivery",
        figures=[
            Figure(name=f"median of {len(took)} sales", value=statistics.median(took), unit="s", goal=goal),
            Figure(name="the slowest of them", value=max(took), unit="s", goal=goal),
        ],
        notes=[note],
    )
