"""What API Gateway does without asking our code."""

import json

import pytest

from tests.package.conftest import Properties

STATUSES = {
    "MISSING_AUTHENTICATION_TOKEN": 404,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "WAF_FILTERED": 429,
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


@pytest.mark.parametrize("kind", ["THROTTLED", "WAF_FILTERED"])
def test_who_is_too_fast_may_read_when_to_come_again(api: Properties, kind: str) -> None:
    headers = api["GatewayResponses"][kind]["ResponseParameters"]["Headers"]
    assert headers["Access-Control-Expose-Headers"] == "'Retry-After'"
    assert int(headers["Retry-After"].strip("'")) > 0


def test_a_firewall_is_there_only_if_somebody_pays_for_it(
    template: Properties, resources: dict[str, Properties]
) -> None:
    assert template["Parameters"]["WafRequestsPer5Minutes"]["Default"] == 0
    assert "USD a month" in template["Parameters"]["WafRequestsPer5Minutes"]["Description"]
    of_waf = {name: found for name, found in resources.items() if found["Type"].startswith("AWS::WAFv2::")}
    assert {found["Condition"] for found in of_waf.values()} == {"HasWaf"}
    assert template["Conditions"]["HasWaf"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "WafRequestsPer5Minutes"}, "0"]}]
    }


def test_the_firewall_blocks_an_address_by_its_rate_unless_it_is_stripe_that_calls(
    resources: dict[str, Properties],
) -> None:
    firewall = resources["Firewall"]["Properties"]
    assert (firewall["Scope"], firewall["DefaultAction"]) == ("REGIONAL", {"Allow": {}})
    (rule,) = firewall["Rules"]
    assert rule["Action"] == {"Block": {}}
    counted = dict(rule["Statement"]["RateBasedStatement"])
    spared = counted.pop("ScopeDownStatement")["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert counted == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": {"Ref": "WafRequestsPer5Minutes"},
    }
    assert (spared["FieldToMatch"], spared["PositionalConstraint"]) == ({"UriPath": {}}, "ENDS_WITH")
    assert spared["SearchString"] in resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]


def test_the_firewall_stands_before_the_apis_stage(resources: dict[str, Properties]) -> None:
    association = resources["FirewallOfApi"]["Properties"]
    assert association["WebACLArn"] == {"Fn::GetAtt": ["Firewall", "Arn"]}
    arn, names = association["ResourceArn"]["Fn::Sub"]
    assert arn.endswith("::/restapis/${RestAPI}/stages/${StageName}")
    assert names == {"StageName": {"Ref": "RestAPI.Stage"}}


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
