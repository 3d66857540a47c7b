"""CART#id / CART: a cart, written whole on condition of its version."""

from __future__ import annotations

from chalicelib.domain.carts import Cart
from chalicelib.domain.catalog import Product

from .catalog import product_key
from .items import Row, from_row, to_row
from .table import Key, Table


class DynamoCarts:
    """Keeps chalicelib.ports.CartStore."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_cart(self, cart_id: str) -> Cart | None:
        row = self._table.get(cart_key(cart_id))
        return from_row(row, Cart) if row else None

    def get_cart_and_product(self, cart_id: str, sku: str) -> tuple[Cart | None, Product | None]:
        rows = self._table.get_many([cart_key(cart_id), product_key(sku)])
        cart, product = rows.get(cart_key(cart_id)), rows.get(product_key(sku))
        return (
            from_row(cart, Cart) if cart else None,
            from_row(product, Product) if product else None,
        )

    def create_cart(self, cart: Cart) -> None:
        self._table.put(_row(cart))  # its id is new; asked twice, it is the same

    def replace_cart(self, cart: Cart) -> None:
        # A checkout leaves the version alone, and must not be forgotten.
        self._table.put(
            _row(cart),
            condition="version = :read AND (attribute_not_exists(checkouts) OR checkouts = :checkouts)",
            values={"read": cart.version - 1, "checkouts": cart.checkouts},
        )


def cart_key(cart_id: str) -> Key:
    return f"CART#{cart_id}", "CART"


def _row(cart: Cart) -> Row:
    pk, sk = cart_key(cart.id)
    return to_row(cart, pk=pk, sk=sk, kind="cart", expires_at=int(cart.expires_at.timestamp()))
