"""HTTP as the demo speaks it: JSON in, JSON out, and a plain sentence when it goes wrong."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

Json = dict[str, Any]
Found = TypeVar("Found")

PATIENCE = 30.0  # seconds for one answer; the first one starts a function
EXCERPT = 600  # characters of an answer that are worth showing
LOOK_EVERY = 0.1


class Refused(Exception):
    """Somebody answered otherwise than the story needs; the text says who, what and how."""


class NotSeen(Exception):
    """What should have happened was not to be seen in time."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """An HTTP API at `url`. `bearer` is sent with each request unless the request has its own."""

    url: str
    bearer: str = field(default="", repr=False)

    def ask(self, method: str, path: str, body: object = None, *, bearer: str = "") -> Json:
        """The answer's JSON. Raises `Refused` unless it is a success."""
        token = bearer or self.bearer
        answer = requests.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=PATIENCE,
        )
        return success(answer)


def success(answer: requests.Response) -> Json:
    """The JSON of an answer that is a success. Raises `Refused`."""
    if not answer.ok:
        path = answer.request.path_url.partition("_user_request_")[2] or answer.request.path_url
        told = " ".join(answer.text.split())[:EXCERPT]
        raise Refused(f"{answer.request.method} {path} answered {answer.status_code}: {told}")
    found: Json = answer.json() if answer.content else {}
    return found


def wait_for(
    look: Callable[[], Found | None], *, what: str, patience: float, every: float = LOOK_EVERY
) -> Found:
    """What `look` finds, as soon as it finds something.

    Raises `NotSeen`, saying `what` was not so, after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NotSeen(f"{what} within {patience:g} s.")
        time.sleep(every)
    return found
