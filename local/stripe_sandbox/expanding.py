"""``expand[]``: ids replaced by the objects that they name, in the answer only."""

from local.stripe_sandbox import listing
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.errors import StripeError

DEEPEST = 4

_LINKS = {
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("charge", "payment_intent"): "payment_intent",
    ("charge", "refunds"): "list of refund",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("dispute", "charge"): "charge",
    ("dispute", "payment_intent"): "payment_intent",
    ("tax.calculation", "line_items"): "list of tax.calculation_line_item",
}


def check(noun: str, paths: list[str]) -> None:
    """Refuse, before anything has happened, what an answer of this kind cannot expand."""
    for path in paths:
        steps = path.split(".")
        if len([step for step in steps if step != "data"]) > DEEPEST:
            raise StripeError(f"You cannot expand more than {DEEPEST} levels of a property.", param="expand")
        _walk(noun, steps, path)


def _walk(noun: str, steps: list[str], path: str) -> None:
    for step in steps:
        if noun.startswith("list of ") and step == "data":
            noun = noun.removeprefix("list of ")
        elif (noun, step) in _LINKS:
            noun = _LINKS[noun, step]
        else:
            raise StripeError(f"This property cannot be expanded ({path}).", param="expand")


def expand(account: Account, answer: JsonObject, paths: list[str]) -> JsonObject:
    """Return `answer`, or a copy of it with every one of the checked `paths` expanded."""
    for path in paths:
        answer = _expanded(account, answer, path.split("."))
    return answer


def _expanded(account: Account, item: JsonObject, steps: list[str]) -> JsonObject:
    if not steps:
        return item
    name, *rest = steps
    if item["object"] == "list":
        return item | {"data": [_expanded(account, entry, rest) for entry in item["data"]]}
    linked = item.get(name)
    if (item["object"], name) == ("charge", "refunds"):
        linked = linked or listing.refunds_of(account, item)
    if isinstance(linked, str):
        linked = account.collections[_LINKS[item["object"], name]].get(linked)
    return item | {name: linked and _expanded(account, linked, rest)}
