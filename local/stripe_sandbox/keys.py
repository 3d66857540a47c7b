"""Who is calling: the shop's server with its secret key, or a browser with the publishable one."""

import hmac
from dataclasses import dataclass

from werkzeug.datastructures import Authorization

from local.stripe_sandbox import errors


@dataclass(frozen=True, kw_only=True)
class Keys:
    secret: str
    publishable: str

    def is_browser(self, key: str) -> bool:
        """Raise Stripe's 401 for any other key."""
        if hmac.compare_digest(key.encode(), self.secret.encode()):
            return False
        if hmac.compare_digest(key.encode(), self.publishable.encode()):
            return True
        raise errors.wrong_key(key)


def presented_key(authorization: Authorization | None, in_form: object) -> str:
    """The key by Bearer or Basic authentication, or as the ``key`` parameter that Stripe.js sends."""
    if authorization is not None and authorization.type == "bearer" and authorization.token:
        return authorization.token
    if authorization is not None and authorization.type == "basic" and authorization.username:
        return authorization.username
    if isinstance(in_form, str) and in_form:
        return in_form
    raise errors.missing_key()
