"""What we sign, judged by what receivers use: standardwebhooks and svix, in Python and in JavaScript.

They read the machine's own clock, so messages are signed at the real now. svix is standardwebhooks that also
takes headers of its own names; in JavaScript it brings an older release of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import standardwebhooks.webhooks
import svix.webhooks
from standardwebhooks.webhooks import WebhookVerificationError

from chalicelib.domain.signing import (
    EndpointSecrets,
    SigningSecret,
    check_secret,
    new_secret,
    signed_headers,
)
from tests.fakes import FakeEntropy

ROOT = Path(__file__).parents[2]
JAVASCRIPT = Path(__file__).parent / "interop"

Judge = Callable[[str, bytes, Mapping[str, str]], str]  # secret, body, headers: what the library says
ACCEPTED = "accepted"
NOT_JSON = "accepted, but not JSON"  # most parse what they have verified, and raise the parser's error
NOT_TEXT = "not UTF-8"  # in Python they raise the decoder's error
MISSING = "Missing required headers"
NO_MATCH = "No matching signature found"
TOO_OLD = "Message timestamp too old"
TOO_NEW = "Message timestamp too new"

ENTROPY = FakeEntropy()
SECRET, OTHER = new_secret(ENTROPY), new_secret(ENTROPY)
BODY = '{"type":"order.paid","name":"Zoë 茶"}'.encode()
FORM = b"type=order.paid&name=Zo%C3%AB+%E8%8C%B6&total=19.90"
HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature"]


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The JavaScript libraries that interop/package-lock.json pins, installed once."""
    for program in ("node", "npm"):
        assert shutil.which(program), f"this test needs {program}: install Node.js 18 or newer"
    cache = ROOT / ".local" / "cache"
    lock = hashlib.sha256((JAVASCRIPT / "package-lock.json").read_bytes()).hexdigest()
    installed = cache / f"interop-{lock[:12]}"
    if not installed.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(shutil.copytree(JAVASCRIPT, Path(folder) / "interop"))
            subprocess.run(["npm", "ci", "--silent", "--cache", cache / "npm"], cwd=made, check=True)
            with suppress(OSError):  # another run was first
                made.rename(installed)
    return installed / "node_modules"


