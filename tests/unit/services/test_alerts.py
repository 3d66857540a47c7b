from __future__ import annotations

import pytest

from chalicelib.domain.alerts import alert_mail
from chalicelib.domain.errors import EventNotFound
from chalicelib.domain.obituaries import farewell
from chalicelib.services.alerts import send_alert
from tests.fakes import NOW, FakeMailer, World, interrupt
from tests.making import an_endpoint, an_id

NOTICE = farewell(an_endpoint(), now=NOW)


def test_the_owner_is_mailed_what_the_event_says() -> None:
    world, mailer = World(), FakeMailer()
    world.put_event(NOTICE)
    send_alert(NOTICE.id, events=world, mailer=mailer)
    mail = alert_mail(NOTICE)
    assert mailer.mails == [(mail.subject, mail.text)]


def test_an_event_that_is_gone_fails_loudly_and_mails_nothing() -> None:
    mailer = FakeMailer()
    with pytest.raises(EventNotFound):
        send_alert(an_id("evt"), events=World(), mailer=mailer)
    assert mailer.mails == []


def test_a_mail_that_was_not_taken_fails_so_that_it_is_tried_again() -> None:
    world, mailer = World(), FakeMailer()
    world.put_event(NOTICE)
    interrupt(mailer, "send", ConnectionError("SES is away"))
    with pytest.raises(ConnectionError):
        send_alert(NOTICE.id, events=world, mailer=mailer)
    send_alert(NOTICE.id, events=world, mailer=mailer)
    assert len(mailer.mails) == 1


def test_nothing_of_the_mail_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.put_event(NOTICE)
    with caplog.at_level("DEBUG"):
        send_alert(NOTICE.id, events=world, mailer=FakeMailer())
    assert [record.getMessage() for record in caplog.records] == ["owner alerted"]
    assert "hooks.example.com" not in caplog.text
