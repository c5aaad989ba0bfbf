"""Reading what a provider posted without ever trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from handoff.core.message import Event, Poison

type Json = Mapping[str, object]

# Above this a number of seconds would lie after the year 5000, so it is milliseconds.
MILLISECONDS_FROM = 100_000_000_000


class Unreadable(Exception):
    """This item cannot be read. `code` is ours and holds nothing of the content."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_json(body: bytes) -> object:
    """The JSON value of a body. Raises Unreadable("bad_json"), also for nesting deeper than the parser goes."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    raise Unreadable("bad_json")


def clean(text: object) -> str:
    """A string that a database and an encoder can take: no lone surrogates, no NUL; "" for what is no string."""
    if not isinstance(text, str):
        return ""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def child(item: Json, name: str) -> Json:
    """The object under `name`, or an empty one: absent and wrongly typed are read alike."""
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def children(item: Json, name: str) -> Sequence[object]:
    """The list under `name`, or an empty one."""
    value = item.get(name)
    return value if isinstance(value, list) else ()


def identifier(item: Json, name: str) -> str:
    """An id as text, "" when there is none. Providers write ids as strings or as whole numbers."""
    value = item.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        # Longer than any real id, and longer than Python writes out.
        return str(value) if abs(value) < 10**30 else ""
    return clean(value)


def timestamp(value: object) -> datetime | None:
    """Seconds or milliseconds since 1970, as a number or a string; None for what is no time."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds >= MILLISECONDS_FROM else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def poisoned(channel: str, account: str, body: bytes, read: Callable[[], Sequence[Event]]) -> Sequence[Event]:
    """What `read` returns, or one Poison where it cannot be read.

    A crash of ours is a Poison too: Telegram holds back everything of a person behind an update that gets a 500,
    for 24 hours.
    """
    try:
        return read()
    except Unreadable as error:
        code = error.code
    except Exception as error:
        code = f"crash_{type(error).__name__}"
    return [Poison(channel, account, code, body)]
