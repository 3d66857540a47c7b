"""What shoppers' browsers call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from chalicelib import wiring
from chalicelib.domain import errors
from chalicelib.domain.carts import Quantity
from chalicelib.domain.destinations import Destination
from chalicelib.domain.limits import visitor_of
from chalicelib.domain.orders import Address, Contact
from chalicelib.domain.totals import PricedCart, PriceList
from chalicelib.services import carts, catalog, checkout, orders
from chalicelib.services.placing import Wish

from .answers import CheckoutAnswer, Listing, OfferAnswer, OrderAnswer
from .routing import OPEN_TO_ALL_SITES, PAGED, Call, Routes

routes = Routes(__name__, audience="storefront", cors=OPEN_TO_ALL_SITES)

_Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[^\s\x00-\x1f\x7f@<>(),;:\\\"\[\]]{1,64}@[^\s\x00-\x1f\x7f@<>(),;:\\\"\[\]_.]+(\.[^\s\x00-\x1f\x7f@<>(),;:\\\"\[\]_.]+)+(?!\n)$",
        description="Where the receipt goes",
    ),
]


class AddressBody(Address, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to send it."""


class ItemQuantity(Struct, forbid_unknown_fields=True):
    quantity: Quantity


class CouponCode(Struct, forbid_unknown_fields=True):
    """In capitals or not."""

    code: Annotated[str, Meta(min_length=1, max_length=40)]


