"""Secrets in SSM Parameter Store, as SecureStrings: Stripe's, and one parameter per endpoint.

prefix/stripe/secret-key, prefix/stripe/publishable-key, prefix/stripe/webhook-secrets (comma-separated)
prefix/endpoints/ep_…     {"secrets": ["whsec_…"]}
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from chalicelib.domain.errors import ProviderUnavailable

log = logging.getLogger(__name__)

_STRIPE = ("secret-key", "publishable-key", "webhook-secrets")


class StripeKeys(Struct, frozen=True, kw_only=True):
    secret_key: str
    publishable_key: str
    webhook_secrets: list[str]


class _EndpointSecrets(Struct, frozen=True):
    secrets: list[str]


class SsmSecrets:
    """Keeps chalicelib.ports.SecretStore. What was read of a version is kept: a version never changes."""

    def __init__(self, client: Any, prefix: str) -> None:  # noqa: ANN401 (botocore makes its clients at run time)
        self._client = client
        self._prefix = prefix
        self._known: dict[tuple[str, int], list[str]] = {}

    def put_secrets(self, endpoint_id: str, secrets: Sequence[str]) -> int:
        answer = self._client.put_parameter(
            Name=self._endpoint(endpoint_id),
            Value=msgspec.json.encode(_EndpointSecrets(list(secrets))).decode(),
            Type="SecureString",
            Overwrite=True,
        )
        version: int = answer["Version"]
        return version

    def get_secrets(self, endpoint_id: str, version: int) -> list[str]:
        known = self._known.get((endpoint_id, version))
        if known is None:
            known = self._known[endpoint_id, version] = self._read(endpoint_id, version)
        return known

    def _read(self, endpoint_id: str, version: int) -> list[str]:
        answer = self._client.get_parameter(
            Name=f"{self._endpoint(endpoint_id)}:{version}", WithDecryption=True
        )
        return msgspec.json.decode(answer["Parameter"]["Value"], type=_EndpointSecrets).secrets

    def delete_secrets(self, endpoint_id: str) -> None:
        # DeleteParameters, in the plural, takes a missing one in its stride.
        self._client.delete_parameters(Names=[self._endpoint(endpoint_id)])

    def _endpoint(self, endpoint_id: str) -> str:
        return f"{self._prefix}/endpoints/{endpoint_id}"


def read_stripe_keys(client: Any, prefix: str) -> StripeKeys:  # noqa: ANN401 (as above)
    """All of Stripe's keys in one request. One that is missing is the owner's to set: the log says so."""
    names = {f"{prefix}/stripe/{name}": name for name in _STRIPE}
    answer = client.get_parameters(Names=list(names), WithDecryption=True)
    values = {names[parameter["Name"]]: parameter["Value"] for parameter in answer["Parameters"]}
    missing = [name for name in _STRIPE if not values.get(name)]
    if missing:
        log.error("Stripe's %s is not set: run `make stripe-keys STAGE=…` once", ", ".join(missing))
        raise ProviderUnavailable("This shop can't take payments yet.")
    return StripeKeys(
        secret_key=values["secret-key"],
        publishable_key=values["publishable-key"],
        webhook_secrets=[secret.strip() for secret in values["webhook-secrets"].split(",")],
    )
