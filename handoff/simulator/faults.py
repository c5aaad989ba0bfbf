"""What can be made to go wrong at a provider. One `Faults` for each channel, changed through `POST /control/faults`."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, Self

type Answer = int | Literal["timeout", "lost"]

ANSWERS = frozenset({400, 401, 403, 404, 429, 500, 502, 503, "timeout", "lost"})


class BadFault(ValueError):
    """A fault that this simulator cannot produce; the text names the field, never a value."""


@dataclass(slots=True)
class Faults:
    """Faults of one channel. Nothing is wrong by default.

    API side: `delay_ms` before every answer; `fail_rate` (0–1) of answers are a 500; `next` are the coming answers, an
    HTTP status, "timeout" (nothing is taken, no answer comes) or "lost" (the message is taken, no answer comes).
    `pair_limit` switches Meta's limit of messages to one person.
    Webhook side: `duplicate` copies more of each message; `reorder` lets every second message be overtaken (never on
    Telegram, which keeps order in a chat); `late_ms` before a message's webhook is first tried; `drop_statuses` and
    `shuffle_statuses` for what is reported of messages that we sent.
    """

    delay_ms: float = 0.0
    fail_rate: float = 0.0
    next: list[Answer] = field(default_factory=list)
    pair_limit: bool = True
    duplicate: int = 0
    reorder: bool = False
    late_ms: float = 0.0
    drop_statuses: bool = False
    shuffle_statuses: bool = False

    @classmethod
    def parse(cls, values: dict[str, object]) -> Self:
        """Read a control request. Raises BadFault."""
        known = {item.name: item for item in fields(cls)}
        unknown = set(values) - set(known)
        if unknown:
            raise BadFault(f"unknown fault fields: {len(unknown)}; known: {', '.join(known)}")
        faults = cls()
        for name, value in values.items():
            setattr(faults, name, _checked(name, value, getattr(faults, name)))
        return faults

    def answer(self, dice: random.Random) -> Answer | None:
        """The fault for this request, or None when it is to be answered properly."""
        if self.next:
            return self.next.pop(0)
        return 500 if self.fail_rate and dice.random() < self.fail_rate else None

    def describe(self) -> dict[str, object]:
        """The present faults, as JSON."""
        return asdict(self)


def _checked(name: str, value: object, default: object) -> object:
    if isinstance(default, list):
        if not isinstance(value, list) or not all(item in ANSWERS for item in value):
            raise BadFault(f"{name}: a list of HTTP status codes, 'timeout' or 'lost'")
        return list(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise BadFault(f"{name}: true or false")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadFault(f"{name}: a number that is not negative")
    return int(value) if isinstance(default, int) else float(value)
