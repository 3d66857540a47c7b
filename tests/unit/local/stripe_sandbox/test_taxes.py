import pytest
import stripe

from local.stripe_sandbox.server import Running
from tests.unit.local.stripe_sandbox.asking import Asker
from tests.unit.local.stripe_sandbox.shapes import faults

ASKED = {
    "currency": "eur",
    "line_items[0][amount]": "1000",
    "customer_details[address][country]": "FR",
    "customer_details[address_source]": "shipping",
}
RATES = {
    "FR": {"default": 200_000, "txcd_10000000": 55_000, "shipping": 100_000},
    "US": {"default": 0},
    "US-NY": {"default": 88_750},
}


@pytest.fixture(autouse=True)
def rates(server: Asker) -> None:
    assert server.put("/tax_rates", rates=RATES).status == 200


def test_tax_is_computed_by_the_rates_that_were_ordered(server: Asker) -> None:
    form = ASKED | {"line_items[1][amount]": "999", "line_items[1][tax_code]": "txcd_10000000"}
    form |= {"shipping_cost[amount]": "490", "expand[]": "line_items"}
    answer = server.post_form("/v1/tax/calculations", form).body
    assert [item["amount_tax"] for item in answer["line_items"]["data"]] == [200, 55]
    assert answer["shipping_cost"]["amount_tax"] == 49
    assert (answer["tax_amount_exclusive"], answer["tax_amount_inclusive"]) == (304, 0)
    assert answer["amount_total"] == 1000 + 999 + 490 + 304


def test_inclusive_tax_is_within_the_amount(server: Asker) -> None:
    answer = server.post_form(
        "/v1/tax/calculations", ASKED | {"line_items[0][tax_behavior]": "inclusive"}
    ).body
    assert (answer["tax_amount_exclusive"], answer["tax_amount_inclusive"]) == (0, 167)
    assert answer["amount_total"] == 1000
    assert "line_items" not in answer


@pytest.mark.parametrize(
    ("address", "tax"),
    [
        ({"country": "DE"}, 0),
        ({"country": "US", "postal_code": "94110", "state": "CA"}, 0),
        ({"country": "US", "postal_code": "10001", "state": "NY"}, 89),
    ],
)
def test_each_place_has_its_own_rates_and_none_where_none_were_ordered(
    server: Asker, address: dict[str, str], tax: int
) -> None:
    form = ASKED | {f"customer_details[address][{name}]": value for name, value in address.items()}
    assert server.post_form("/v1/tax/calculations", form).body["tax_amount_exclusive"] == tax


def test_where_a_postal_code_decides_it_is_wanted(server: Asker) -> None:
    reply = server.post_form("/v1/tax/calculations", ASKED | {"customer_details[address][country]": "US"})
    assert (reply.status, reply.body["error"]["code"]) == (400, "customer_tax_location_invalid")


@pytest.mark.parametrize("missing", list(ASKED))
def test_what_stripe_needs_is_needed(server: Asker, missing: str) -> None:
    form = {name: value for name, value in ASKED.items() if name != missing}
    assert server.post_form("/v1/tax/calculations", form).status == 400


@pytest.mark.parametrize("wrong", [{"rates": {"FR": {"default": -1}}}, {"rates": {"FR": 5}}, {}])
def test_only_rates_can_be_ordered(server: Asker, wrong: dict[str, object]) -> None:
    assert server.put("/tax_rates", **wrong).status == 400


def test_a_calculation_has_stripes_shape(server: Asker) -> None:
    form = ASKED | {"shipping_cost[amount]": "490", "expand[]": "line_items"}
    answer = server.post_form("/v1/tax/calculations", form).body
    assert faults(stripe.tax.Calculation, answer, "calculation") == []
    (item,) = answer["line_items"]["data"]
    assert faults(stripe.tax.CalculationLineItem, item, "item") == []


def test_a_reset_forgets_the_rates(running: Running, server: Asker) -> None:
    server.order("/reset")
    assert running.sandbox.account.tax_rates == {}
