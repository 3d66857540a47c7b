"""The table and the queues."""

import pytest

from tests.package.conftest import Properties

FOURTEEN_DAYS = 14 * 24 * 60 * 60
QUEUES = ["DeliveriesQueue", "ExpressQueue", "DeliveriesDeadQueue", "RelayDeadQueue"]


@pytest.fixture
def table(resources: dict[str, Properties]) -> Properties:
    properties: Properties = resources["Table"]["Properties"]
    return properties


def test_the_table_outlives_the_stack(resources: dict[str, Properties], table: Properties) -> None:
    assert resources["Table"]["DeletionPolicy"] == "Retain"
    assert resources["Table"]["UpdateReplacePolicy"] == "Retain"
    assert table["DeletionProtectionEnabled"] is True


def test_the_table_costs_nothing_idle_and_can_be_restored(table: Properties) -> None:
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}


def test_the_table_tells_of_new_rows_and_forgets_old_ones(table: Properties) -> None:
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_a_row_is_found_by_its_keys_and_through_three_sparse_indexes(table: Properties) -> None:
    def keys(schema: list[dict[str, str]]) -> list[tuple[str, str]]:
        return [(key["AttributeName"], key["KeyType"]) for key in schema]

    assert keys(table["KeySchema"]) == [("pk", "HASH"), ("sk", "RANGE")]
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert {name: keys(index["KeySchema"]) for name, index in indexes.items()} == {
        "listing": [("listing", "HASH"), ("listed_at", "RANGE")],
        "undelivered": [("undelivered", "HASH"), ("listed_at", "RANGE")],
        "due": [("due", "HASH"), ("due_at", "RANGE")],
    }
    assert {name: index["Projection"]["ProjectionType"] for name, index in indexes.items()} == {
        "listing": "INCLUDE",
        "undelivered": "INCLUDE",
        "due": "KEYS_ONLY",
    }


def test_an_index_copies_no_person_and_no_payload(table: Properties) -> None:
    copied = table["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"]
    assert not {"email", "name", "contact", "shipping_address", "payload", "snapshot", "digest"} & set(copied)


def test_there_are_these_queues(resources: dict[str, Properties]) -> None:
    found = [name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue"]
    assert sorted(found) == sorted(QUEUES)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_keeps_as_long_as_it_can_and_encrypted(resources: dict[str, Properties], queue: str) -> None:
    properties = resources[queue]["Properties"]
    assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert properties["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("queue", ["DeliveriesQueue", "ExpressQueue"])
def test_what_can_not_be_handled_comes_to_rest_in_the_dead_queue(
    resources: dict[str, Properties], queue: str
) -> None:
    assert resources[queue]["Properties"]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeliveriesDeadQueue", "Arn"]},
        "maxReceiveCount": 5,
    }


def test_a_message_stays_hidden_for_six_times_the_functions_timeout(resources: dict[str, Properties]) -> None:
    hidden = resources["DeliveriesQueue"]["Properties"]["VisibilityTimeout"]
    assert hidden >= 6 * resources["Deliver"]["Properties"]["Timeout"]
