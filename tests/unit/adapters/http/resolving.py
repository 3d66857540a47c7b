from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from chalicelib.domain.addresses import IPAddress


class Names:
    """A resolver that knows the names it was given; each answer is used up until the last one is left."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self._names = {name.replace("_", "."): list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    def resolve(self, host: str) -> list[IPAddress]:
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is None:
            return [ipaddress.ip_address(host)]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(text) for text in found]
