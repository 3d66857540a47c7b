"""One purchase, from the first look at the catalogue to the verified webhook."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.domain.money import display
from local.demo import owner, shopper
from local.demo.opening import Setting, Shop
from local.demo.shopper import Placed, Wishes
from local.demo.web import Json, Refused, wait_for
from local.timeline import Timeline

MORE = 2  # how many of the first item she ends up with
TIMES = "\N{MULTIPLICATION SIGN}"
# Her page asks a moment after paying. Sooner, it would be a second API call beside Stripe's, which starts
# a second function, and whoever gets that one waits.
A_MOMENT = 0.1


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A purchase that is over. `seconds` is from her confirmation to the verified delivery."""

    order_id: str
    order_token: str
    event_id: str
    seconds: float


def make_purchase(setting: Setting, shop: Shop) -> Sale:
    """Buy, and follow the order to the receiver. Raises `StepFailed`."""
    timeline = setting.timeline
    wishes = _browse(timeline, shop)
    cart = _fill_cart(timeline, shop, wishes)
    before = owner.stock_of(shop.admin, wishes.more["sku"], wishes.one["sku"])
    placed = _check_out(timeline, shop, cart)
    confirmed_at = _confirm_card(timeline, shop, placed)
    _await_paid(setting, shop, placed)
    _compare_stock(timeline, shop, wishes, before)
    webhook = _await_webhook(setting, shop, placed)
    verified_at = datetime.fromisoformat(webhook["at"])
    return Sale(
        order_id=placed.order_id,
        order_token=placed.token,
        event_id=webhook["webhook_id"],
        seconds=(verified_at - confirmed_at).total_seconds(),
    )


def _browse(timeline: Timeline, shop: Shop) -> Wishes:
    with timeline.step("Browse") as step:
        wishes, count = shopper.choose(shop.public)
        step.happened(f"{count} products in the catalogue")
    return wishes


def _fill_cart(timeline: Timeline, shop: Shop, wishes: Wishes) -> Json:
    with timeline.step("Fill the cart") as step:
        cart = shopper.fill_cart(shop.public, wishes)
        step.happened(" + ".join(offer["name"] for offer in (wishes.more, wishes.one, wishes.dropped)))
    with timeline.step("Change a quantity") as step:
        cart = shopper.set_quantity(shop.public, cart, wishes.more, MORE)
        step.happened(f"{MORE} {TIMES} {wishes.more['name']}")
    with timeline.step("Remove an item") as step:
        cart = shopper.remove(shop.public, cart, wishes.dropped)
        _check_cart(cart, wishes)
        step.happened(f"{wishes.dropped['name']}; total {display(cart['amount'], cart['currency'])}")
    return cart


def _check_cart(cart: Json, wishes: Wishes) -> None:
    wanted = {wishes.more["sku"]: MORE, wishes.one["sku"]: 1}
    found = {line["sku"]: line["quantity"] for line in cart["lines"]}
    if found != wanted:
        raise Refused(f"The cart should hold {wanted}; it holds {found}.")


def _check_out(timeline: Timeline, shop: Shop, cart: Json) -> Placed:
    with timeline.step("Check out") as step:
        placed = shopper.check_out(shop.public, cart)
        step.happened(f"{placed.order_id}, {placed.amount}, stock reserved")
    return placed


def _confirm_card(timeline: Timeline, shop: Shop, placed: Placed) -> datetime:
    """When she pressed the button."""
    with timeline.step("Confirm the card") as step:
        confirmed_at = datetime.now(UTC)
        status = shop.stripe.pay(placed.client_secret)
        step.happened(f"4242 4242 4242 4242: Stripe says {status}")
    return confirmed_at


def _await_paid(setting: Setting, shop: Shop, placed: Placed) -> None:
    with setting.timeline.step("Stripe calls back") as step:
        step.note("Waiting for Stripe's webhook")
        time.sleep(A_MOMENT)
        order = wait_for(
            lambda: shopper.paid_order(shop.public, placed),
            what=f"Order {placed.order_id} did not turn paid",
            patience=setting.patience,
        )
        step.happened(f"its signed webhook is verified, the order is {order['status']}")


def _compare_stock(timeline: Timeline, shop: Shop, wishes: Wishes, before: dict[str, int]) -> None:
    with timeline.step("Stock falls") as step:
        after = owner.stock_of(shop.admin, *before)
        bought = {wishes.more["sku"]: MORE, wishes.one["sku"]: 1}
        if after != {sku: before[sku] - bought[sku] for sku in before}:
            raise Refused(f"Bought was {bought}, but stock went from {before} to {after}.")
        step.happened(", ".join(f"{sku} {before[sku]} → {after[sku]}" for sku in before))


def _await_webhook(setting: Setting, shop: Shop, placed: Placed) -> Json:
    """What the receiver verified: `order.paid` of this very order."""

    def look() -> Json | None:
        received: list[Json] = shop.receiver.ask("GET", "/received.json")["received"]
        for one in received:
            if not one["verified"]:
                raise Refused(f"The receiver refused {one['webhook_id']}: {one['problem']}.")
        return next((one for one in received if _is_about(one["payload"], placed)), None)

    with setting.timeline.step("Receiver verifies") as step:
        step.note("Waiting for the receiver")
        webhook = wait_for(
            look,
            what=f"The receiver got no {owner.PAID} of {placed.order_id}",
            patience=setting.patience,
        )
        step.happened(f"{owner.PAID} for {placed.order_id}, by standardwebhooks")
    return webhook


def _is_about(payload: Json, placed: Placed) -> bool:
    return bool(payload["type"] == owner.PAID and payload["data"]["order"]["id"] == placed.order_id)
