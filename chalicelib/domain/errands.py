"""What the queues carry: something to be done by whichever worker takes it."""

from __future__ import annotations

from msgspec import Struct


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="delivery"):
    """Attempt number `attempt` of an event to an endpoint.

    `generation` tells a replay from what was before it: 0 at first, then the time at which the replay was
    asked for, so that a later one always wins. `payload` is the event's own, inline; absent where it is too
    large for that, to be read by its id.

    `again` sends even what has been delivered, `insist` even to an endpoint whose deliveries are held, and
    `once` makes a failure final. `waited` says that a worker has put it back, so that others may have
    overtaken it; `has_ticket` that it has come back in its turn to an endpoint with a rate limit.
    """

    event_id: str
    event_type: str
    order_id: str
    endpoint_id: str
    generation: int = 0
    attempt: int = 1
    payload: str | None = None
    again: bool = False
    insist: bool = False
    once: bool = False
    waited: bool = False
    has_ticket: bool = False

    @property
    def is_first(self) -> bool:
        """Whether, as far as the message knows, nobody has tried before."""
        return self.generation == 0 and self.attempt == 1 and not self.waited


class JobPage(Struct, frozen=True, kw_only=True, tag_field="kind", tag="job"):
    """The next page of a job, from 1. Jobs about one endpoint share its turn with its deliveries."""

    job_id: str
    endpoint_id: str
    page: int


class Alert(Struct, frozen=True, kw_only=True, tag_field="kind", tag="alert"):
    """An event that its owner is to be told by mail."""

    event_id: str


Errand = Message | JobPage | Alert
