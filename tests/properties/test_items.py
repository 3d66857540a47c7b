from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.items import from_row, from_value, sortable, to_row, to_value
from chalicelib.domain.catalog import Product
from chalicelib.domain.deliveries import Delivery
from chalicelib.domain.orders import Order
from tests.strategies import deliveries, moments, orders, products, texts

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**37), 10**37), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_comes_back_as_it_went(value: object) -> None:
    back = from_value(to_value(value))
    assert back == value
    assert type(back) is type(value)


@given(products())
def test_a_product_comes_back_as_it_went(product: Product) -> None:
    assert from_row(to_row(product, pk="CATALOG", sk=product.sku, kind="product"), Product) == product


@given(orders())
def test_an_order_comes_back_as_it_went(order: Order) -> None:
    assert from_row(to_row(order, pk="ORDER#1", sk="ORDER", kind="order"), Order) == order


@given(deliveries())
def test_a_delivery_comes_back_as_it_went(delivery: Delivery) -> None:
    assert from_row(to_row(delivery, pk="EVENT#1", sk="DELIVERY#1", kind="delivery"), Delivery) == delivery


@given(products(), st.dictionaries(st.text("abcxyz", min_size=3, max_size=3), VALUES, max_size=3))
def test_a_row_may_carry_more_than_this_version_knows(product: Product, more: dict[str, object]) -> None:
    assert from_row(to_row(product, **more), Product) == product


@given(moments, moments)
def test_times_sort_as_their_texts_do(one: datetime, other: datetime) -> None:
    assert (sortable(one) < sortable(other)) == (one < other)
    assert sortable(one + timedelta(microseconds=1)) > sortable(one)
