from chalice.app import Blueprint, SQSEvent

functions = Blueprint(__name__)


@functions.on_sqs_message(queue_arn="placeholder")
def deliver(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    return {"batchItemFailures": []}
