"""Lists, newest first, paged by the id of a neighbour."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt

from local.stripe_sandbox import errors
from local.stripe_sandbox.account import Account, Collection, JsonObject
from local.stripe_sandbox.calls import Call

_BOUNDS: dict[str, Callable[[int, int], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_USUAL_LIMIT = 10


def payment_intents(account: Account, call: Call) -> JsonObject:
    return _page(account.payment_intents, call.params, url="/v1/payment_intents")


def charges(account: Account, call: Call) -> JsonObject:
    return _page(account.charges, call.params, url="/v1/charges", equal=("payment_intent",))


def refunds(account: Account, call: Call) -> JsonObject:
    return _page(account.refunds, call.params, url="/v1/refunds", equal=("charge", "payment_intent"))


def disputes(account: Account, call: Call) -> JsonObject:
    return _page(account.disputes, call.params, url="/v1/disputes", equal=("charge", "payment_intent"))


def events(account: Account, call: Call) -> JsonObject:
    params = call.params
    if "type" in params and "types" in params:
        raise errors.StripeError("You may not provide both type and types.")
    patterns = params.get("types") or [params.get("type", "*")]
    delivered = params.get("delivery_success")

    def wanted(event: JsonObject) -> bool:
        if delivered is not None and delivered is not (event["pending_webhooks"] == 0):
            return False
        return any(fnmatchcase(event["type"], pattern) for pattern in patterns)

    return _page(account.events, params, url="/v1/events", wanted=wanted)


def refunds_of(account: Account, charge: JsonObject) -> JsonObject:
    """The list that a charge carries when it is asked to."""
    url = f"/v1/charges/{charge['id']}/refunds"
    return _page(account.refunds, {"charge": charge["id"]}, url=url, equal=("charge",))


def _page(
    collection: Collection,
    params: JsonObject,
    *,
    url: str,
    equal: tuple[str, ...] = (),
    wanted: Callable[[JsonObject], bool] = lambda _: True,
) -> JsonObject:
    found = [
        item
        for item in reversed(list(collection))
        if wanted(item)
        and _created_within(item, params.get("created", {}))
        and all(item[name] == params[name] for name in equal if name in params)
    ]
    limit = params.get("limit", _USUAL_LIMIT)
    if "ending_before" in params:
        rest = _before(found, collection, params["ending_before"])
        page, more = rest[-limit:], len(rest) > limit
    else:
        rest = _after(found, collection, params.get("starting_after"))
        page, more = rest[:limit], len(rest) > limit
    return {"object": "list", "data": page, "has_more": more, "url": url}


def _created_within(item: JsonObject, bounds: dict[str, int]) -> bool:
    return all(_BOUNDS[name](item["created"], moment) for name, moment in bounds.items())


def _after(found: list[JsonObject], collection: Collection, neighbour: str | None) -> list[JsonObject]:
    if neighbour is None:
        return found
    order = _positions(collection, neighbour, param="starting_after")
    return [item for item in found if order[item["id"]] < order[neighbour]]


def _before(found: list[JsonObject], collection: Collection, neighbour: str) -> list[JsonObject]:
    order = _positions(collection, neighbour, param="ending_before")
    return [item for item in found if order[item["id"]] > order[neighbour]]


def _positions(collection: Collection, neighbour: str, *, param: str) -> dict[str, int]:
    collection.get(neighbour, param=param)
    return {item["id"]: position for position, item in enumerate(collection)}
