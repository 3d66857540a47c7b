"""What API Gateway does without asking our code."""

import json

import pytest

from tests.package.conftest import Properties

STATUSES = {
    "MISSING_AUTHENTICATION_TOKEN": 404,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "INTEGRATION_TIMEOUT": 504,
    "DEFAULT_4XX": None,  # as API Gateway decides
    "DEFAULT_5XX": None,
}


@pytest.fixture
def api(resources: dict[str, Properties]) -> Properties:
    properties: Properties = resources["RestAPI"]["Properties"]
    return properties


def test_its_own_errors_have_these_statuses(api: Properties) -> None:
    assert {kind: answer.get("StatusCode") for kind, answer in api["GatewayResponses"].items()} == STATUSES


@pytest.mark.parametrize("kind", STATUSES)
def test_a_browser_on_another_site_may_read_its_own_errors(api: Properties, kind: str) -> None:
    headers = api["GatewayResponses"][kind]["ResponseParameters"]["Headers"]
    assert headers["Access-Control-Allow-Origin"] == "'*'"


@pytest.mark.parametrize("kind", STATUSES)
def test_its_own_errors_look_like_ours(api: Properties, kind: str) -> None:
    answer = api["GatewayResponses"][kind]["ResponseTemplates"]["application/json"]
    # messageString comes with its quotes; message without them could break the JSON.
    body = json.loads(answer.replace("$context.error.messageString", '"as API Gateway says"'))
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"type", "message"}
    assert all(isinstance(text, str) and text for text in body["error"].values())


def test_the_api_is_regional_and_named_after_its_stage(api: Properties) -> None:
    assert api["EndpointConfiguration"] == "REGIONAL"
    assert api["Name"] == {"Fn::Sub": "tillhook-${Stage}"}
    assert api["StageName"] == "api"


def test_bodies_reach_us_byte_for_byte(api: Properties) -> None:
    assert "*/*" not in api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]
