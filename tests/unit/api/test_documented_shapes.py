"""The filters and payloads of docs/api.md do what it says."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import pytest

from chalicelib.adapters.jmespath import JmesPath
from chalicelib.api.admin.endpoints import NewEndpoint
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import InvalidExpression
from chalicelib.domain.shaping import MEDIA_TYPES
from chalicelib.services.endpoints import draft_endpoint
from chalicelib.services.previews import Preview, find_sample, preview
from chalicelib.services.shaping import check_shape
from tests.fakes import NOW, World
from tests.making import THE_PUBLIC

DOCUMENT = (Path(__file__).parents[3] / "docs/api.md").read_text()
SECTION = DOCUMENT.partition("### Filters and payloads")[2].partition("\n## ")[0]
FILTERS = re.findall(r"```jmespath\n(.*?)```", SECTION, re.DOTALL)[0].splitlines()
BODIES = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
PATH = JmesPath()


def drafted(body: str) -> Endpoint:
    """What is saved, if the API takes it."""
    said = msgspec.json.decode(body, type=NewEndpoint)
    fields = {name: getattr(said, name) for name in ("url", "events", "filter", "content_type", "payload")}
    draft = draft_endpoint(None, fields, said.headers, endpoints=World(), policy=THE_PUBLIC, now=NOW)
    check_shape(draft, expressions=PATH)
    return draft


def shown(body: str) -> Preview:
    sample = find_sample("order.paid", None, events=World())
    return preview(drafted(body), sample, expressions=PATH, now=NOW)


@pytest.mark.parametrize("expression", FILTERS)
def test_every_filter_can_be_saved_for_orders(expression: str) -> None:
    fields: dict[str, object] = {
        "url": "https://a.example",
        "events": ["order.*"],
        "filter": expression,
    }
    draft = draft_endpoint(None, fields, None, endpoints=World(), policy=THE_PUBLIC, now=NOW)
    check_shape(draft, expressions=PATH)


def test_the_mailing_lists_get_the_buyer() -> None:
    mailchimp, listmonk = map(shown, BODIES[:2])
    assert msgspec.json.decode(mailchimp.body) == {
        "members": [{"email_address": "ada@example.com", "status": "subscribed"}],
        "update_existing": True,
    }
    assert mailchimp.headers["Authorization"] == "•••"
    assert parse_qs(listmonk.body) == {
        "email": ["ada@example.com"], "name": ["Ada Lovelace"], "l": ["list-uuid-1", "list-uuid-2"],
    }  # fmt: skip


def test_the_course_platform_gets_only_who_bought_the_course() -> None:
    found = shown(BODIES[2])
    assert not found.matches
    assert found.headers["content-type"] == MEDIA_TYPES["form"]
    assert parse_qs(found.body)["users[0][email]"] == ["ada@example.com"]


def test_the_refusal_is_as_it_is_shown() -> None:
    with pytest.raises(InvalidExpression) as refusal:
        drafted('{"url": "https://a.example", "filter": "data..order"}')
    assert f"```\n{refusal.value}\n```" in SECTION
