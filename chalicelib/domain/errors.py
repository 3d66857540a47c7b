"""Everything that can be refused, as one tree.

::

    TillhookError                 what happened and what to do; `details` is safe to show
    ├── InvalidRequest            the caller must change the request
    │   ├── InvalidSignature      a callback that its provider did not sign
    │   ├── InvalidCursor
    │   ├── InvalidExpression     a filter or payload that can't be read, or fails on an example
    │   ├── ImportRefused         a page with lines that can't be taken; none of it was
    │   └── UnsafeEndpoint        a URL that a hook must not reach
    ├── RequestTooLarge
    ├── UnsupportedMediaType
    ├── Unauthorized              no key, a wrong one, or a revoked one
    ├── NotFound
    │   ├── CartNotFound, ItemNotInCart, ProductNotFound, StockNotTracked
    │   ├── CouponNotFound
    │   └── OrderNotFound, EventNotFound, EndpointNotFound, DeliveryNotFound, JobNotFound, KeyNotFound
    ├── Conflict                  the world is not as the caller thought; look again
    │   ├── CartEmpty, CartFull, CurrencyMixed, ProductUnavailable
    │   ├── TotalChanged, OutOfStock, AmountRefused, OrderNotPayable
    │   ├── CouponUnavailable     a code takes nothing off this purchase, now
    │   │   └── CouponExpired, CouponUsedUp, CouponNotApplicable
    │   ├── DestinationNeeded     shipping or tax can't be computed without it
    │   ├── DestinationNotServed, DestinationChanged
    │   ├── EndpointIsDisabled
    │   ├── RefundRefused, NotFulfillable, NothingToReview
    │   ├── PaymentMismatch       what was paid is not this order's payment
    │   └── KeyReused             one Idempotency-Key for two different requests
    ├── TooManyRequests           wait for `retry_after_seconds`, or do what the text says
    └── Unavailable               a failure of ours or of a provider; try again
        ├── Busy                  others kept changing the same row
        └── ProviderUnavailable
"""

from __future__ import annotations


class TillhookError(Exception):
    """`details` are extra fields of the answer's `error` object: plain JSON values, safe to show."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class InvalidRequest(TillhookError): ...


class InvalidSignature(InvalidRequest): ...


class InvalidCursor(InvalidRequest): ...


class InvalidExpression(InvalidRequest):
    """Shows the expression, and where in it the problem is if that is known: `line` and `column` from 1."""


class ImportRefused(InvalidRequest):
    """`lines` has the first ones that can't be taken, each with its number and the reason."""


class UnsafeEndpoint(InvalidRequest): ...


class RequestTooLarge(TillhookError): ...


class UnsupportedMediaType(TillhookError): ...


class Unauthorized(TillhookError): ...


class NotFound(TillhookError): ...


class CartNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such cart, or it has expired. Create one with POST /carts.")


class ItemNotInCart(NotFound):
    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku!r} is not in the cart, so there is nothing to take out.", sku=sku)


class ProductNotFound(NotFound):
    def __init__(self, sku: str) -> None:
        super().__init__(f"There is no product {sku!r} in the catalogue.", sku=sku)


class StockNotTracked(NotFound):
    def __init__(self, sku: str) -> None:
        super().__init__(f"No stock is kept for {sku!r}. Set it with PUT /admin/stock/{sku}.", sku=sku)


class CouponNotFound(NotFound):
    def __init__(self, code: str) -> None:
        super().__init__(f"There is no code {code!r}.", code=code)


class OrderNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such order, or the token is not its own.")


class EventNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such event.")


class EndpointNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such endpoint.")


class DeliveryNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such delivery, or it has not been attempted yet.")


class JobNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such job, or it is over for months.")


class KeyNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such admin key.")


class Conflict(TillhookError): ...


class CartEmpty(Conflict):
    def __init__(self) -> None:
        super().__init__("The cart is empty. Put something in it first.")


class CartFull(Conflict): ...


class CurrencyMixed(Conflict): ...


class ProductUnavailable(Conflict): ...


class TotalChanged(Conflict): ...


class OutOfStock(Conflict): ...


class AmountRefused(Conflict): ...


class OrderNotPayable(Conflict): ...


class CouponUnavailable(Conflict): ...


class CouponExpired(CouponUnavailable):
    """Or it is not valid yet."""


class CouponUsedUp(CouponUnavailable): ...


class CouponNotApplicable(CouponUnavailable): ...


class DestinationNeeded(Conflict): ...


class DestinationNotServed(Conflict): ...


class DestinationChanged(Conflict): ...


class EndpointIsDisabled(Conflict):
    def __init__(self) -> None:
        super().__init__("The endpoint is disabled. Enable it first, or resume it.")


class RefundRefused(Conflict): ...


class NotFulfillable(Conflict): ...


class NothingToReview(Conflict): ...


class PaymentMismatch(Conflict): ...


class KeyReused(Conflict): ...


class TooManyRequests(TillhookError):
    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(TillhookError): ...


class ProviderUnavailable(Unavailable): ...


class Busy(Unavailable):
    def __init__(self) -> None:
        super().__init__("Too many changes to the same thing at once. Nothing was changed; try again.")
