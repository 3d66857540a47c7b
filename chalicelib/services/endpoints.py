"""The owner's endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from msgspec.structs import replace

from chalicelib.domain.addresses import EndpointPolicy
from chalicelib.domain.endpoints import Endpoint, check_addresses, check_url, disabled, resumed
from chalicelib.domain.errors import EndpointNotFound, InvalidRequest
from chalicelib.domain.event_types import EVENT_TYPES
from chalicelib.domain.identifiers import Entropy, is_id, new_id
from chalicelib.domain.shaping import check_headers
from chalicelib.domain.signing import EndpointSecrets, SigningSecret, check_secret, new_secret
from chalicelib.ports import EndpointStore, Expressions, Resolver, SecretStore

from .circuits import release_of
from .contention import until_settled
from .shaping import check_shape, heard_types


def create_endpoint(
    url: str,
    events: Sequence[str],
    description: str,
    *,
    shape: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    secret: str | None = None,
    endpoints: EndpointStore,
    secrets: SecretStore,
    expressions: Expressions,
    resolver: Resolver,
    policy: EndpointPolicy,
    entropy: Entropy,
    now: datetime,
) -> tuple[Endpoint, str]:
    """The endpoint and its signing secret (the owner's own, or a new one), which is shown this once.

    `shape` has an endpoint's other fields as far as they are not as usual, `headers` its own headers.
    """
    fields = {"url": url, "events": list(events), "description": description, **(shape or {})}
    blank = _blank(new_id("ep", entropy), now=now)
    endpoint = _changed(blank, fields, headers, expressions=expressions)
    _require_safe(url, resolver=resolver, policy=policy)
    secret = new_secret(entropy) if secret is None else check_secret(secret)
    # The secret first: an endpoint without one could not be delivered to; a secret without one is idle.
    kept = EndpointSecrets([SigningSecret(secret=secret)]).with_headers(headers or {})
    endpoint = replace(endpoint, secret_version=secrets.put_secrets(endpoint.id, kept))
    endpoints.create_endpoint(endpoint)
    return endpoint, secret


def _blank(endpoint_id: str, *, now: datetime) -> Endpoint:
    """What an endpoint is before anything is said of it."""
    return Endpoint(
        id=endpoint_id,
        version=1,
        url="",
        events=["*"],
        description="",
        enabled=True,
        secret_version=0,
        created_at=now,
        updated_at=now,
    )


def read_endpoint(endpoint_id: str, *, endpoints: EndpointStore) -> Endpoint:
    endpoint = endpoints.get_endpoint(endpoint_id) if is_id("ep", endpoint_id) else None
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def draft_endpoint(
    endpoint_id: str | None,
    fields: Mapping[str, object],
    headers: Mapping[str, str] | None,
    *,
    endpoints: EndpointStore,
    policy: EndpointPolicy,
    now: datetime,
) -> Endpoint:
    """The endpoint, or a new one, as it would be with these fields. No name is looked up, nothing is kept."""
    base = _blank("", now=now) if endpoint_id is None else read_endpoint(endpoint_id, endpoints=endpoints)
    draft = _with(base, fields, headers)
    check_url(draft.url, policy)
    return draft


def change_endpoint(
    endpoint_id: str,
    changes: Mapping[str, object],
    *,
    headers: Mapping[str, str] | None = None,
    endpoints: EndpointStore,
    secrets: SecretStore,
    expressions: Expressions,
    resolver: Resolver,
    policy: EndpointPolicy,
    now: datetime,
) -> Endpoint:
    """Change an endpoint's fields, all of its headers, or whether it is enabled; what is not named stays.

    Enabling it is resuming it: what was held for it is delivered.
    """
    url = changes.get("url")
    if isinstance(url, str):
        _require_safe(url, resolver=resolver, policy=policy)
    fields = {name: value for name, value in changes.items() if name != "enabled"}

    def change() -> Endpoint:
        before = read_endpoint(endpoint_id, endpoints=endpoints)
        turned = _turned(before, changes.get("enabled"), now=now)
        after = _changed(turned, fields, headers, expressions=expressions)
        if headers is not None:
            # Written before the row that names their version: until then nobody sends them.
            kept = secrets.get_secrets(before.id, before.secret_version).with_headers(headers)
            after = replace(after, secret_version=secrets.put_secrets(before.id, kept))
        is_back = after.enabled and not before.enabled
        endpoints.replace_endpoint(
            after,
            job=release_of(after) if is_back else None,
            # What the old address did is nothing to hold against the new one.
            fresh_start=is_back or after.url != before.url,
        )
        return after

    return until_settled(change)


def _turned(endpoint: Endpoint, enabled: object, *, now: datetime) -> Endpoint:
    """The endpoint's next version, enabled or disabled if that is wanted and not so already."""
    if enabled is True and not endpoint.enabled:
        return resumed(endpoint, now=now)
    if enabled is False and endpoint.enabled:
        return disabled(endpoint, "", now=now)
    return replace(endpoint, version=endpoint.version + 1, updated_at=now)


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


def delete_endpoint(endpoint_id: str, *, endpoints: EndpointStore, secrets: SecretStore) -> None:
    """Nothing more is sent there, not even what is on its way."""
    if not is_id("ep", endpoint_id):
        raise EndpointNotFound
    existed = endpoints.delete_endpoint(endpoint_id)
    secrets.delete_secrets(endpoint_id)  # even so: an earlier try may have been cut off before this
    if not existed:
        raise EndpointNotFound


_SHAPING = frozenset({"events", "filter", "payload", "content_type"})


def _changed(
    before: Endpoint,
    fields: Mapping[str, object],
    headers: Mapping[str, str] | None,
    *,
    expressions: Expressions,
) -> Endpoint:
    after = _with(before, fields, headers)
    if headers is None and after.header_names and _origin(after.url) != _origin(before.url):
        # Else whoever may move an endpoint could read what nobody is to read.
        raise InvalidRequest(
            "The endpoint's headers were given for another host. Send them again with the new url,"
            " or {} for none."
        )
    # What was right when it was saved stays so, even if a later version of ours knows more events.
    if fields.keys() & _SHAPING:
        check_shape(after, expressions=expressions)
    return after


def _with(endpoint: Endpoint, fields: Mapping[str, object], headers: Mapping[str, str] | None) -> Endpoint:
    endpoint = replace(endpoint, **fields)
    if headers is not None:
        endpoint = replace(endpoint, header_names=list(check_headers(headers)))
    if "events" in fields:
        _require_known(endpoint)
    return endpoint


def _require_known(endpoint: Endpoint) -> None:
    """Refuse a pattern that no event matches: with a slip of the pen, nothing would come, and silently."""
    for pattern in endpoint.events:
        if not heard_types(replace(endpoint, events=[pattern])):
            raise InvalidRequest(
                f"No event is called {pattern!r}. There are {', '.join(EVENT_TYPES)},"
                " families such as order.*, and * for everything.",
                types=list(EVENT_TYPES),
            )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _require_safe(url: str, *, resolver: Resolver, policy: EndpointPolicy) -> None:
    """Refuse now what the sender would refuse later; it checks again whenever it connects."""
    host = check_url(url, policy)
    check_addresses(host, resolver.resolve(host), policy)
