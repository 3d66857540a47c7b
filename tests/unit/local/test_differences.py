from local.differences import gateway_responses


def test_gateway_responses_are_told_as_api_gateway_takes_them() -> None:
    cors = {"Headers": {"Access-Control-Allow-Origin": "'*'"}}
    body = {"application/json": "{}"}
    kinds = {
        "THROTTLED": {"StatusCode": 429, "ResponseParameters": cors, "ResponseTemplates": body},
        "DEFAULT_5XX": {"ResponseParameters": cors, "ResponseTemplates": body},
    }
    template = {"Resources": {"RestAPI": {"Properties": {"GatewayResponses": kinds}}}}
    common = {
        "responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
        "responseTemplates": body,
    }
    assert gateway_responses(template) == {
        "THROTTLED": common | {"statusCode": "429"},
        "DEFAULT_5XX": common,
    }
