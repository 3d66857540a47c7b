from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.adapters.sqs import SqsDeadLetters, SqsErrands
from chalicelib.domain.errands import Alert, Errand, JobPage, Message
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.retries import RETRY_DELAYS
from chalicelib.ports import ErrandQueue, Unsendable
from tests.fakes import FakeQueue
from tests.integration.adapters.conftest import Clients
from tests.making import a_message, an_endpoint, an_event

_NUMBERS = count()

Taken = Callable[[], list[Errand]]


def messages(count: int, *, inline: bool = True, bytes_each: int = 0) -> list[Message]:
    event = an_event(data="x" * bytes_each)
    return [a_message(event, an_endpoint(number), inline=inline) for number in range(count)]


def by_endpoint(found: Sequence[Errand]) -> list[Errand]:
    return sorted(found, key=str)


class Waiting:
    """Keeps Schedules."""

    def __init__(self) -> None:
        self.put_off: list[tuple[Message, timedelta]] = []

    def put(self, message: Message, delay: timedelta) -> None:
        self.put_off.append((message, delay))


def errands(client: Any, url: str, schedules: Waiting) -> SqsErrands:  # noqa: ANN401 (botocore makes its clients at run time)
    return SqsErrands(client, queue_url=url, express_url=f"{url}-express", schedules=schedules)


@pytest.fixture
def queue_url(aws: Clients) -> str:
    url: str = aws.sqs.create_queue(QueueName=f"deliveries-{next(_NUMBERS)}")["QueueUrl"]
    return url


def received(aws: Clients, queue_url: str) -> list[dict[str, Any]]:
    """Everything that can be received now."""
    found: list[dict[str, Any]] = []
    while batch := aws.sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, AttributeNames=["All"]
    ).get("Messages"):
        found += batch
    return found


def waiting_for_later(aws: Clients, queue_url: str) -> int:
    name = "ApproximateNumberOfMessagesDelayed"
    answer = aws.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(answer["Attributes"][name])


@pytest.fixture(params=["fake", "aws"])
def queue(request: pytest.FixtureRequest) -> tuple[ErrandQueue, Taken]:
    """A queue, and what gives all that can be taken from it at once."""
    if request.param == "fake":
        fake = FakeQueue()
        return fake, lambda: [message for message, delay in fake.waiting if not delay]
    clients: Clients = request.getfixturevalue("aws")
    url: str = request.getfixturevalue("queue_url")

    def taken() -> list[Errand]:
        return [msgspec.json.decode(message["Body"], type=Errand) for message in received(clients, url)]

    return errands(clients.sqs, url, Waiting()), taken


@pytest.mark.parametrize("number", [0, 1, 10, 11, 37])
def test_all_messages_that_are_sent_can_be_taken(queue: tuple[ErrandQueue, Taken], number: int) -> None:
    sent, taken = queue[0].send, queue[1]
    sent(messages(number))
    assert by_endpoint(taken()) == by_endpoint(messages(number))


def test_a_message_without_its_payload_arrives_so(queue: tuple[ErrandQueue, Taken]) -> None:
    queue[0].send(messages(1, inline=False))
    assert queue[1]() == messages(1, inline=False)


def test_more_than_a_request_can_carry_is_sent_all_the_same(queue: tuple[ErrandQueue, Taken]) -> None:
    large = messages(12, bytes_each=150_000)
    queue[0].send(large)
    assert by_endpoint(queue[1]()) == by_endpoint(large)


def test_what_is_sent_for_later_cannot_be_taken_now(queue: tuple[ErrandQueue, Taken]) -> None:
    queue[0].send_later(messages(1)[0], timedelta(seconds=5))
    assert queue[1]() == []


@pytest.mark.parametrize("delay", [timedelta(seconds=5), timedelta(minutes=15)])
def test_up_to_a_quarter_of_an_hour_waits_in_sqs(aws: Clients, queue_url: str, delay: timedelta) -> None:
    schedules = Waiting()
    errands(aws.sqs, queue_url, schedules).send_later(messages(1)[0], delay)
    assert (waiting_for_later(aws, queue_url), schedules.put_off) == (1, [])


@pytest.mark.parametrize("delay", [timedelta(minutes=15, seconds=1), RETRY_DELAYS[-1]])
def test_what_sqs_would_not_keep_so_long_is_scheduled(aws: Clients, queue_url: str, delay: timedelta) -> None:
    schedules = Waiting()
    errands(aws.sqs, queue_url, schedules).send_later(messages(1)[0], delay)
    assert (waiting_for_later(aws, queue_url), schedules.put_off) == (0, [(messages(1)[0], delay)])


def test_messages_are_grouped_by_endpoint_so_that_none_delays_another(aws: Clients, queue_url: str) -> None:
    queue = errands(aws.sqs, queue_url, Waiting())
    queue.send(messages(2))
    queue.send_later(messages(1)[0], timedelta())
    found = received(aws, queue_url)
    assert len(found) == 3
    for message in found:
        assert message["Attributes"]["MessageGroupId"] == msgspec.json.decode(message["Body"])["endpoint_id"]