class DestinationBody(Destination, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the order will go: enough to know its shipping and tax."""


class CheckoutRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """`expected_total` is the cart's `amount` as the shopper saw it."""

    email: _Email
    expected_total: Annotated[int, Meta(ge=0, le=99_999_999)]
    name: Annotated[str, Meta(max_length=200)] = ""
    shipping_address: AddressBody | None = None


@routes.route("GET", "/products", answer=Listing[OfferAnswer], parameters=PAGED)
def list_products(call: Call) -> Listing[OfferAnswer]:
    """The catalogue, by SKU."""
    page = catalog.list_offers(
        limit=call.limit(), cursor=call.query("cursor"), catalog=wiring.catalog(), stock=wiring.stock()
    )
    return Listing(items=[OfferAnswer.of(offer) for offer in page.items], cursor=page.cursor)


@routes.route("GET", "/products/{sku}", answer=OfferAnswer, refusals=[errors.ProductNotFound])
def get_product(_call: Call, sku: str) -> OfferAnswer:
    """One product, and whether it can be bought now."""
    return OfferAnswer.of(catalog.read_offer(sku, stock=wiring.stock()))


@routes.route("POST", "/carts", answer=PricedCart, status=201, refusals=[errors.TooManyRequests])
def create_cart(call: Call) -> PricedCart:
    """A new, empty cart. Its id is all that opens it: keep it in the shopper's browser."""
    cart = carts.create_cart(
        _visitor(call),
        carts=wiring.carts(),
        counters=wiring.counters(),
        limits=wiring.settings().limits,
        entropy=wiring.entropy,
        now=wiring.now(),
    )
    return carts.priced(cart, PriceList(), ask_tax=wiring.stripe().ask_tax, now=wiring.now())


def _visitor(call: Call) -> str:
    return visitor_of(call.address, shop=wiring.settings().shop)


@routes.route("GET", "/carts/{cart_id}", answer=PricedCart, refusals=[errors.CartNotFound])
def get_cart(_call: Call, cart_id: str) -> PricedCart:
    """The cart at today's prices."""
    return carts.read_cart(
        cart_id,
        carts=wiring.carts(),
        prices=wiring.prices(),
        ask_tax=wiring.stripe().ask_tax,
        now=wiring.now(),
    )


@routes.route(
    "PUT",
    "/carts/{cart_id}/items/{sku}",
    body=ItemQuantity,
    answer=PricedCart,
    refusals=[
        errors.CartNotFound,
        errors.ItemNotInCart,
        errors.ProductNotFound,
        errors.CartFull,
        errors.CurrencyMixed,
    ],
)
def put_item(_call: Call, body: ItemQuantity, cart_id: str, sku: str) -> PricedCart:
    """Set how many of a product are in the cart; 0 takes it out."""
    return carts.set_quantity(
        cart_id,
        sku,
        body.quantity,
        carts=wiring.carts(),
        prices=wiring.prices(),
        ask_tax=wiring.stripe().ask_tax,
        now=wiring.now(),
    )


@routes.route("DELETE", "/carts/{cart_id}/items/{sku}", answer=PricedCart, refusals=[errors.CartNotFound])
def delete_item(_call: Call, cart_id: str, sku: str) -> PricedCart:
    """Take a product out of the cart; what is not in it is out of it already."""
    return carts.remove_item(
        cart_id,
        sku,
        carts=wiring.carts(),
        prices=wiring.prices(),
        ask_tax=wiring.stripe().ask_tax,
        now=wiring.now(),
    )


@routes.route(
    "PUT",
    "/carts/{cart_id}/coupon",
    body=CouponCode,
    answer=PricedCart,
    refusals=[errors.CartNotFound, errors.CouponNotFound],
)
def put_coupon(_call: Call, body: CouponCode, cart_id: str) -> PricedCart:
    """Use a code. If it takes nothing off, the cart's `coupon_problem` says why."""
    return carts.set_coupon(
        cart_id,
        body.code,
        carts=wiring.carts(),
        prices=wiring.prices(),
        ask_tax=wiring.stripe().ask_tax,
        now=wiring.now(),
    )


@routes.route("DELETE", "/carts/{cart_id}/coupon", answer=PricedCart, refusals=[errors.CartNotFound])
def delete_coupon(_call: Call, cart_id: str) -> PricedCart:
    """Use no code."""
    return carts.remove_coupon(
        cart_id,
        carts=wiring.carts(),
        prices=wiring.prices(),
        ask_tax=wiring.stripe().ask_tax,
        now=wiring.now(),
    )


@routes.route(
    "PUT",
    "/carts/{cart_id}/destination",
    body=DestinationBody,
    answer=PricedCart,
    refusals=[errors.CartNotFound],
)
def put_destination(_call: Call, body: DestinationBody, cart_id: str) -> PricedCart:
    """Say where it goes. If nothing is sent there, the cart's `destination_problem` says so."""
    return carts.set_destination(
        cart_id,
        Destination(**asdict(body)),
        carts=wiring.carts(),
        prices=wiring.prices(),
        ask_tax=wiring.stripe().ask_tax,
        now=wiring.now(),
    )


@routes.route(
    "POST",
    "/carts/{cart_id}/checkout",
    body=CheckoutRequest,
    answer=CheckoutAnswer,
    status=201,
    refusals=[
        errors.CartNotFound,
        errors.CartEmpty,
        errors.ProductUnavailable,
        errors.DestinationNeeded,
        errors.DestinationNotServed,
        errors.DestinationChanged,
        errors.CouponUnavailable,
        errors.TotalChanged,
        errors.OutOfStock,
        errors.AmountRefused,
        errors.OrderNotPayable,
        errors.TooManyRequests,
        errors.ProviderUnavailable,
    ],
)
def check_out(call: Call, body: CheckoutRequest, cart_id: str) -> CheckoutAnswer:
    """Reserve what is in the cart and begin its payment. The same version of a cart is the same order."""
    wish = Wish(contact=_contact(body), expected_total=body.expected_total, visitor=_visitor(call))
    return CheckoutAnswer.of(checkout.check_out(cart_id, wish, shop=wiring.checkout(), now=wiring.now()))


def _contact(body: CheckoutRequest) -> Contact:
    address = body.shipping_address
    return Contact(
        email=body.email, name=body.name, shipping_address=Address(**asdict(address)) if address else None
    )


@routes.route(
    "GET", "/orders/{order_id}", answer=OrderAnswer, refusals=[errors.OrderNotFound], secured="order token"
)
def get_order(call: Call, order_id: str) -> OrderAnswer:
    """The shopper's own order, opened by `Authorization: Bearer` and the token that checkout gave."""
    token = call.header("authorization").removeprefix("Bearer ").strip()
    return OrderAnswer.of(orders.read_own_order(order_id, token, orders=wiring.orders()))
