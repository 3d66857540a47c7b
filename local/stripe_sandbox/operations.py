"""Every operation of the API that this sandbox has, with the parameters it takes and who may call it."""

from collections.abc import Callable
from dataclasses import dataclass

from local.stripe_sandbox import (
    errors,
    expanding,
    intents,
    listing,
    payment_methods,
    refunds,
    schemas,
    taxes,
)
from local.stripe_sandbox.account import Account, JsonObject
from local.stripe_sandbox.calls import Call
from local.stripe_sandbox.parameters import Hash, Raw


@dataclass(frozen=True, kw_only=True)
class Operation:
    method: str
    path: str
    answers: str  # the kind of object, for expand[]
    parameters: Hash
    run: Callable[[Account, Call], JsonObject]
    from_browsers: Hash | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def read(self, raw: dict[str, Raw], *, by_browser: bool) -> JsonObject:
        """Return the parameters, or raise before anything has happened."""
        if by_browser and self.from_browsers is None:
            raise errors.secret_key_required()
        known = self.from_browsers if by_browser and self.from_browsers else self.parameters
        params = known.read(raw)
        expanding.check(self.answers, params.get("expand", []))
        return params


def _retrieve(noun: str) -> Callable[[Account, Call], JsonObject]:
    return lambda account, call: account.collections[noun].get(call.object_id)


_INTENTS = (
    Operation(
        method="POST",
        path="/v1/payment_intents",
        answers="payment_intent",
        parameters=schemas.CREATE_INTENT,
        run=intents.create,
    ),
    Operation(
        method="GET",
        path="/v1/payment_intents",
        answers="list of payment_intent",
        parameters=schemas.LIST,
        run=listing.payment_intents,
    ),
    Operation(
        method="GET",
        path="/v1/payment_intents/<object_id>",
        answers="payment_intent",
        parameters=schemas.RETRIEVE_INTENT,
        from_browsers=schemas.BROWSER_RETRIEVES,
        run=intents.retrieve,
    ),
    Operation(
        method="POST",
        path="/v1/payment_intents/<object_id>",
        answers="payment_intent",
        parameters=schemas.UPDATE_INTENT,
        run=intents.update,
    ),
    Operation(
        method="POST",
        path="/v1/payment_intents/<object_id>/confirm",
        answers="payment_intent",
        parameters=schemas.CONFIRM_INTENT,
        from_browsers=schemas.BROWSER_CONFIRMS,
        run=intents.confirm,
    ),
    Operation(
        method="POST",
        path="/v1/payment_intents/<object_id>/cancel",
        answers="payment_intent",
        parameters=schemas.CANCEL_INTENT,
        run=intents.cancel,
    ),
)

_PAYMENT_METHODS = (
    Operation(
        method="POST",
        path="/v1/payment_methods",
        answers="payment_method",
        parameters=schemas.CREATE_PAYMENT_METHOD,
        from_browsers=schemas.CREATE_PAYMENT_METHOD,
        run=payment_methods.create,
    ),
    Operation(
        method="GET",
        path="/v1/payment_methods/<object_id>",
        answers="payment_method",
        parameters=schemas.RETRIEVE,
        run=payment_methods.retrieve,
    ),
)

_REFUNDS = (
    Operation(
        method="POST",
        path="/v1/refunds",
        answers="refund",
        parameters=schemas.CREATE_REFUND,
        run=refunds.create,
    ),
    Operation(
        method="POST",
        path="/v1/refunds/<object_id>",
        answers="refund",
        parameters=schemas.UPDATE_REFUND,
        run=refunds.update,
    ),
)


_TAXES = (
    Operation(
        method="POST",
        path="/v1/tax/calculations",
        answers="tax.calculation",
        parameters=schemas.CREATE_CALCULATION,
        run=taxes.calculate,
    ),
)


def _to_read(
    noun: str, schema: Hash, run: Callable[[Account, Call], JsonObject]
) -> tuple[Operation, Operation]:
    listed = Operation(
        method="GET", path=f"/v1/{noun}s", answers=f"list of {noun}", parameters=schema, run=run
    )
    retrieved = Operation(
        method="GET",
        path=f"/v1/{noun}s/<object_id>",
        answers=noun,
        parameters=schemas.RETRIEVE,
        run=_retrieve(noun),
    )
    return listed, retrieved


OPERATIONS = (
    *_INTENTS,
    *_PAYMENT_METHODS,
    *_REFUNDS,
    *_TAXES,
    *_to_read("charge", schemas.LIST_CHARGES, listing.charges),
    *_to_read("refund", schemas.LIST_REFUNDS, listing.refunds),
    *_to_read("dispute", schemas.LIST_DISPUTES, listing.disputes),
    *_to_read("event", schemas.LIST_EVENTS, listing.events),
)
