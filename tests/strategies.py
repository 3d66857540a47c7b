"""What can come at the shop, for hypothesis to make up."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.domain.catalog import Product
from chalicelib.domain.coupons import Coupon, CouponTerms
from chalicelib.domain.deliveries import Delivery
from chalicelib.domain.destinations import Destination
from chalicelib.domain.exchanges import Reply
from chalicelib.domain.money import CURRENCIES, smallest_step
from chalicelib.domain.orders import Address, Contact, Order
from chalicelib.domain.payments import FactKind, PaymentFact
from chalicelib.domain.shipping import Band, Shipping, ShippingRate
from chalicelib.domain.taxes import RegionRates, Taxes
from chalicelib.domain.totals import PriceList
from tests.making import a_delivery, a_fact, an_endpoint, an_event, an_id, an_order

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
"""Any text that UTF-8 can carry."""

moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (the zone stands beside)

statuses = st.one_of(st.none(), st.sampled_from([200, 204, 301, 410, 429, 500]), st.integers(100, 599))
"""What a receiver may answer; None: nothing."""

skus = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,8}", fullmatch=True)
currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(0, 99_999_999)
quantities = st.integers(1, 1000)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@st.composite
def near_addresses(
    draw: st.DrawFn, networks: st.SearchStrategy[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The first and last addresses of a network, and those just outside."""
    network = draw(networks)
    edge = int(draw(st.sampled_from([network.network_address, network.broadcast_address])))
    number = min(max(edge + draw(st.integers(-2, 2)), 0), 2**network.max_prefixlen - 1)
    return ipaddress.IPv4Address(number) if network.version == 4 else ipaddress.IPv6Address(number)


@st.composite
def products(draw: st.DrawFn, *, currency: str | None = None) -> Product:
    return Product(
        sku=draw(skus),
        name=draw(texts.filter(bool)),
        amount=draw(amounts),
        currency=currency or draw(currencies),
        description=draw(texts),
        image=draw(texts),
        stock=draw(st.sampled_from(["tracked", "unlimited"])),
        shippable=draw(st.booleans()),
        weight_grams=draw(st.integers(0, 10_000)),
        tax_code=draw(st.sampled_from([None, "a", "b"])),
    )


countries = st.sampled_from(["DE", "FR", "US", "JP"])
destinations = st.builds(Destination, country=countries, state=st.sampled_from(["", "NY", "ca"]))


