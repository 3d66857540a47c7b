"""Secrets in SSM Parameter Store, each a SecureString of JSON.

prefix/stripe            {"secret_key": "sk_…", "publishable_key": "pk_…", "webhook_secrets": ["whsec_…"]}
prefix/endpoints/ep_…    {"secrets": [{"secret": "whsec_…"}, {"secret": "whsec_…", "until": "2026-…"}],
                         "headers": {"Authorization": "…"}}
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.signing import EndpointSecrets

log = logging.getLogger(__name__)


class StripeKeys(Struct, frozen=True, kw_only=True):
    """`webhook_secrets` are several while one is being replaced."""

    secret_key: str
    publishable_key: str
    webhook_secrets: list[str]


class SsmSecrets:
    """Keeps chalicelib.ports.SecretStore. What was read of a version is kept: a version never changes."""

    def __init__(self, client: Any, prefix: str) -> None:  # noqa: ANN401 (botocore makes its clients at run time)
        self._client = client
        self._prefix = prefix
        self._known: dict[tuple[str, int], EndpointSecrets] = {}

    def put_secrets(self, endpoint_id: str, secrets: EndpointSecrets) -> int:
        answer = self._client.put_parameter(
            Name=self._endpoint(endpoint_id),
            Value=msgspec.json.encode(secrets).decode(),
            Type="SecureString",
            Overwrite=True,
        )
        version: int = answer["Version"]
        return version

    def get_secrets(self, endpoint_id: str, version: int) -> EndpointSecrets:
        known = self._known.get((endpoint_id, version))
        if known is None:
            known = self._known[endpoint_id, version] = self._read(endpoint_id, version)
        return known

    def _read(self, endpoint_id: str, version: int) -> EndpointSecrets:
        answer = self._client.get_parameter(
            Name=f"{self._endpoint(endpoint_id)}:{version}", WithDecryption=True
        )
        return msgspec.json.decode(answer["Parameter"]["Value"], type=EndpointSecrets)

    def delete_secrets(self, endpoint_id: str) -> None:
        with suppress(self._client.exceptions.ParameterNotFound):
            self._client.delete_parameter(Name=self._endpoint(endpoint_id))

    def _endpoint(self, endpoint_id: str) -> str:
        return f"{self._prefix}/endpoints/{endpoint_id}"


def write_stripe_keys(client: Any, prefix: str, keys: StripeKeys) -> None:  # noqa: ANN401 (as above)
    """Keep all of Stripe's keys together, so that no function ever reads old ones beside new ones."""
    client.put_parameter(
        Name=f"{prefix}/stripe",
        Value=msgspec.json.encode(keys).decode(),
        Type="SecureString",
        Overwrite=True,
    )


def read_stripe_keys(client: Any, prefix: str) -> StripeKeys:  # noqa: ANN401 (as above)
    """Stripe's keys. If they are not there, that is the owner's to mend: the log says how."""
    try:
        answer = client.get_parameter(Name=f"{prefix}/stripe", WithDecryption=True)
    except client.exceptions.ParameterNotFound:
        log.error("Stripe's keys are not set: run `make stripe-keys STAGE=…` once")  # noqa: TRY400 (nothing to trace)
        raise ProviderUnavailable("This shop can't take payments yet.") from None
    return msgspec.json.decode(answer["Parameter"]["Value"], type=StripeKeys)
