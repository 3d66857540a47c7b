import re
import signal
import subprocess
import sys

import pytest
import stripe

from local.stripe_sandbox.account import API_VERSION
from tests.unit.local.stripe_sandbox.asking import Asker
from tests.unit.local.stripe_sandbox.receiver import SECRET, Receiver


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_says_where_it_listens_works_and_ends_cleanly(
    receiver: Receiver, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "local.stripe_sandbox", "--port", "0", "--webhook-url", receiver.url]
    command += ["--webhook-secret", SECRET, "--secret-key", "sk_test_1", "--publishable-key", "pk_test_1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout
        line = program.stdout.readline()
        match = re.fullmatch(r"stripe sandbox listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert match, line
        health = Asker(match[1]).get("/_sandbox/health")
        assert health.body == {"status": "ok", "api_version": API_VERSION}
        client = stripe.StripeClient("sk_test_1", base_addresses={"api": match[1]})
        client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
        assert receiver.types(1) == ["payment_intent.created"]
        program.send_signal(number)
        output, errors = program.communicate(timeout=10)
    assert (program.returncode, output, errors) == (0, "", "")


def test_the_sandbox_speaks_the_version_of_the_pinned_sdk() -> None:
    assert stripe.api_version == API_VERSION