@st.composite
def coupon_terms(draw: st.DrawFn, *, currency: str, of: Sequence[str]) -> CouponTerms:
    """Sound ones, for the whole order or for some of these SKUs."""
    step = smallest_step(currency)
    by_percentage = draw(st.booleans())
    return CouponTerms(
        basis_points=draw(st.integers(1, 10_000)) if by_percentage else None,
        amount_off=None if by_percentage else draw(st.integers(1, 99_999_999 // step)) * step,
        currency=currency,
        skus=draw(st.lists(st.sampled_from(of), max_size=3)),
        minimum_spend=draw(st.sampled_from([0, 0, 5000])),
        max_uses=draw(st.none() | st.integers(1, 5)),
        max_discount=draw(st.none() | st.integers(1, 10**9)),
    )


@st.composite
def shippings(draw: st.DrawFn, *, currency: str) -> Shipping:
    """A rate for some countries, one for all others, either or none."""
    step = smallest_step(currency)
    prices = st.integers(0, 99_999 // step).map(lambda amount: amount * step)

    def rate(*named: str) -> ShippingRate:
        bands = [Band(up_to=draw(st.integers(0, 10**6)), amount=draw(prices)), Band(amount=draw(prices))]
        by: Any = draw(st.sampled_from(["weight", "total"]))
        return ShippingRate(name="Parcel", currency=currency, countries=named, by=by, bands=bands)

    rates = [*([rate("DE", "FR")] if draw(st.booleans()) else []), *([rate()] if draw(st.booleans()) else [])]
    return Shipping(rates=rates)


@st.composite
def tax_tables(draw: st.DrawFn) -> Taxes:
    rates = st.integers(0, 1_000_000) | st.sampled_from([70_000, 190_000, 200_000, 88_750])
    regions = [
        RegionRates(
            country=country,
            state=state,
            default=draw(rates),
            by_code=draw(st.dictionaries(st.sampled_from(["a", "b", "shipping"]), rates)),
        )
        for country, state in draw(st.sets(st.sampled_from([("DE", ""), ("US", ""), ("US", "NY")])))
    ]
    prices: Any = draw(st.sampled_from(["inclusive", "exclusive"]))
    return Taxes(home="DE", regions=regions, prices=prices)


@st.composite
def price_lists(draw: st.DrawFn) -> PriceList:
    """Of one currency, prices being such as the catalogue takes."""
    currency = draw(currencies)
    found = draw(st.lists(products(currency=currency), min_size=1, max_size=8, unique_by=lambda one: one.sku))
    step = smallest_step(currency)
    sold = {product.sku: replace(product, amount=product.amount // step * step) for product in found}
    coupon = Coupon(
        code="CODE",
        version=1,
        terms=draw(coupon_terms(currency=currency, of=list(sold))),
        times_used=draw(st.integers(0, 3)),
    )
    return PriceList(
        products=sold,
        coupon=coupon,
        shipping=draw(shippings(currency=currency)),
        taxes=draw(tax_tables()),
    )


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    address = st.builds(
        Address,
        line1=texts.filter(bool),
        city=texts.filter(bool),
        country=st.just("FR"),
        line2=texts,
        postal_code=texts.map(lambda text: text[:20]),
        state=texts,
    )
    return Contact(email=draw(texts), name=draw(texts), shipping_address=draw(st.none() | address))


@st.composite
def orders(draw: st.DrawFn) -> Order:
    currency = draw(currencies)
    wanted = draw(
        st.lists(products(currency=currency), min_size=1, max_size=5, unique_by=lambda found: found.sku)
    )
    seed, contact, now = draw(st.integers(0, 99)), draw(contacts()), draw(moments)
    return an_order(*wanted, seed=seed, quantity=draw(quantities), contact=contact, now=now)


def facts_about(order: Order) -> st.SearchStrategy[PaymentFact]:
    """Notices that agree with the order: of any kind, several about one charge, the same key now and then."""
    kinds: st.SearchStrategy[FactKind] = st.sampled_from(["processing", "failed", "succeeded"])
    return st.builds(
        lambda kind, key, charge: a_fact(
            order, kind, key=f"{kind}_{key}", about=f"charge_{charge}" if kind == "failed" else ""
        ),
        kinds,
        st.integers(0, 4),
        st.integers(0, 2),
    )


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    answers = draw(st.lists(statuses, min_size=1, max_size=25))
    event, endpoint = an_event(draw(st.integers(0, 99))), an_endpoint(draw(st.integers(0, 99)))
    return a_delivery(event, endpoint, *answers, now=draw(moments))


replies = st.builds(
    Reply,
    duration_ms=st.integers(0, 15_000),
    status=statuses,
    excerpt=texts,
    error=texts,
)

emails = st.builds(
    lambda local, domain, end: f"{local}@{domain}.{end}",
    st.from_regex(r"[A-Za-z0-9.!#$%&*+/=?^_`{|}~-]{1,20}", fullmatch=True),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z]{2,6}", fullmatch=True),
)

secrets = st.one_of(
    st.from_regex(r"(whsec_|sk_live_|sk_test_|rk_live_|rk_test_)[A-Za-z0-9+/]{16,40}", fullmatch=True),
    st.integers(0, 999).map(lambda seed: an_id("tok", seed)),
    st.integers(0, 999).map(lambda seed: an_id("cart", seed)),
    st.from_regex(r"till_[a-z2-7]{26}_[a-z2-7]{26}", fullmatch=True),
    st.from_regex(r"pi_[A-Za-z0-9]{10,24}_secret_[A-Za-z0-9]{10,30}", fullmatch=True),
)
"""Credentials in the forms in which they occur here."""
