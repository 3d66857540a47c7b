"""Asking the sandbox: through the SDK, or in plain HTTP as a browser or a person with curl does."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import stripe
import urllib3

from local.stripe_sandbox.server import Running


def client_of(sandbox: Running) -> stripe.StripeClient:
    return stripe.StripeClient(sandbox.secret_key, base_addresses={"api": sandbox.url})


@dataclass(frozen=True)
class Reply:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: Any


@dataclass(frozen=True)
class Asker:
    """`key` goes along as a bearer token unless it is empty."""

    url: str
    key: str = ""

    def get(self, path: str, **query: str) -> Reply:
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post_form(self, path: str, form: dict[str, str], **headers: str) -> Reply:
        return self._ask("POST", path, urlencode(form).encode(), headers)

    def order(self, path: str, /, **body: object) -> Reply:
        """Post JSON to the control API."""
        return self._control("POST", path, body)

    def put(self, path: str, /, **body: object) -> Reply:
        return self._control("PUT", path, body)

    def delete(self, path: str, /) -> Reply:
        return self._control("DELETE", path, {})

    def _control(self, method: str, path: str, body: dict[str, object]) -> Reply:
        reply = urllib3.request(method, f"{self.url}/_sandbox{path}", json=body, retries=False)
        return Reply(reply.status, reply.headers, reply.json())

    def _ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        reply = urllib3.request(
            method, self.url + path, body=body, headers=sent, retries=False, redirect=False
        )
        is_json = reply.headers.get("Content-Type", "").startswith("application/json")
        return Reply(reply.status, reply.headers, reply.json() if is_json else reply.data.decode())
