"""CART#id / CART: a cart, written whole on condition of its version."""

from __future__ import annotations

from chalicelib.domain.carts import Cart
from chalicelib.domain.totals import PriceList

from .items import Row, from_row, to_row
from .pricing import price_keys, price_list
from .table import Key, Table


class DynamoCarts:
    """Keeps chalicelib.ports.CartStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_cart(self, cart_id: str) -> Cart | None:
        row = self._table.get(cart_key(cart_id))
        return from_row(row, Cart) if row else None

    def get_cart_and_prices(self, cart_id: str, sku: str) -> tuple[Cart | None, PriceList]:
        rows = self._table.get_many([cart_key(cart_id), *price_keys([sku], coupon="")])
        cart = rows.get(cart_key(cart_id))
        return from_row(cart, Cart) if cart else None, price_list(rows)

    def create_cart(self, cart: Cart) -> None:
        self._table.put(_row(cart))  # its id is new; asked twice, it is the same

    def replace_cart(self, cart: Cart) -> None:
        # Becoming an order leaves a cart's version as it is, and must not be forgotten.
        self._table.put(
            _row(cart),
            condition="version = :read"
            " AND (attribute_not_exists(order_id) OR order_id = :order)"
            " AND (attribute_not_exists(checkouts) OR checkouts = :checkouts)",
            values={"read": cart.version - 1, "order": cart.order_id, "checkouts": cart.checkouts},
        )


def cart_key(cart_id: str) -> Key:
    return f"CART#{cart_id}", "CART"


def _row(cart: Cart) -> Row:
    pk, sk = cart_key(cart.id)
    return to_row(cart, pk=pk, sk=sk, kind="cart", expires_at=int(cart.expires_at.timestamp()))
