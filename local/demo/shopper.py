"""The shopper's part, by plain HTTP as her browser would do it."""

from dataclasses import dataclass

from chalicelib.domain.money import display
from local.demo.web import Api, Json, Refused

ENOUGH = 2  # pieces left that make a product safe to buy here


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What she will do: `more` of one, one of another, and think better of the third. Each an offer."""

    more: Json
    one: Json
    dropped: Json


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An order that waits for its payment."""

    order_id: str
    token: str
    client_secret: str
    amount: str


def choose(shop: Api) -> tuple[Wishes, int]:
    """Look at the catalogue and choose; also how many products there are. Raises `Refused`."""
    offers = shop.ask("GET", "/products?limit=100")["items"]
    good = [offer for offer in offers if (offer["availability"]["left"] or 0) >= ENOUGH]
    try:
        more, one, dropped = good[:3]
    except ValueError:
        raise Refused(
            f"The catalogue needs three products with {ENOUGH} or more in stock; it has {len(good)}."
        ) from None
    return Wishes(more=more, one=one, dropped=dropped), len(offers)


def fill_cart(shop: Api, wishes: Wishes) -> Json:
    """A new cart with one of each."""
    cart = shop.ask("POST", "/carts")
    for offer in (wishes.more, wishes.one, wishes.dropped):
        cart = set_quantity(shop, cart, offer, 1)
    return cart


def set_quantity(shop: Api, cart: Json, offer: Json, quantity: int) -> Json:
    return shop.ask("PUT", f"/carts/{cart['id']}/items/{offer['sku']}", {"quantity": quantity})


def remove(shop: Api, cart: Json, offer: Json) -> Json:
    return shop.ask("DELETE", f"/carts/{cart['id']}/items/{offer['sku']}")


def check_out(shop: Api, cart: Json) -> Placed:
    """Turn the cart into an order, at the total that she saw."""
    placed = shop.ask(
        "POST",
        f"/carts/{cart['id']}/checkout",
        {
            "email": "ada@shopper.example",
            "name": "Ada Lovelace",
            "shipping_address": {"line1": "1 Analytical Row", "city": "London", "country": "GB"},
            "expected_total": cart["amount"],
        },
    )
    return Placed(
        order_id=placed["order_id"],
        token=placed["order_token"],
        client_secret=placed["client_secret"],
        amount=display(placed["amount"], placed["currency"]),
    )


def paid_order(shop: Api, placed: Placed) -> Json | None:
    """Her order, once it is paid."""
    order = shop.ask("GET", f"/orders/{placed.order_id}", bearer=placed.token)
    return order if order["status"] == "paid" else None
