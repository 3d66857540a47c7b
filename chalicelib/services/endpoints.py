"""The owner's endpoints."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.endpoints import Endpoint, check_addresses, check_url
from chalicelib.domain.errors import EndpointNotFound
from chalicelib.domain.identifiers import Entropy, is_id, new_id
from chalicelib.domain.signing import SigningSecret, SigningSecrets, check_secret, new_secret
from chalicelib.ports import EndpointStore, Resolver, SecretStore

from .contention import until_settled

log = logging.getLogger(__name__)


def create_endpoint(
    url: str,
    events: Sequence[str],
    description: str,
    *,
    secret: str | None = None,
    endpoints: EndpointStore,
    secrets: SecretStore,
    resolver: Resolver,
    policy: EndpointPolicy,
    entropy: Entropy,
    now: datetime,
) -> tuple[Endpoint, str]:
    """The endpoint and its signing secret (the owner's own, or a new one), which is shown this once."""
    _require_safe(url, resolver=resolver, policy=policy)
    endpoint_id = new_id("ep", entropy)
    secret = new_secret(entropy) if secret is None else check_secret(secret)
    # The secret first: an endpoint without one could not be delivered to; a secret without one is idle.
    secret_version = secrets.put_secrets(endpoint_id, SigningSecrets([SigningSecret(secret=secret)]))
    endpoint = Endpoint(
        id=endpoint_id,
        version=1,
        url=url,
        events=list(events),
        description=description,
        enabled=True,
        secret_version=secret_version,
        created_at=now,
        updated_at=now,
    )
    endpoints.create_endpoint(endpoint)
    return endpoint, secret


def read_endpoint(endpoint_id: str, *, endpoints: EndpointStore) -> Endpoint:
    endpoint = endpoints.get_endpoint(endpoint_id) if is_id("ep", endpoint_id) else None
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def change_endpoint(
    endpoint_id: str,
    changes: dict[str, object],
    *,
    endpoints: EndpointStore,
    resolver: Resolver,
    policy: EndpointPolicy,
    now: datetime,
) -> Endpoint:
    """Change url, events, description or enabled; what `changes` does not name stays."""
    url = changes.get("url")
    if isinstance(url, str):
        _require_safe(url, resolver=resolver, policy=policy)

    def change() -> Endpoint:
        endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
        changed = replace(endpoint, **changes, version=endpoint.version + 1, updated_at=now)
        if changed.enabled:
            changed = replace(changed, disabled_because="")
        endpoints.replace_endpoint(changed)
        return changed

    return until_settled(change)


def rotate_secret(
    endpoint_id: str,
    *,
    secret: str | None,
    overlap: timedelta,
    endpoints: EndpointStore,
    secrets: SecretStore,
    entropy: Entropy,
    now: datetime,
) -> tuple[Endpoint, str]:
    """A new signing secret (the owner's own, or ours); the one before signs beside it for `overlap`.

    Asked again it rotates again; the last few secrets that still count go on counting.
    """
    secret = new_secret(entropy) if secret is None else check_secret(secret)

    def change() -> Endpoint:
        endpoint = read_endpoint(endpoint_id, endpoints=endpoints)
        before = secrets.get_secrets(endpoint.id, endpoint.secret_version)
        # Written before the row that names its version: until then nobody signs with it.
        version = secrets.put_secrets(endpoint.id, before.rotated(secret, overlap=overlap, now=now))
        changed = replace(endpoint, version=endpoint.version + 1, secret_version=version, updated_at=now)
        endpoints.replace_endpoint(changed)
        return changed

    return until_settled(change), secret


def disable_endpoint(asked: Endpoint, reason: str, *, endpoints: EndpointStore, now: datetime) -> None:
    """Deliver nothing more there, until the owner enables it again. One that is gone or disabled stays so."""

    def change() -> None:
        endpoint = endpoints.get_endpoint(asked.id)
        if endpoint is None or not endpoint.enabled or endpoint.url != asked.url:
            return
        endpoints.replace_endpoint(
            replace(
                endpoint,
                version=endpoint.version + 1,
                enabled=False,
                disabled_because=reason,
                updated_at=now,
            )
        )
        log.warning("endpoint disabled: %s", reason, extra={"endpoint_id": asked.id})

    until_settled(change)


def delete_endpoint(endpoint_id: str, *, endpoints: EndpointStore, secrets: SecretStore) -> None:
    """Nothing more is sent there, not even what is on its way."""
    if not is_id("ep", endpoint_id):
        raise EndpointNotFound
    existed = endpoints.delete_endpoint(endpoint_id)
    secrets.delete_secrets(endpoint_id)  # even so: an earlier try may have been cut off before this
    if not existed:
        raise EndpointNotFound


def _require_safe(url: str, *, resolver: Resolver, policy: EndpointPolicy) -> None:
    """Refuse now what the sender would refuse later; it checks again whenever it connects."""
    host = check_url(url, policy)
    check_addresses(host, resolver.resolve(host), policy)