def test_an_erasure_is_about_no_endpoint_and_has_a_group_of_its_own(aws: Clients, queue_url: str) -> None:
    page = JobPage(job_id="job_1", endpoint_id="", page=1)
    errands(aws.sqs, queue_url, Waiting()).send_later(page, timedelta())
    (message,) = received(aws, queue_url)
    assert message["Attributes"]["MessageGroupId"] == "erasures"


def test_a_parked_event_lies_in_the_dead_queue_with_its_reason(aws: Clients, queue_url: str) -> None:
    SqsDeadLetters(aws.sqs, queue_url).park("EVENT#evt_1", "it can't be read")
    (message,) = received(aws, queue_url)
    assert msgspec.json.decode(message["Body"]) == {"event_id": "EVENT#evt_1", "reason": "it can't be read"}


class Choosy:
    """An SQS that refuses some entries of each batch: moto never does. `refuse` picks them, per batch."""

    def __init__(self, *refuse: Callable[[int], bool]) -> None:
        self.batches: list[list[dict[str, str]]] = []
        self.taken: list[str] = []
        self._refuse = list(refuse)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 (botocore's)
        self.batches.append(Entries)
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        refuse = self._refuse.pop(0) if self._refuse else lambda _: False
        refused = [entry["Id"] for index, entry in enumerate(Entries) if refuse(index)]
        self.taken += [entry["MessageBody"] for entry in Entries if entry["Id"] not in refused]
        return {"Failed": [{"Id": identifier, "Code": "InternalError"} for identifier in refused]}


def test_only_what_sqs_refused_is_sent_again() -> None:
    choosy = Choosy(lambda index: index % 2 == 1, lambda index: index == 0)
    errands(choosy, "url", Waiting()).send(messages(5))
    assert [len(batch) for batch in choosy.batches] == [5, 2, 1]
    found = [msgspec.json.decode(body, type=Message) for body in choosy.taken]
    assert by_endpoint(found) == by_endpoint(messages(5))


def test_what_sqs_keeps_refusing_is_an_error_and_never_silent() -> None:
    choosy = Choosy(*[lambda index: index == 0] * 10)
    with pytest.raises(Unavailable, match="1 messages"):
        errands(choosy, "url", Waiting()).send(messages(3))
    assert len(choosy.batches) <= 5


def test_a_batch_keeps_within_what_sqs_takes_in_one_request() -> None:
    choosy = Choosy()
    errands(choosy, "url", Waiting()).send(messages(25, bytes_each=200_000))
    sizes = [sum(len(entry["MessageBody"].encode()) for entry in batch) for batch in choosy.batches]
    assert max(sizes) <= 1024 * 1024
    assert len(choosy.taken) == 25


@pytest.mark.parametrize("name", ["\uffff", "\ufffe", "Zo\u00eb \u8336 \U0001f375", "a\u0000b"])
def test_whatever_a_shopper_is_called_the_message_is_one_that_sqs_takes(
    aws: Clients, queue_url: str, name: str
) -> None:
    """SQS refuses U+FFFE and U+FFFF, which JSON may hold; a refused message would hold up all behind it."""
    sent = replace(messages(1)[0], payload=msgspec.json.encode({"name": name}).decode())
    errands(aws.sqs, queue_url, Waiting()).send([sent])
    (found,) = received(aws, queue_url)
    assert found["Body"].isascii()
    assert msgspec.json.decode(found["Body"], type=Message) == sent


def test_what_sqs_will_never_take_is_not_sent_again_and_again() -> None:
    class Strict:
        calls = 0

        def send_message_batch(self, **_request: object) -> dict[str, Any]:
            self.calls += 1
            return {"Failed": [{"Id": "0", "Code": "InvalidMessageContents", "SenderFault": True}]}

    strict = Strict()
    with pytest.raises(Unsendable, match="InvalidMessageContents"):
        errands(strict, "url", Waiting()).send(messages(1))
    assert strict.calls == 1


def test_what_is_in_a_hurry_has_a_queue_of_its_own(aws: Clients, queue_url: str) -> None:
    express = aws.sqs.create_queue(QueueName=f"{queue_url.rpartition('/')[2]}-express")["QueueUrl"]
    errands(aws.sqs, queue_url, Waiting()).send(messages(2), express=True)
    assert (len(received(aws, queue_url)), len(received(aws, express))) == (0, 2)


def test_every_kind_of_errand_arrives_as_it_was_sent(queue: tuple[ErrandQueue, Taken]) -> None:
    sent: list[Errand] = [
        *messages(1),
        JobPage(job_id="job_1", endpoint_id="ep_1", page=7),
        Alert(event_id="evt_1"),
    ]
    queue[0].send(sent)
    assert by_endpoint(queue[1]()) == by_endpoint(sent)


def test_a_job_waits_at_most_as_long_as_sqs_can(aws: Clients, queue_url: str) -> None:
    schedules = Waiting()
    page = JobPage(job_id="job_1", endpoint_id="ep_1", page=1)
    errands(aws.sqs, queue_url, schedules).send_later(page, timedelta(hours=1))
    assert (waiting_for_later(aws, queue_url), schedules.put_off) == (1, [])