@pytest.fixture(scope="module")
def node(node_modules: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs interop/verify.js: one process for all tests."""
    with subprocess.Popen(
        ["node", JAVASCRIPT / "verify.js"],
        env=os.environ | {"NODE_PATH": str(node_modules)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def ask_node(
    library: str, process: subprocess.Popen[str], secret: str, body: bytes, headers: Mapping[str, str]
) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    received = {
        "library": library,
        "secret": secret,
        "body": base64.b64encode(body).decode(),
        "headers": dict(headers),
    }
    process.stdin.write(json.dumps(received) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    assert answer, "node ended: its error is in what this test wrote to stderr"
    return str(json.loads(answer))


def ask_python(
    library: type[standardwebhooks.webhooks.Webhook | svix.webhooks.Webhook],
    secret: str,
    body: bytes,
    headers: Mapping[str, str],
) -> str:
    try:
        library(secret).verify(body, dict(headers))
    except WebhookVerificationError as refusal:
        return str(refusal)
    except json.JSONDecodeError:
        return NOT_JSON
    except UnicodeDecodeError:
        return NOT_TEXT
    return ACCEPTED


@pytest.fixture(
    params=[
        "standardwebhooks in Python",
        "svix in Python",
        "standardwebhooks in JavaScript",
        "svix in JavaScript",
    ]
)
def judge(request: pytest.FixtureRequest) -> Judge:
    library, language = request.param.split(" in ")
    if language == "JavaScript":
        return partial(ask_node, library, request.getfixturevalue("node"))
    return partial(
        ask_python, {"standardwebhooks": standardwebhooks.webhooks, "svix": svix.webhooks}[library].Webhook
    )


def signed(
    *secrets: str, body: bytes = BODY, message_id: str = "evt_1", age: timedelta = timedelta()
) -> dict[str, str]:
    """Headers as we send them; `age` is how long ago (negative: in the future)."""
    return signed_headers(
        message_id=message_id, payload=body, secrets=secrets or (SECRET,), now=datetime.now(UTC) - age
    )


def altered(body: bytes) -> Iterator[bytes]:
    """The body with one bit turned, each bit of each byte in turn."""
    for position, byte in enumerate(body):
        for bit in range(8):
            yield body[:position] + bytes([byte ^ 1 << bit]) + body[position + 1 :]


def own_secret(size: int) -> str:
    """As an owner may supply it; its base64 has + and /."""
    return check_secret("whsec_" + base64.b64encode(bytes(range(255, 255 - size, -1))).decode())


def test_a_message_is_accepted_by_who_holds_its_secret(judge: Judge) -> None:
    assert judge(SECRET, BODY, signed()) == ACCEPTED


def test_a_message_is_refused_by_who_holds_another_secret(judge: Judge) -> None:
    assert judge(OTHER, BODY, signed()) == NO_MATCH


@pytest.mark.parametrize("size", [24, 32, 64])
def test_an_owners_own_secret_signs_too(judge: Judge, size: int) -> None:
    headers = signed(own_secret(size))
    assert judge(own_secret(size), BODY, headers) == ACCEPTED
    assert judge(SECRET, BODY, headers) == NO_MATCH


def test_while_secrets_rotate_the_old_and_the_new_open_a_message_and_then_the_new_alone(judge: Judge) -> None:
    now, overlap = datetime.now(UTC), timedelta(days=1)
    old, new, unknown = (new_secret(ENTROPY) for _ in range(3))
    held = EndpointSecrets([SigningSecret(secret=old)]).rotated(new, overlap=overlap, now=now)

    during = signed(*held.at(now))
    assert [judge(secret, BODY, during) for secret in (old, new, unknown)] == [ACCEPTED, ACCEPTED, NO_MATCH]

    after = signed(*held.at(now + overlap))
    assert [judge(secret, BODY, after) for secret in (old, new, unknown)] == [NO_MATCH, ACCEPTED, NO_MATCH]


def test_however_often_secrets_rotate_each_that_counts_opens_a_message(judge: Judge) -> None:
    now = datetime.now(UTC)
    held = EndpointSecrets([SigningSecret(secret=SECRET)])
    for _ in range(9):
        held = held.rotated(new_secret(ENTROPY), overlap=timedelta(days=1), now=now)
    secrets = held.at(now)
    assert [judge(secret, BODY, signed(*secrets)) for secret in secrets] == [ACCEPTED] * 5
    assert judge(SECRET, BODY, signed(*secrets)) == NO_MATCH


@pytest.mark.parametrize(
    "text",
    ["Zoë 茶", "e\u0301 \u00e9", "👩‍👩‍👧 שלום", "\u2028\u2029\ufeff", "\U0010ffff\ufffd", "\x00\x7f\r\n"],
    ids=ascii,
)
@pytest.mark.parametrize("is_escaped", [False, True], ids=["as UTF-8", "escaped"])
def test_a_body_may_say_anything(judge: Judge, text: str, is_escaped: bool) -> None:  # noqa: FBT001
    body = json.dumps({"name": text}, ensure_ascii=is_escaped).encode()
    assert judge(SECRET, body, signed(body=body)) == ACCEPTED


def test_a_large_body_is_accepted_and_refused_if_its_last_word_differs(judge: Judge) -> None:
    body = json.dumps({"name": "茶" * 70_000, "paid": "yes"}, ensure_ascii=False).encode()
    assert len(body) > 200_000
    headers = signed(body=body)
    assert judge(SECRET, body, headers) == ACCEPTED
    assert judge(SECRET, body.replace(b"yes", b"no"), headers) == NO_MATCH


@pytest.mark.parametrize("body", [FORM, b"", b'{"cut'])
def test_a_body_that_is_not_json_is_verified_before_a_library_parses_it(judge: Judge, body: bytes) -> None:
    headers = signed(body=body)
    assert judge(SECRET, body, headers) in {ACCEPTED, NOT_JSON}
    assert judge(SECRET, body + b"&", headers) == NO_MATCH
    assert judge(OTHER, body, headers) == NO_MATCH


@pytest.mark.parametrize("body", [BODY, FORM], ids=["json", "form"])
def test_a_body_with_any_one_bit_altered_is_refused(judge: Judge, body: bytes) -> None:
    headers = signed(body=body)
    verdicts = {other: judge(SECRET, other, headers) for other in altered(body)}
    assert len(verdicts) == 8 * len(body)
    assert [other for other, verdict in verdicts.items() if verdict not in {NO_MATCH, NOT_TEXT}] == []


@pytest.mark.parametrize("body", [BODY + b" ", b" " + BODY, BODY[:-1], BODY[1:], b"", BODY * 2])
def test_a_longer_or_shorter_body_is_refused(judge: Judge, body: bytes) -> None:
    assert judge(SECRET, body, signed()) == NO_MATCH


@pytest.mark.parametrize("message_id", ["evt_2", "evt_", "evt_11", "Evt_1", "evt_1."])
def test_an_altered_id_is_refused(judge: Judge, message_id: str) -> None:
    assert judge(SECRET, BODY, signed() | {"webhook-id": message_id}) == NO_MATCH


@pytest.mark.parametrize("seconds", [-1, 1])
def test_an_altered_timestamp_is_refused(judge: Judge, seconds: int) -> None:
    headers = signed()
    timestamp = str(int(headers["webhook-timestamp"]) + seconds)
    assert judge(SECRET, BODY, headers | {"webhook-timestamp": timestamp}) == NO_MATCH


def test_an_altered_signature_is_refused(judge: Judge) -> None:
    headers = signed()
    signature = headers["webhook-signature"].removeprefix("v1,")
    assert judge(SECRET, BODY, headers | {"webhook-signature": f"v1,{signature.swapcase()}"}) == NO_MATCH


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(5.5, TOO_OLD), (4.5, ACCEPTED), (-4.5, ACCEPTED), (-5.5, TOO_NEW)]
)
def test_a_message_is_accepted_within_five_minutes_of_its_attempt(
    judge: Judge, minutes: float, verdict: str
) -> None:
    assert judge(SECRET, BODY, signed(age=timedelta(minutes=minutes))) == verdict


@pytest.mark.parametrize("minutes", [5.5, -5.5])
def test_a_message_out_of_its_time_is_not_revived_by_a_new_timestamp(judge: Judge, minutes: float) -> None:
    headers = signed(age=timedelta(minutes=minutes))
    assert judge(SECRET, BODY, headers | {"webhook-timestamp": signed()["webhook-timestamp"]}) == NO_MATCH


def test_a_retry_an_hour_later_is_accepted_as_it_is_signed_anew(judge: Judge) -> None:
    first, retry = signed(age=timedelta(hours=1)), signed()
    assert [judge(SECRET, BODY, headers) for headers in (first, retry)] == [TOO_OLD, ACCEPTED]


@pytest.mark.parametrize("names", [[name] for name in HEADERS] + [HEADERS], ids="+".join)
def test_headers_of_another_message_are_refused(judge: Judge, names: list[str]) -> None:
    body = b'{"type":"order.refunded"}'
    other = signed(message_id="evt_2", body=body, age=timedelta(minutes=1))
    assert judge(SECRET, body, other) == ACCEPTED
    assert judge(SECRET, BODY, signed() | {name: other[name] for name in names}) == NO_MATCH


@pytest.mark.parametrize("name", HEADERS)
def test_a_message_without_one_of_its_headers_is_refused(judge: Judge, name: str) -> None:
    headers = signed()
    assert judge(SECRET, BODY, headers | {name: ""}) == MISSING
    del headers[name]
    assert judge(SECRET, BODY, headers) == MISSING
