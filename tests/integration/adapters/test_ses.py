"""moto refuses senders that are not verified, as SES does; of SES's sandbox it knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend

from chalicelib.adapters.ses import SesMailer
from chalicelib.ports import Mailer
from tests.fakes import FakeMailer

OWNER = "owner@shop.example"
REGION = "eu-central-1"


@pytest.fixture
def ses() -> Iterator[Any]:
    """Botocore's client of SESv2."""
    with mock_aws():
        session = boto3.session.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION
        )
        yield session.client("sesv2")


@pytest.fixture
def mailer(ses: Any) -> SesMailer:  # noqa: ANN401 (botocore makes its clients at run time)
    return SesMailer(ses, address=OWNER, stage="prod")


def sent() -> list[Any]:
    backend: Any = get_backend("ses")["123456789012"][REGION]
    return list(backend.sent_messages)


@pytest.fixture(params=["fake", "aws"])
def any_mailer(request: pytest.FixtureRequest, ses: Any) -> Mailer:  # noqa: ANN401 (as above)
    ses.create_email_identity(EmailIdentity=OWNER)
    found: Mailer = FakeMailer() if request.param == "fake" else request.getfixturevalue("mailer")
    return found


@pytest.mark.parametrize("text", ["", "short", "a\nb\n", "€ é 𝄞 \u2028", "a" * 200_000])
def test_any_text_can_be_mailed(any_mailer: Mailer, text: str) -> None:
    any_mailer.send("Not delivered: order.paid", text)


def test_a_mail_goes_from_the_owner_to_the_owner_in_the_shops_name(ses: Any, mailer: SesMailer) -> None:  # noqa: ANN401 (as above)
    ses.create_email_identity(EmailIdentity=OWNER)
    mailer.send("Not delivered: café", "Hallo\nÖsterreich")
    (mail,) = sent()
    assert mail.source == f"Tillhook prod <{OWNER}>"
    assert mail.destinations == {"ToAddresses": [OWNER]}
    assert (mail.subject, mail.body) == ("Not delivered: café", "Hallo\nÖsterreich")


def test_an_address_that_is_not_verified_is_refused_and_the_log_says_what_to_do(
    mailer: SesMailer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ClientError, match="not verified"):
        mailer.send("Not delivered", "the content")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "Click the link that AWS has mailed to it" in record.getMessage()
    assert "make deploy" in record.getMessage()
    assert OWNER not in record.getMessage()
    assert "the content" not in caplog.text
    assert sent() == []


def test_another_refusal_is_told_in_sess_words(caplog: pytest.LogCaptureFixture, ses: Any) -> None:  # noqa: ANN401 (as above)
    ses.create_email_identity(EmailIdentity=OWNER)
    mailer = SesMailer(_refusing(ses, "Message contains a virus."), address=OWNER, stage="prod")
    with pytest.raises(ClientError, match="virus"):
        mailer.send("Not delivered", "the content")
    assert "Message contains a virus." in caplog.text
    assert "Click the link" not in caplog.text


def _refusing(ses: Any, message: str) -> Any:  # noqa: ANN401 (as above)
    def refuse(**_: object) -> None:
        raise ses.exceptions.MessageRejected(
            {"Error": {"Code": "MessageRejected", "Message": message}}, "SendEmail"
        )

    ses.send_email = refuse
    return ses
