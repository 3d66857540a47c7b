from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.stripe_sandbox.parameters import Raw, decode
from tests.unit.local.stripe_sandbox.asking import Asker

VALID = {"amount": "1099", "currency": "usd"}


@pytest.mark.parametrize(
    ("form", "code", "param", "message"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount", "Missing required param: amount."),
        ({"amount": "9.5"}, "parameter_invalid_integer", "amount", "Invalid integer: 9.5"),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount", "Invalid integer: ten"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount", "greater than or equal to 1."),
        ({"amount": "49"}, "amount_too_small", "amount", "Amount must be at least $0.50 usd"),
        ({"amount": "29", "currency": "gbp"}, "amount_too_small", "amount", "at least £0.30 gbp"),
        ({"amount": "100000000"}, "amount_too_large", "amount", "no more than $999,999.99"),
        ({"amount": ""}, "parameter_invalid_empty", "amount", "You passed an empty string for 'amount'"),
        ({"currency": "doge"}, None, "currency", "Invalid currency: doge."),
        ({"colour": "red"}, "parameter_unknown", "colour", "Received unknown parameter: colour"),
        ({"a": "1", "b": "2"}, "parameter_unknown", "a", "Received unknown parameters: a, b"),
        (
            {"shipping[name]": "Ada", "shipping[address][planet]": "Mars"},
            "parameter_unknown",
            "shipping[address][planet]",
            "shipping[address][planet]",
        ),
        (
            {"shipping[name]": "Ada"},
            "parameter_missing",
            "shipping[address]",
            "Missing required param: shipping[address].",
        ),
        ({"receipt_email": "nobody"}, "email_invalid", "receipt_email", "Invalid email address: nobody"),
        ({"confirm": "yes"}, None, "confirm", "Invalid boolean: yes"),
        (
            {"capture_method": "manual"},
            None,
            "capture_method",
            "must be one of automatic or automatic_async",
        ),
        ({"shipping": "Ada"}, None, "shipping", "Invalid object"),
        ({"expand": "latest_charge"}, None, "expand", "Invalid array"),
        ({"metadata[k]": "v" * 501}, None, "metadata[k]", "Metadata values can have up to 500 characters"),
        ({"metadata[" + "k" * 41 + "]": "v"}, None, "metadata", "Metadata keys can have up to 40"),
    ],
)
def test_a_wrong_parameter_is_refused_in_stripes_words(
    server: Asker, form: dict[str, str], code: str | None, param: str, message: str
) -> None:
    missing = {"amount"} if code == "parameter_missing" and param == "amount" else set()
    sent = {name: value for name, value in (VALID | form).items() if name not in missing}
    reply = server.post_form("/v1/payment_intents", sent)
    error = reply.body["error"]
    assert (reply.status, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error["param"]) == (code, param)
    assert message in error["message"]


def test_a_currency_without_cents_may_be_charged_in_ones(server: Asker) -> None:
    assert server.post_form("/v1/payment_intents", {"amount": "1", "currency": "KRW"}).status == 200


def test_lists_may_be_numbered_or_not() -> None:
    assert (
        decode("expand[]=a&expand[]=b")
        == {"expand": {"0": "a", "1": "b"}}
        == decode("expand[0]=a&expand[1]=b")
    )


_NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5)
_TREES: st.SearchStrategy[dict[str, Raw]] = st.recursive(
    st.dictionaries(_NAMES, st.text(max_size=8), min_size=1, max_size=3),
    lambda inner: st.dictionaries(_NAMES, st.one_of(st.text(max_size=8), inner), min_size=1, max_size=3),
    max_leaves=8,
)


def encode(node: Raw, name: str = "") -> list[tuple[str, str]]:
    if isinstance(node, str):
        return [(name, node)]
    return [pair for key, value in node.items() for pair in encode(value, f"{name}[{key}]" if name else key)]


@settings(deadline=None, max_examples=60)
@given(_TREES)
def test_what_is_encoded_is_decoded_again(tree: dict[str, Raw]) -> None:
    assert decode(urlencode(encode(tree))) == tree
