"""One call of the API as the code that answers it sees it."""

from dataclasses import dataclass

from local.stripe_sandbox.account import JsonObject


@dataclass(frozen=True, kw_only=True)
class Call:
    params: JsonObject
    object_id: str = ""
    by_browser: bool = False
    base_url: str = ""  # where this sandbox is reached, for the links it hands out


def merge_metadata(current: dict[str, str], changes: dict[str, str] | None) -> dict[str, str]:
    """An empty value removes its key, None removes every key."""
    if changes is None:
        return {}
    merged = current | changes
    return {key: value for key, value in merged.items() if value}
