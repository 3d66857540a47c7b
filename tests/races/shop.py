"""A shop over a real table, and crowds who come at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

from chalicelib.adapters.dynamodb.carts import DynamoCarts
from chalicelib.adapters.dynamodb.catalog import DynamoCatalog
from chalicelib.adapters.dynamodb.events import DynamoEvents
from chalicelib.adapters.dynamodb.orders import DynamoOrders
from chalicelib.adapters.dynamodb.pricing import DynamoPricing
from chalicelib.adapters.dynamodb.stock import DynamoStock
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain.carts import Cart, with_quantity
from chalicelib.domain.catalog import Product
from chalicelib.domain.errors import TillhookError
from chalicelib.domain.limits import Limits
from chalicelib.domain.orders import Order
from chalicelib.ports import Fact, OrderStory
from chalicelib.services import checkout, payments, placing
from chalicelib.services.checkout import Checkout
from tests.fakes import NOW, FakeProvider
from tests.making import ADA, a_cart, a_product

NO_LIMITS = Limits(carts_per_address=0, orders_per_address=0, orders_per_cart=0)

TEA = a_product("tea", amount=700, tracked=True, name="Tea")
POT = a_product("pot", amount=3500, tracked=True, name="A pot")
CUP = a_product("cup", amount=900, tracked=True, name="A cup")


class Shop:
    """Sells what is tracked, by the real adapters; the provider is the fake."""

    def __init__(self, table: Table) -> None:
        self.carts = DynamoCarts(table)
        self.catalog = DynamoCatalog(table)
        self.stock = DynamoStock(table)
        self.prices = DynamoPricing(table)
        self.orders = DynamoOrders(table)
        self.events = DynamoEvents(table)
        self.provider = FakeProvider()
        self.catalog.put_products([TEA, POT, CUP])

    def checkout(self) -> placing.Shop:
        return placing.Shop(
            carts=self.carts,
            prices=self.prices,
            stock=self.stock,
            orders=self.orders,
            provider=self.provider,
            limits=NO_LIMITS,
        )

    def cart(self, wanted: Mapping[str, int], *, seed: object = 0) -> Cart:
        """A new cart with so many of each."""
        products = self.catalog.get_products(wanted)
        cart = a_cart(seed=seed)
        for sku, quantity in wanted.items():
            cart = with_quantity(cart, products[sku], quantity, now=NOW)
        self.carts.create_cart(cart)
        return cart

    def check_out(self, cart: Cart, *, now: datetime = NOW) -> Checkout:
        """At the total of the cart as it was when somebody looked at it."""
        return self.check_out_at(cart, total_of(cart), now=now)

    def check_out_at(self, cart: Cart, total: int, *, now: datetime = NOW) -> Checkout:
        wish = placing.Wish(contact=ADA, expected_total=total, visitor="vis_test")
        return checkout.check_out(cart.id, wish, shop=self.checkout(), now=now)

    def record(self, fact: Fact) -> Order:
        return payments.record(fact, orders=self.orders, now=NOW)

    def pay(self, order: Order) -> Order:
        """The shopper pays, if she still can, and the provider says what has become of it."""
        return self.record(self.provider.succeed(f"pay_{order.id}"))

    def stock_of(self, product: Product) -> int:
        return self.stock.get_stock([product.sku])[product.sku]

    def stories(self) -> list[OrderStory]:
        """All orders that were ever placed."""
        page = self.orders.list_orders(f"{NOW:%Y-%m}", limit=1000, cursor=None)
        return [self.story(summary.id) for summary in page.items]

    def story(self, order_id: str) -> OrderStory:
        story = self.orders.get_order(order_id)
        assert story is not None
        return story

    def told(self, order: Order) -> list[str]:
        """The types of the events about an order, sorted."""
        found, _ = self.events.list_events(
            since=NOW - timedelta(days=1), until=NOW + timedelta(days=1), position="", limit=1000
        )
        return sorted(event.type for event in found if event.order_id == order.id)

    def require_one_open_order(self, cart_id: str) -> OrderStory:
        """The one order of the cart that can be paid; it has the one payment that is left."""
        stories = [story for story in self.stories() if story.order.cart_id == cart_id]
        (still_open,) = [story for story in stories if story.order.is_payable]
        payable = {
            reference
            for reference, order in self.provider.orders.items()
            if order.cart_id == cart_id and self.provider.states.get(reference) != "canceled"
        }
        assert payable == {still_open.order.payment.reference}
        cart = self.carts.get_cart(cart_id)
        assert cart is not None
        assert cart.order_id == still_open.order.id
        return still_open

    def held(self) -> Counter[str]:
        """What all orders together hold of the stock."""
        return sum((held_by(story.order) for story in self.stories()), Counter())


def held_by(order: Order) -> Counter[str]:
    """Pieces by SKU, in whichever of its stock rows."""
    return _by_sku(order.reserved)


def needed_by(order: Order) -> Counter[str]:
    return _by_sku(order.takes)


def _by_sku(pieces: Mapping[str, int]) -> Counter[str]:
    found = Counter[str]()
    for name, count in pieces.items():
        found[name.partition("#")[0]] += count
    return found


def total_of(cart: Cart) -> int:
    amounts = {product.sku: product.amount for product in (TEA, POT, CUP)}
    return sum(amounts[line.sku] * line.quantity for line in cart.lines)


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Everybody begins at the same moment; what each got, or how each was refused, in their order."""
    start = Barrier(len(calls))

    def come(call: Callable[[], object]) -> object:
        start.wait()
        try:
            return call()
        except TillhookError as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as crowd:
        return list(crowd.map(come, calls))


def refusals(outcomes: Iterable[object]) -> Counter[type[object]]:
    return Counter(type(outcome) for outcome in outcomes if isinstance(outcome, TillhookError))
