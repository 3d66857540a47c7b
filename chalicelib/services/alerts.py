"""Telling the owner."""

from __future__ import annotations

import logging

from chalicelib.domain.alerts import alert_mail
from chalicelib.domain.errors import EventNotFound
from chalicelib.ports import EventStore, Mailer

log = logging.getLogger(__name__)


def send_alert(event_id: str, *, events: EventStore, mailer: Mailer) -> None:
    """Mail the owner what an event says; done again, it is mailed again.

    EventNotFound if there is no such event any more.
    """
    event = events.get_event(event_id)
    if event is None:
        raise EventNotFound
    mail = alert_mail(event)
    mailer.send(mail.subject, mail.text)
    log.info("owner alerted", extra={"event_id": event_id, "order_id": event.order_id})
